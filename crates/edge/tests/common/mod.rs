//! A router in memory: a kernel and a BGP daemon that behave as the real ones where it matters to the agent, with faults
//! on demand, so that the tests run the real plan and the real agent.

#![allow(dead_code, reason = "each test binary uses a part")]

pub mod build;
pub mod daemon;
pub mod dirt;
pub mod forward;
pub mod judge;
pub mod kernel;
pub mod router;
