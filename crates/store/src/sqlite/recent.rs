//! What was committed lately and is so far only in the log.
//!
//! A commit is durable once its row is in the log; this is the log's readable form. Every
//! read looks here first, then in the `records` table. The writer adds each batch once it is synced; the thread that merges
//! takes away what is in the tables.
//!
//! There are two generations at most. New rows go into the current one. A sweep freezes it, so that what it merges
//! does not change under it, and begins another; what is frozen is read here until all of it is in `records`, and
//! goes as a whole.

use std::sync::Arc;

use itertools::{EitherOrBoth, Itertools};

use super::generation::{Entry, Generation, Hasher, Mark, Run};
use crate::Revision;

/// What a sweep merges.
#[derive(Debug, Clone)]
pub(crate) struct Frozen {
    pub(crate) generation: Arc<Generation>,
    /// The latest revision in it.
    pub(crate) mark: Revision,
}

/// The unmerged records.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    current: Generation,
    frozen: Option<Frozen>,
    /// The memory of one that was merged.
    spare: Generation,
    hasher: Hasher,
    revision: Revision,
    /// Whatever was written after this revision is here, deletions included.
    floor: Revision,
    /// How often something of the tables ceased to be hidden, or was about to.
    forgotten: u64,
}

impl Recent {
    /// What is left of the log, as of `revision`.
    pub(crate) fn new(revision: Revision, hasher: Hasher, current: Generation) -> Self {
        let (frozen, spare) = (None, Generation::default());
        Self { current, frozen, spare, hasher, revision, floor: revision, forgotten: 0 }
    }

    /// The store's latest revision that reads may see.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// Whether everything is here that was written after `revision`, so that what is not here has not changed since.
    pub(crate) fn knows_since(&self, revision: Revision) -> bool {
        revision >= self.floor
    }

    /// While the number stays, what is read from the tables stays true for all keys that are not here.
    pub(crate) fn forgotten(&self) -> u64 {
        self.forgotten
    }

    /// Roughly the memory in use, but for what is frozen.
    pub(crate) fn bytes(&self) -> usize {
        self.current.bytes()
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.hasher
    }

    pub(crate) fn frozen(&self) -> Option<&Frozen> {
        self.frozen.as_ref()
    }

    /// The latest write of a key, whose hash is that of [`Recent::hasher`].
    pub(crate) fn find(&self, hash: u64, key: &str) -> Option<Entry<'_>> {
        let frozen = || self.frozen.as_ref()?.generation.find(hash, key);
        self.current.find(hash, key).or_else(frozen)
    }

    /// The entries of a prefix after `after`, ascending, deleted ones included.
    pub(crate) fn below<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let frozen = self.frozen.iter();
        let frozen = frozen.flat_map(move |frozen| frozen.generation.below(prefix, after));
        let current = self.current.below(prefix, after);
        current.merge_join_by(frozen, |a, b| a.key.cmp(b.key)).map(|either| match either {
            EitherOrBoth::Left(entry) | EitherOrBoth::Right(entry) => entry,
            // What is frozen was written before.
            EitherOrBoth::Both(entry, _) => entry,
        })
    }

    /// Adds a batch: its row, and what it wrote, up to `revision`.
    pub(crate) fn apply(&mut self, revision: Revision, row: &[u8], marks: &[Mark]) {
        self.current.add(row, marks.iter().copied());
        self.revision = revision;
    }

    /// Keys that came lately, in their order, when there are many of them. Finding that takes up to milliseconds, which nobody need wait
    /// for: it changes nothing.
    pub(crate) fn next_run(&self) -> Option<Run> {
        self.current.next_run()
    }

    /// Takes in the [`Recent::next_run`] since which nothing was added.
    pub(crate) fn settle(&mut self, run: Run) {
        self.current.settle(run);
    }

    /// Lets everything up to now stay as it is, to be merged.
    pub(crate) fn freeze(&mut self) -> Frozen {
        let generation = std::mem::replace(&mut self.current, std::mem::take(&mut self.spare));
        let frozen = Frozen { generation: Arc::new(generation), mark: self.revision };
        self.frozen.insert(frozen).clone()
    }

    /// Something that is here was merged: what somebody has read in the tables before may be old.
    pub(crate) fn note_merged(&mut self) {
        self.forgotten += 1;
    }

    /// Takes an empty generation, whose memory is used again.
    pub(crate) fn reuse(&mut self, spare: Generation) {
        self.spare = spare;
    }

    /// Lets go of what was frozen: all of it is merged. That takes a while, unless the caller has it too.
    pub(crate) fn forget(&mut self) {
        if let Some(frozen) = self.frozen.take() {
            self.floor = self.floor.max(frozen.mark);
            self.forgotten += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::row::{self, Written};
    use super::*;

    fn get<'a>(recent: &'a Recent, key: &str) -> Option<Entry<'a>> {
        recent.find(recent.hasher().hash(key), key)
    }

    fn apply(recent: &mut Recent, version: Revision, writes: &[(&str, Option<&[u8]>)]) {
        let mut row = Vec::new();
        let marks = writes.iter().map(|(key, value)| {
            let at = row::append(&mut row, Written { key, value: *value });
            Mark { version, hash: recent.hasher().hash(key), at }
        });
        let marks: Vec<Mark> = marks.collect();
        recent.apply(version, &row, &marks);
    }

    #[test]
    fn what_is_frozen_is_read_until_it_is_forgotten_unless_it_was_written_again() {
        let mut recent = Recent::default();
        let value = Some(&b"value"[..]);
        apply(&mut recent, 1, &[("a", value), ("b", value), ("c", value)]);
        recent.freeze();
        apply(&mut recent, 2, &[("b", value), ("c", None), ("d", value)]);
        let seen = |recent: &Recent| -> Vec<(String, Revision)> {
            recent.below("", None).map(|e| (e.key.to_owned(), e.seen_version())).collect()
        };
        let of = |list: &[(&str, Revision)]| -> Vec<(String, Revision)> {
            list.iter().map(|(key, version)| ((*key).to_owned(), *version)).collect()
        };
        assert_eq!(seen(&recent), of(&[("a", 1), ("b", 2), ("c", 0), ("d", 2)]));
        assert_eq!(get(&recent, "a").map(|entry| entry.version), Some(1));
        assert_eq!(get(&recent, "c").map(|entry| entry.version), Some(2));
        assert!(recent.knows_since(0));
        let forgotten = recent.forgotten();
        recent.forget();
        assert_eq!(seen(&recent), of(&[("b", 2), ("c", 0), ("d", 2)]));
        assert_eq!((get(&recent, "a"), recent.revision()), (None, 2));
        assert!(!recent.knows_since(0) && recent.knows_since(1));
        assert_ne!(recent.forgotten(), forgotten);
    }
}
