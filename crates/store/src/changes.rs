//! The bounded memory of what was written lately, for those who follow the store.
//!
//! It lives as long as the process. Whoever lags behind it, or comes from before a restart, is
//! told to scan instead: a full look is always correct, the ring only makes it rare.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

use crate::{Changes, Revision};

/// How many changed keys are remembered unless a store is told otherwise: some 6 MiB.
pub const DEFAULT_CHANGES: usize = 65_536;

/// The ring and the revision that wakes those who wait for it.
#[derive(Debug)]
pub(crate) struct ChangeLog {
    ring: Mutex<Ring>,
    latest: watch::Sender<Revision>,
}

#[derive(Debug)]
struct Ring {
    /// Everything after this revision is in `entries`.
    floor: Revision,
    latest: Revision,
    entries: VecDeque<(Revision, Arc<str>)>,
    capacity: usize,
}

impl ChangeLog {
    /// A log that remembers nothing up to and including `revision`.
    pub(crate) fn new(revision: Revision, capacity: usize) -> Self {
        let ring = Ring {
            floor: revision,
            latest: revision,
            entries: VecDeque::new(),
            capacity: capacity.max(1),
        };
        Self { ring: Mutex::new(ring), latest: watch::Sender::new(revision) }
    }

    /// Adds changes in ascending order of revision, then wakes the watchers.
    pub(crate) fn push(
        &self,
        revision: Revision,
        keys: impl Iterator<Item = (Revision, Arc<str>)>,
    ) {
        let mut ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        ring.latest = revision;
        for entry in keys {
            if ring.entries.len() == ring.capacity
                && let Some((lost, _)) = ring.entries.pop_front()
            {
                ring.floor = lost;
            }
            ring.entries.push_back(entry);
        }
        drop(ring);
        self.latest.send_replace(revision);
    }

    /// What was written after `after`, or that this is no longer known.
    pub(crate) fn since(&self, after: Revision) -> Changes {
        let ring = self.ring.lock().unwrap_or_else(PoisonError::into_inner);
        let revision = ring.latest;
        if after < ring.floor || after > revision {
            return Changes::Compacted { revision };
        }
        let start = ring.entries.partition_point(|(revision, _)| *revision <= after);
        let entries = ring.entries.range(start..);
        let keys = entries.cloned().collect();
        Changes::Since { revision, keys }
    }

    /// The latest revision, to wait on.
    pub(crate) fn watch(&self) -> watch::Receiver<Revision> {
        self.latest.subscribe()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pushed(capacity: usize, upto: Revision) -> ChangeLog {
        let log = ChangeLog::new(0, capacity);
        for revision in 1..=upto {
            let keys = ["a", "b"].map(|key| (revision, format!("{key}{revision}").into()));
            log.push(revision, keys.into_iter());
        }
        log
    }

    #[test]
    fn a_revision_is_forgotten_as_a_whole() {
        // Three entries hold one and a half revisions: of revision 2 only `b2` is left.
        let log = pushed(3, 3);
        for after in [0, 1] {
            assert_eq!(log.since(after), Changes::Compacted { revision: 3 }, "after {after}");
        }
        let keys = vec![(3, "a3".into()), (3, "b3".into())];
        assert_eq!(log.since(2), Changes::Since { revision: 3, keys });
        assert_eq!(log.since(3), Changes::Since { revision: 3, keys: vec![] });
        assert_eq!(log.since(4), Changes::Compacted { revision: 3 });
    }

    #[test]
    fn watchers_see_the_latest() {
        let log = pushed(3, 2);
        let mut seen = log.watch();
        assert_eq!(*seen.borrow_and_update(), 2);
        log.push(5, std::iter::empty());
        assert!(seen.has_changed().unwrap());
        assert_eq!(*seen.borrow_and_update(), 5);
    }
}
