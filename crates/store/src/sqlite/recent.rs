//! What was committed lately and is so far only in the log, in the order of its keys.
//!
//! A commit is durable once its row is in the log table; this is the log's readable form. Every
//! read looks here first, then in the `records` table. The writer thread alone changes it: it
//! adds each commit once it is synced, and takes out what it has merged into `records`.

use std::collections::{BTreeSet, HashMap};
use std::ops::{Bound, RangeBounds};
use std::sync::Arc;

use crate::{Revision, Versioned};

/// A key and what a commit made of it.
pub(crate) type Change = (Arc<str>, Option<Arc<[u8]>>);

/// Rough cost of an entry beside its key and value: two counted allocations, and its places in the
/// table and in the order.
const ENTRY_BYTES: usize = 144;

/// How many new keys wait for their place in the order. Together they find it in a third of the time; a
/// range has to look at each of them.
const FRESH: usize = 512;

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

/// The unmerged records. Nearly all that is asked is one key; ranges are rare.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    records: HashMap<Arc<str>, Entry>,
    /// The keys of `records`, but for the fresh ones.
    order: BTreeSet<Arc<str>>,
    fresh: Vec<Arc<str>>,
    bytes: usize,
    revision: Revision,
    /// Whatever was written after this revision is in `records`, deletions included.
    floor: Revision,
    /// How often something was taken out.
    forgotten: u64,
}

impl Recent {
    /// What is left of `entries` in the order of their commits, as of `revision`.
    pub(crate) fn new(revision: Revision, entries: Vec<(Arc<str>, Entry)>) -> Self {
        let records = HashMap::from_iter(entries);
        // Sorted once and built from below: half the time of inserting one by one.
        let order = records.keys().cloned().collect();
        let bytes = records.iter().map(|(key, entry)| entry.bytes(key)).sum();
        let fresh = Vec::with_capacity(FRESH);
        Self { records, order, fresh, bytes, revision, floor: revision, forgotten: 0 }
    }

    /// The store's latest revision that reads may see.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// Whether everything is here that was written after `revision`, so that what is not here has not changed since.
    pub(crate) fn knows_since(&self, revision: Revision) -> bool {
        revision >= self.floor
    }

    /// How often something was taken out: while the number stays, what is read from the tables stays true for all keys
    /// that are not here.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Roughly the memory in use.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Entry> {
        self.records.get(key)
    }

    /// The entries of a prefix after `after`, ascending, deleted ones included.
    pub(crate) fn below<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&str>,
    ) -> impl Iterator<Item = (&'a Arc<str>, &'a Entry)> + use<'a> {
        let start = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            Some(_) | None => Bound::Included(prefix),
        };
        let range = (start, Bound::Unbounded);
        let within = |key: &&Arc<str>| {
            key.starts_with(prefix) && RangeBounds::<str>::contains(&range, &***key)
        };
        let mut fresh: Vec<&Arc<str>> = self.fresh.iter().filter(within).collect();
        fresh.sort_unstable();
        let mut fresh = fresh.into_iter().peekable();
        let order = self.order.range::<str, _>(range);
        let mut order = order.take_while(move |key| key.starts_with(prefix)).peekable();
        let keys = std::iter::from_fn(move || match (order.peek(), fresh.peek()) {
            (Some(first), Some(other)) if first > other => fresh.next(),
            (None, _) => fresh.next(),
            (Some(_), _) => order.next(),
        });
        keys.map(|key| (key, &self.records[key]))
    }

    /// Adds one commit.
    pub(crate) fn apply(&mut self, version: Revision, changes: Vec<Change>) {
        for (key, value) in changes {
            let entry = Entry { version, value };
            self.bytes += entry.bytes(&key);
            match self.records.insert(Arc::clone(&key), entry) {
                Some(old) => self.bytes -= old.bytes(&key),
                None => self.fresh.push(key),
            }
        }
        self.revision = version;
        if self.fresh.len() >= FRESH {
            self.settle();
        }
    }

    /// Gives the fresh keys their place in the order.
    pub(crate) fn settle(&mut self) {
        self.fresh.sort_unstable();
        self.order.extend(self.fresh.drain(..));
    }

    /// The next `count` entries after `after` that are not newer than `upto`: what to merge next. Only such as have their place
    /// in the order: all of them, if they were settled when `upto` was the latest revision.
    pub(crate) fn mergeable(
        &self,
        after: Option<&str>,
        upto: Revision,
        count: usize,
    ) -> Vec<(Arc<str>, Entry)> {
        let start = after.map_or(Bound::Unbounded, Bound::Excluded);
        let keys = self.order.range::<str, _>((start, Bound::Unbounded));
        keys.map(|key| (key, &self.records[key]))
            .filter(|(_, entry)| entry.version <= upto)
            .take(count)
            .map(|(key, entry)| (Arc::clone(key), entry.clone()))
            .collect()
    }

    /// Takes out what is merged, unless the key was written again meanwhile.
    pub(crate) fn forget(&mut self, merged: &[(Arc<str>, Entry)]) {
        self.forgotten += 1;
        for (key, entry) in merged {
            self.floor = self.floor.max(entry.version);
            if self.get(key).is_some_and(|current| current.version == entry.version) {
                self.records.remove(key);
                // Only what has its place in the order is merged.
                self.order.remove(key);
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
        recent.settle();
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
