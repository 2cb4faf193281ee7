//! The bounded memory of what was written lately, for those who follow the store.
//!
//! It lives as long as the process. Whoever lags behind it, or comes from before a restart, is
//! told to scan instead: a full look is always correct, the ring only makes it rare.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::{Changes, Revision};

/// How many changed keys are remembered unless a store is told otherwise: some 4 MiB.
pub const DEFAULT_CHANGES: usize = 65_536;

/// Changed keys, each with the revision that wrote or deleted it, in order; a key that was
/// written several times is there several times. They are shared with whoever else asks.
#[derive(Clone, Default)]
pub struct Keys {
    batches: Vec<Arc<Batch>>,
    /// Of the first batch so many are known already.
    known: usize,
}

/// The keys of commits that became visible together: all of them are one text.
#[derive(Debug)]
struct Batch {
    text: Box<str>,
    /// The revision of each, and where it ends in the text.
    keys: Box<[(Revision, usize)]>,
}

impl Batch {
    fn new<'k>(changed: impl Iterator<Item = (Revision, &'k str)>) -> Self {
        let (mut text, mut keys) = (String::new(), Vec::new());
        for (revision, key) in changed {
            text.push_str(key);
            keys.push((revision, text.len()));
        }
        Self { text: text.into(), keys: keys.into() }
    }

    fn latest(&self) -> Revision {
        self.keys.last().map_or(0, |(revision, _)| *revision)
    }

    fn iter(&self) -> impl Iterator<Item = (Revision, &str)> {
        let begins = [0].into_iter().chain(self.keys.iter().map(|(_, end)| *end));
        begins.zip(&self.keys).map(|(begin, (revision, end))| (*revision, &self.text[begin..*end]))
    }
}

impl Keys {
    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (Revision, &str)> {
        self.batches.iter().flat_map(|batch| batch.iter()).skip(self.known)
    }
}

impl<'k> FromIterator<(Revision, &'k str)> for Keys {
    fn from_iter<I: IntoIterator<Item = (Revision, &'k str)>>(changed: I) -> Self {
        Self { batches: vec![Arc::new(Batch::new(changed.into_iter()))], known: 0 }
    }
}

impl PartialEq for Keys {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Keys {}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// The ring and the revision that wakes those who wait for it.
#[derive(Debug)]
pub(crate) struct ChangeLog {
    ring: Mutex<Ring>,
    latest: watch::Sender<Revision>,
}

#[derive(Debug)]
struct Ring {
    /// Everything after this revision is in `batches`.
    floor: Revision,
    latest: Revision,
    batches: VecDeque<Arc<Batch>>,
    /// Keys in them.
    count: usize,
    capacity: usize,
}

impl ChangeLog {
    /// A log that remembers nothing up to and including `revision`.
    pub(crate) fn new(revision: Revision, capacity: usize) -> Self {
        let ring = Ring {
            floor: revision,
            latest: revision,
            batches: VecDeque::new(),
            count: 0,
            capacity: capacity.max(1),
        };
        Self { ring: Mutex::new(ring), latest: watch::Sender::new(revision) }
    }

    /// Adds changes in ascending order of revision, then wakes the watchers.
    pub(crate) fn push<'k>(
        &self,
        revision: Revision,
        changed: impl Iterator<Item = (Revision, &'k str)>,
    ) {
        let batch = Arc::new(Batch::new(changed));
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.latest = revision;
        ring.count += batch.keys.len();
        ring.batches.push_back(batch);
        let mut lost = None;
        while ring.count > ring.capacity
            && let Some(batch) = ring.batches.pop_front()
        {
            ring.count -= batch.keys.len();
            ring.floor = batch.latest();
            lost = Some(batch);
        }
        drop(ring);
        // Whose memory goes when nobody waits.
        drop(lost);
        self.latest.send_replace(revision);
    }

    /// What was written after `after`, or that this is no longer known.
    pub(crate) fn since(&self, after: Revision) -> Changes {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let revision = ring.latest;
        if after < ring.floor || after > revision {
            return Changes::Compacted { revision };
        }
        let start = ring.batches.partition_point(|batch| batch.latest() <= after);
        let batches: Vec<_> = ring.batches.range(start..).cloned().collect();
        drop(ring);
        let is_known = |(revision, _): &(Revision, usize)| *revision <= after;
        let known = batches.first().map_or(0, |batch| batch.keys.partition_point(is_known));
        Changes::Since { revision, keys: Keys { batches, known } }
    }

    /// The latest revision, to wait on.
    pub(crate) fn watch(&self) -> watch::Receiver<Revision> {
        self.latest.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two keys a revision, and two revisions a batch.
    fn pushed(capacity: usize, batches: u64) -> ChangeLog {
        let log = ChangeLog::new(0, capacity);
        for batch in 1..=batches {
            let keys: Vec<(Revision, String)> = [2 * batch - 1, 2 * batch]
                .into_iter()
                .flat_map(|revision| ["a", "b"].map(|key| (revision, format!("{key}{revision}"))))
                .collect();
            log.push(2 * batch, keys.iter().map(|(revision, key)| (*revision, key.as_str())));
        }
        log
    }

    fn since(revision: Revision, keys: &[(Revision, &str)]) -> Changes {
        Changes::Since { revision, keys: keys.iter().copied().collect() }
    }

    #[test]
    fn a_batch_is_forgotten_as_a_whole_and_known_in_part() {
        let log = pushed(8, 3);
        for after in [0, 1] {
            assert_eq!(log.since(after), Changes::Compacted { revision: 6 }, "after {after}");
        }
        let all =
            [3, 4, 5, 6].map(|revision| (revision, format!("a{revision}"), format!("b{revision}")));
        let all: Vec<(Revision, &str)> =
            all.iter().flat_map(|(at, a, b)| [(*at, a.as_str()), (*at, b.as_str())]).collect();
        for (after, known) in [(2, 0), (3, 2), (4, 4), (5, 6), (6, 8)] {
            assert_eq!(log.since(after), since(6, &all[known..]), "after {after}");
        }
        assert_eq!(log.since(7), Changes::Compacted { revision: 6 });
    }

    #[test]
    fn a_batch_that_is_larger_than_the_memory_is_forgotten_at_once() {
        let log = pushed(3, 1);
        assert_eq!(log.since(1), Changes::Compacted { revision: 2 });
        assert_eq!(log.since(2), since(2, &[]));
    }

    #[test]
    fn watchers_see_the_latest() {
        let log = pushed(3, 1);
        let mut seen = log.watch();
        assert_eq!(*seen.borrow_and_update(), 2);
        log.push(5, std::iter::empty());
        assert!(seen.has_changed().unwrap());
        assert_eq!(*seen.borrow_and_update(), 5);
    }
}
