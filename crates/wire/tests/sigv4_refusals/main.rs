//! Each way to be refused, with its exact error type and text; and that nothing panics.

#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests too")]

mod bounds;
mod request;
mod tables;
