//! Limits on what one caller may take: rates of requests, and locks after bad signatures.

pub mod lockout;
pub mod throttle;
