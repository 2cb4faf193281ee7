//! What is counted of webhooks.

use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::{One, gauge};

/// Deliveries, and receivers that refuse them.
#[derive(Clone)]
pub struct WebhookMetrics {
    deliveries: One<Counter>,
    failing: Gauge,
}

/// An account whose receiver refuses, for as long as it does.
pub struct Failing(Gauge);

impl Drop for Failing {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl WebhookMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let deliveries = One::<Counter>::default();
        let help = "Requests to webhooks by what came of them, and events that were given up";
        registry.register("linkway_webhook_deliveries", help, deliveries.clone());
        for outcome in ["delivered", "failed", "given_up"] {
            drop(deliveries.get_or_create(&[("outcome", outcome)]));
        }
        let help = "Accounts whose webhook does not take the next event";
        Self { deliveries, failing: gauge(registry, "linkway_webhooks_failing", help) }
    }

    /// The receiver took an event.
    pub fn delivered(&self) {
        self.count("delivered");
    }

    /// The receiver did not take an event, which is tried again.
    pub fn failed(&self) {
        self.count("failed");
    }

    /// An event is not tried any more.
    pub fn given_up(&self) {
        self.count("given_up");
    }

    /// Counts an account's receiver as one that refuses, until what this returns is dropped.
    #[must_use]
    pub fn failing(&self) -> Failing {
        self.failing.inc();
        Failing(self.failing.clone())
    }

    fn count(&self, outcome: &'static str) {
        self.deliveries.get_or_create(&[("outcome", outcome)]).inc();
    }
}
