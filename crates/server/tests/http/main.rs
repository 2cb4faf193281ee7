//! The server against real sockets: what well-behaved, slow, broken and hostile clients get.

// A test helper that cannot go on fails its test.
#![allow(clippy::unwrap_used)]

mod limits;
mod proxies;
mod refusals;
mod requests;
mod shutdown;
mod support;
mod tls;
