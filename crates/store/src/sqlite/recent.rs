//! What was committed lately and is so far only in the log, in the order of its keys.
//!
//! A commit is durable once its row is in the log table; this is the log's readable form. Every
//! read looks here first, then in the `records` table. The writer thread alone changes it: it
//! adds each commit once it is synced, and takes out what it has merged into `records`.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use crate::{Revision, Versioned};

/// A key and what a commit made of it.
pub(crate) type Change = (Arc<str>, Option<Arc<[u8]>>);

/// Rough cost of an entry beside its key and value: two counted allocations and its place in
/// the tree.
const ENTRY_BYTES: usize = 112;

/// The latest state of one key.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) version: Revision,
    /// `None`: deleted, whatever `records` says.
    pub(crate) value: Option<Arc<[u8]>>,
}

impl Entry {
    fn bytes(&self, key: &str) -> usize {
        ENTRY_BYTES + key.len() + self.value.as_ref().map_or(0, |value| value.len())
    }

    /// What a read answers.
    pub(crate) fn versioned(&self) -> Option<Versioned> {
        let value = self.value.as_ref()?.to_vec();
        Some(Versioned { version: self.version, value })
    }

    /// The version that a compare sees: 0 for what is deleted.
    pub(crate) fn seen_version(&self) -> Revision {
        if self.value.is_some() { self.version } else { 0 }
    }
}

/// The unmerged records.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    records: BTreeMap<Arc<str>, Entry>,
    bytes: usize,
    revision: Revision,
}

impl Recent {
    /// What is left of `entries` in the order of their commits, as of `revision`.
    pub(crate) fn new(revision: Revision, entries: Vec<(Arc<str>, Entry)>) -> Self {
        // Sorted once and built from below: half the time of inserting one by one.
        let records = BTreeMap::from_iter(entries);
        let bytes = records.iter().map(|(key, entry)| entry.bytes(key)).sum();
        Self { records, bytes, revision }
    }

    /// The store's latest revision that reads may see.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// Roughly the memory in use.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.records.get(key)
    }

    /// The entries of a prefix after `after`, deleted ones included.
    pub(crate) fn below<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Entry)> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            Some(_) | None => Bound::Included(prefix),
        };
        self.records
            .range::<str, _>((start, Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
    }

    /// Adds one commit.
    pub(crate) fn apply(&mut self, version: Revision, changes: Vec<Change>) {
        for (key, value) in changes {
            let entry = Entry { version, value };
            self.bytes += entry.bytes(&key);
            if let Some(old) = self.records.insert(Arc::clone(&key), entry) {
                self.bytes -= old.bytes(&key);
            }
        }
        self.revision = version;
    }

    /// The next `count` entries after `after` that are not newer than `upto`: what to merge next.
    pub(crate) fn mergeable(
        &self,
        after: Option<&str>,
        upto: Revision,
        count: usize,
    ) -> Vec<(Arc<str>, Entry)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.records
            .range::<str, _>((start, Bound::Unbounded))
            .filter(|(_, entry)| entry.version <= upto)
            .take(count)
            .map(|(key, entry)| (Arc::clone(key), entry.clone()))
            .collect()
    }

    /// Takes out what is merged, unless the key was written again meanwhile.
    pub(crate) fn forget(&mut self, merged: &[(Arc<str>, Entry)]) {
        for (key, entry) in merged {
            if self.get(key).is_some_and(|current| current.version == entry.version) {
                self.records.remove(key);
                self.bytes -= entry.bytes(key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(key: &str) -> Change {
        (key.into(), Some(Arc::from(&b"value"[..])))
    }

    #[test]
    fn what_was_written_again_is_neither_merged_nor_forgotten() {
        let mut recent = Recent::new(0, vec![]);
        recent.apply(1, vec![put("a"), put("b"), put("c")]);
        recent.apply(2, vec![put("b")]);
        let merging = recent.mergeable(None, 1, 10);
        assert_eq!(merging.iter().map(|(key, _)| &**key).collect::<Vec<_>>(), ["a", "c"]);
        recent.apply(3, vec![("c".into(), None)]);
        recent.forget(&merging);
        let left: Vec<_> = recent.below("", None).map(|(key, e)| (&**key, e.version)).collect();
        assert_eq!(left, [("b", 2), ("c", 3)]);
        let all = recent.mergeable(None, 3, 10);
        recent.forget(&all);
        assert_eq!((recent.bytes(), recent.revision()), (0, 3));
    }
}
