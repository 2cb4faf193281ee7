//! What the store does: called by whoever wires it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus_client::metrics::counter::Counter;
use prometheus_client::registry::Registry;

use super::{Histogram, counter, seconds};

/// Commits, conflicts, batches and syncs of the store.
#[derive(Clone)]
pub struct StoreMetrics {
    commits: Counter,
    conflicts: Counter,
    batches: Histogram,
    syncs: Histogram,
    failing: Arc<AtomicBool>,
}

impl StoreMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let (batches, syncs) = (Histogram::of_sizes(), Histogram::of_durations());
        let help = "Commits that shared one sync";
        registry.register("linkway_store_batch_size", help, batches.clone());
        let help = "Time to make one batch durable";
        seconds(registry, "linkway_store_sync_duration", help, &syncs);
        Self {
            commits: counter(registry, "linkway_store_commits", "Commits that took effect"),
            conflicts: counter(
                registry,
                "linkway_store_conflicts",
                "Commits refused because what they had read was changed",
            ),
            batches,
            syncs,
            failing: Arc::default(),
        }
    }

    /// A batch of this many commits took effect together.
    pub fn committed(&self, batch: usize) {
        self.commits.inc_by(batch as u64);
        self.batches.observe_size(batch);
        self.failing.store(false, Ordering::Relaxed);
    }

    /// A batch failed with the store; none of its commits took effect.
    pub fn failed(&self) {
        self.failing.store(true, Ordering::Relaxed);
    }

    /// Whether the last batch failed.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.failing.load(Ordering::Relaxed)
    }

    /// A commit was refused because what it had read was changed.
    pub fn conflict(&self) {
        self.conflicts.inc();
    }

    /// Making a batch durable took this long.
    pub fn synced(&self, took: Duration) {
        self.syncs.observe(took);
    }
}
