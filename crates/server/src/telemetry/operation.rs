//! Requests by operation and code.

use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::registry::Registry;

use super::{Histogram, One, seconds_family};

type Requests = Family<[(&'static str, &'static str); 2], Counter>;

/// The code of a request that was carried out.
const OK: &str = "ok";

/// Hands out one handle for each operation.
pub struct Operations {
    requests: Requests,
    durations: One<Histogram>,
    handles: Mutex<Vec<Operation>>,
}

impl Operations {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let requests = Requests::default();
        registry.register("linkway_requests", "Requests by operation and code", requests.clone());
        let durations = seconds_family(
            registry,
            "linkway_request_duration",
            "From the end of a request's headers to its answer",
        );
        Self { requests, durations, handles: Mutex::new(Vec::new()) }
    }

    /// The handle of an operation: to be asked for once and kept (in a dispatch table).
    pub fn operation(&self, name: &'static str) -> Operation {
        let mut handles = self.handles.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(handle) = handles.iter().find(|handle| handle.0.name == name) {
            return handle.clone();
        }
        let handle = Operation(Arc::new(Inner {
            name,
            requests: self.requests.clone(),
            ok: counter_of(&self.requests, name, OK),
            refused: RwLock::new(Vec::new()),
            duration: self.durations.get_or_create_owned(&[("operation", name)]),
        }));
        handles.push(handle.clone());
        handle
    }
}

/// Counts the requests of one operation.
#[derive(Clone)]
pub struct Operation(Arc<Inner>);

struct Inner {
    name: &'static str,
    requests: Requests,
    ok: Counter,
    /// By code; as many as there are error codes, so that walking it is quicker than hashing.
    refused: RwLock<Vec<(&'static str, Counter)>>,
    duration: Histogram,
}

impl Operation {
    /// The operation's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.0.name
    }

    /// Counts one request. `code` is `ok` or the error code.
    pub fn record(&self, code: &'static str, took: Duration) {
        self.0.duration.observe(took);
        if code == OK {
            self.0.ok.inc();
            return;
        }
        let refused = self.0.refused.read().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, counter)) = refused.iter().find(|(known, _)| *known == code) {
            counter.inc();
            return;
        }
        drop(refused);
        let counter = counter_of(&self.0.requests, self.0.name, code);
        counter.inc();
        let mut refused = self.0.refused.write().unwrap_or_else(PoisonError::into_inner);
        if refused.iter().all(|(known, _)| *known != code) {
            refused.push((code, counter));
        }
    }
}

fn counter_of(requests: &Requests, operation: &'static str, code: &'static str) -> Counter {
    requests.get_or_create_owned(&[("operation", operation), ("code", code)])
}
