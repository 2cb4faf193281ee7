//! What the accept loop and all connections share, for as long as the listener is open.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use super::bodies::Bodies;
use super::{Limits, Proxies};
use crate::telemetry::Telemetry;

/// What all connections share.
pub(super) struct Shared<H> {
    pub limits: Limits,
    pub telemetry: Arc<Telemetry>,
    pub handler: H,
    pub bodies: Bodies,
    pub proxies: Proxies,
    pub stop: Notify,
    stopping: AtomicBool,
}

impl<H> Shared<H> {
    pub fn new(limits: Limits, proxies: Proxies, telemetry: Arc<Telemetry>, handler: H) -> Self {
        Self {
            bodies: Bodies::new(limits.max_bodies_bytes, limits.max_bodies_bytes_per_address),
            limits,
            proxies,
            telemetry,
            handler,
            stop: Notify::new(),
            stopping: AtomicBool::new(false),
        }
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.stop.notify_waiters();
    }
}
