//! The reference model: what every engine must do, in the fewest lines that say it.
//!
//! Lives in memory and is gone with the process. Tests compare the other engines with it, and
//! simulations run on it.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use tokio::sync::watch;

use crate::changes::{ChangeLog, DEFAULT_CHANGES};
use crate::observer::{BatchReport, Meter};
use crate::{
    Changes, Commit, CommitError, Compare, MAX_PAGE, Page, Revision, Snapshot, Stats, Store,
    StoreError, Versioned, Write,
};

/// A store in memory.
pub struct MemoryStore {
    state: Mutex<State>,
    changes: ChangeLog,
    meter: Meter,
}

#[derive(Default)]
struct State {
    revision: Revision,
    records: BTreeMap<String, Versioned>,
}

impl MemoryStore {
    /// An empty store.
    pub fn new() -> Self {
        Self::with_changes(DEFAULT_CHANGES)
    }

    /// An empty store that remembers the last `capacity` changed keys.
    pub fn with_changes(capacity: usize) -> Self {
        Self {
            state: Mutex::default(),
            changes: ChangeLog::new(0, capacity),
            meter: Meter::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl State {
    fn holds(&self, compare: &Compare) -> bool {
        match compare {
            Compare::Key { key, version } => {
                self.records.get(key).map_or(0, |record| record.version) == *version
            }
            Compare::EmptyPrefix { prefix } => self.below(prefix, None).next().is_none(),
        }
    }

    fn below<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'a String, &'a Versioned)> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            Some(_) | None => Bound::Included(prefix),
        };
        self.records
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// Carries out one write and tells whether it changed anything.
    fn apply(&mut self, write: Write, version: Revision) -> bool {
        match write.value {
            Some(value) => {
                self.records.insert(write.key, Versioned { version, value });
                true
            }
            None => self.records.remove(&write.key).is_some(),
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        Ok(self.state().records.get(key).cloned())
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Snapshot, StoreError> {
        let state = self.state();
        let records = keys.iter().map(|key| state.records.get(*key).cloned()).collect();
        Ok(Snapshot { revision: state.revision, records })
    }

    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        let state = self.state();
        let mut below = state.below(prefix, after);
        let items = below.by_ref().take(limit).map(|(key, v)| (key.clone(), v.clone())).collect();
        let more = below.next().is_some();
        Ok(Page { items, revision: state.revision, more })
    }

    async fn commit(&self, commit: Commit) -> Result<Revision, CommitError> {
        commit.validate()?;
        let mut state = self.state();
        if let Some(compare) = commit.compares.iter().position(|compare| !state.holds(compare)) {
            self.meter.batch(&BatchReport { conflicts: 1, ..BatchReport::default() });
            return Err(CommitError::Conflict { compare });
        }
        let revision = state.revision + 1;
        let mut changed = Vec::with_capacity(commit.writes.len());
        for write in commit.writes {
            let key = write.key.clone();
            if state.apply(write, revision) {
                changed.push((revision, key));
            }
        }
        if !changed.is_empty() {
            state.revision = revision;
        }
        let records = changed.len();
        // Under the lock, or a later commit could be told of before this one.
        if records > 0 {
            let changed = changed.iter().map(|(revision, key)| (*revision, key.as_str()));
            self.changes.push(revision, changed);
        }
        self.meter.batch(&BatchReport { commits: 1, records, ..BatchReport::default() });
        Ok(state.revision)
    }

    async fn changes(&self, after: Revision) -> Result<Changes, StoreError> {
        Ok(self.changes.since(after))
    }

    fn watch(&self) -> watch::Receiver<Revision> {
        self.changes.watch()
    }

    fn stats(&self) -> Stats {
        self.meter.stats()
    }
}
