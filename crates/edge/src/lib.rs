//! The router's half of Linkway: makes a Linux router equal to its configuration.
//!
//! *observe* ([`Kernel`] through the netlink driver, [`Sessions`] through the BGP daemon's) → *plan* ([`plan`], pure) →
//! *apply*. Whole state, never deltas: what is observed decides what is done, so a restart, a lost message and dirt of an
//! older run are one case. It touches nothing that it did not create, and what it created it recognises ([`mark`]).

pub mod agent;
pub mod bird;
pub mod fabric;
pub mod fence;
pub mod kernel;
pub mod limits;
pub mod mark;
mod martians;
pub mod netlink;
pub mod plan;
pub mod probe;
mod program;
pub mod session;
