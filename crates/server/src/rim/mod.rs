//! The rim of the server: everything between a socket and "a complete request in memory", and what
//! an operator needs to run it. Nothing here knows what an operation means; the API beside it never
//! sees a socket, a half-read body or a slow client.

pub mod config;
pub mod event;
pub mod http;
pub mod journal;
pub mod lockout;
pub mod logs;
pub mod mask;
pub mod respond;
pub mod telemetry;
pub mod throttle;
pub mod tls;
