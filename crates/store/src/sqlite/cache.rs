//! Values of the tables in memory, for the records that are read by their keys again and again: finding one in a large tree
//! takes several pages, of which SQLite has to read some from the file.
//!
//! The cache says what the `records` table says, and is asked for keys only that are not among the recent records. So a commit
//! need not touch it: what was written is recent, and hides what is here. It is when a recent record is merged that
//! its old value must go from here; [`Recent`](super::recent::Recent) is locked for writing meanwhile. A reader that
//! found a value in the table may add it only while nothing was merged since it looked there, and holds the
//! lock for reading while it does.

use std::sync::Arc;

use quick_cache::Weighter;
use quick_cache::sync::Cache as Concurrent;

use crate::Versioned;

/// What an entry takes beside its key and value: two allocations and its place in the cache.
const ENTRY_BYTES: usize = 144;
/// Bytes that a usual entry takes, from which the cache guesses how many it will have.
const USUAL_BYTES: usize = 400;

/// Which keys are worth it.
pub type Cached = fn(&str) -> bool;

/// A value and its version.
#[derive(Clone)]
struct Value(u64, Arc<[u8]>);

#[derive(Clone)]
struct Weight;

impl Weighter<Box<str>, Value> for Weight {
    fn weight(&self, key: &Box<str>, value: &Value) -> u64 {
        (ENTRY_BYTES + key.len() + value.1.len()) as u64
    }
}

/// The cache.
pub(crate) struct Cache {
    values: Concurrent<Box<str>, Value, Weight>,
    cached: Cached,
}

impl Cache {
    pub(crate) fn new(bytes: usize, cached: Cached) -> Self {
        let values = Concurrent::with_weighter(bytes / USUAL_BYTES, bytes as u64, Weight);
        Self { values, cached }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Versioned> {
        if !(self.cached)(key) {
            return None;
        }
        let Value(version, value) = self.values.get(key)?;
        Some(Versioned { version, value: value.to_vec() })
    }

    /// Whether a value of this key would be kept and is not there yet.
    pub(crate) fn wants(&self, key: &str) -> bool {
        (self.cached)(key) && !self.values.contains_key(key)
    }

    pub(crate) fn add(&self, key: &str, found: &Versioned) {
        let value = Value(found.version, Arc::from(found.value.as_slice()));
        self.values.insert(Box::from(key), value);
    }

    /// Another value of this key is in the tables now.
    pub(crate) fn forget(&self, key: &str) {
        if (self.cached)(key) {
            self.values.remove(key);
        }
    }
}
