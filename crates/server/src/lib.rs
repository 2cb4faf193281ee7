//! The shell around the domain: authenticate -> authorize -> decode -> read -> decide -> commit -> encode -> audit; the
//! feed for edges; the reconcilers; the simulated edge. The operator API is part of the same endpoint.

pub mod api;
pub mod audit;
pub mod boot;
pub mod clock;
pub mod codec;
pub mod config;
pub mod credentials;
pub mod feed;
pub mod http;
pub mod limits;
pub mod liveness;
pub mod logs;
pub mod migrate;
pub mod operators;
pub mod private;
pub mod reconcile;
pub mod records;
pub mod rekey;
pub mod server;
pub mod state_counts;
pub mod telemetry;
pub mod verify;
