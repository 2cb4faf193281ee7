//! Measurement at the rim: counters that every engine keeps, and a callback for histograms.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::Stats;

/// One batch of commits, after it was synced and before its committers are answered.
#[derive(Debug, Clone, Copy, Default)]
pub struct BatchReport {
    /// Commits that were carried out.
    pub commits: usize,
    /// Commits that were refused because a compare did not hold.
    pub conflicts: usize,
    /// Commits that failed with the engine (then none of the batch was carried out).
    pub failures: usize,
    /// Records written or deleted.
    pub records: usize,
    /// From taking the batch to its end.
    pub total: Duration,
    /// The part of `total` that wrote and synced the log.
    pub sync: Duration,
}

/// Told about each batch, on the thread that writes: be quick, do not block.
pub trait StoreObserver: Send + Sync + 'static {
    /// A batch has ended.
    fn batch(&self, report: &BatchReport);
}

/// The counters behind [`Stats`], and the observer, if there is one.
#[derive(Default)]
pub(crate) struct Meter {
    commits: AtomicU64,
    conflicts: AtomicU64,
    failures: AtomicU64,
    batches: AtomicU64,
    records: AtomicU64,
    observer: Option<Arc<dyn StoreObserver>>,
}

impl Meter {
    pub(crate) fn new(observer: Option<Arc<dyn StoreObserver>>) -> Self {
        Self { observer, ..Self::default() }
    }

    pub(crate) fn batch(&self, report: &BatchReport) {
        // Relaxed: each counter is read for itself, none guards other data.
        self.commits.fetch_add(report.commits as u64, Ordering::Relaxed);
        self.conflicts.fetch_add(report.conflicts as u64, Ordering::Relaxed);
        self.failures.fetch_add(report.failures as u64, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(report.records as u64, Ordering::Relaxed);
        if let Some(observer) = &self.observer {
            observer.batch(report);
        }
    }

    pub(crate) fn stats(&self) -> Stats {
        Stats {
            commits: self.commits.load(Ordering::Relaxed),
            conflicts: self.conflicts.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            batches: self.batches.load(Ordering::Relaxed),
            records: self.records.load(Ordering::Relaxed),
        }
    }
}
