//! Faults on purpose, for simulations: commits that fail before or after they were carried out.
//!
//! The second kind is the one that finds mistakes: the caller gets an error, yet the write is
//! there, exactly as when a server dies between its sync and its answer.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::{
    Changes, Commit, CommitError, Page, Revision, Snapshot, Stats, Store, StoreError, Versioned,
};

/// How a commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// An error, and nothing was written.
    Before,
    /// An error, although the commit was carried out (if its compares held).
    After,
}

/// Which commits fail, counted from 0 in the order in which they are started.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Schedule(BTreeMap<u64, Fault>);

impl Schedule {
    /// Exactly these.
    pub fn new(faults: impl IntoIterator<Item = (u64, Fault)>) -> Self {
        Self(faults.into_iter().collect())
    }

    /// Of the first `commits`, each fails with a chance of `percent`, half of them after they
    /// were carried out. The same seed gives the same schedule on every machine.
    pub fn seeded(seed: u64, commits: u64, percent: u64) -> Self {
        let faults = (0..commits).filter_map(|nth| {
            let drawn = mix(seed ^ mix(nth));
            let fault = if drawn & 1 == 0 { Fault::Before } else { Fault::After };
            ((drawn >> 1) % 100 < percent).then_some((nth, fault))
        });
        Self(faults.collect())
    }
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): every bit depends on every bit.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// A store whose commits fail as scheduled.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    schedule: Schedule,
    started: AtomicU64,
}

impl<S> Faulty<S> {
    /// Wraps `inner`.
    pub fn new(inner: S, schedule: Schedule) -> Self {
        Self { inner, schedule, started: AtomicU64::new(0) }
    }

    /// The store behind, for a look that nothing disturbs.
    pub fn inner(&self) -> &S {
        &self.inner
    }
}

#[async_trait]
impl<S: Store> Store for Faulty<S> {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        self.inner.get(key).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Snapshot, StoreError> {
        self.inner.get_many(keys).await
    }

    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        self.inner.scan(prefix, after, limit).await
    }

    async fn commit(&self, commit: Commit) -> Result<Revision, CommitError> {
        let nth = self.started.fetch_add(1, Ordering::SeqCst);
        let fault = self.schedule.0.get(&nth).copied();
        let failed = |fault| StoreError::Unavailable(format!("fault {fault:?} at commit {nth}"));
        match fault {
            None => self.inner.commit(commit).await,
            Some(Fault::Before) => Err(failed(Fault::Before).into()),
            Some(Fault::After) => {
                // A conflict is hidden too: whoever gets no answer does not learn that either.
                let _hidden = self.inner.commit(commit).await;
                Err(failed(Fault::After).into())
            }
        }
    }

    async fn changes(&self, after: Revision) -> Result<Changes, StoreError> {
        self.inner.changes(after).await
    }

    fn watch(&self) -> watch::Receiver<Revision> {
        self.inner.watch()
    }

    fn stats(&self) -> Stats {
        self.inner.stats()
    }

    async fn backup_to(&self, file: &Path) -> Result<(), StoreError> {
        self.inner.backup_to(file).await
    }
}
