//! The shell around the domain: authenticate -> authorize -> decode -> read -> decide -> commit -> encode -> audit; the
//! feed for edges; the reconcilers; the simulated edge. The operator API is part of the same endpoint.

pub mod api;
pub mod boot;
pub mod census;
pub mod clock;
pub mod codec;
pub mod credentials;
pub mod feed;
pub mod liveness;
pub mod reconcile;
pub mod records;
pub mod rim;
pub mod server;
pub mod trail;
pub mod verify;
