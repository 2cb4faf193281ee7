//! Limits on what one caller may take: rates of requests, what is in flight, and locks after bad signatures.

pub mod in_flight;
pub mod lockout;
pub mod replay;
pub(crate) mod source;
pub mod throttle;
