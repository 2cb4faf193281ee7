//! How many connections and interfaces there are in each state, for the metrics, without ever counting them per scrape.
//!
//! A slow walk over the store counts what is there; each commit of this server then adds what it changed, as far as the walk
//! has passed the key and has not seen it yet. The walk is repeated now and then: what other servers commit, and a commit
//! that took effect although its answer was an error, are counted by the next one.

use std::collections::BTreeMap;
use std::sync::Mutex;

use linkway_domain::key::Key;
use linkway_domain::record::{self, Group, Record};
use linkway_domain::view::View;

/// The counts. States are those of the records: an edge's silence does not show here.
#[derive(Default)]
pub struct StateCounts(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    shown: Inner,
    /// Whether some walk has ended: until then the counts of the first one are shown as they grow.
    is_whole: bool,
    /// The walk under way, once there is something whole to show meanwhile.
    next: Option<Inner>,
}

impl Counts {
    fn walking(&mut self) -> &mut Inner {
        self.next.as_mut().unwrap_or(&mut self.shown)
    }
}

#[derive(Default)]
struct Inner {
    counts: BTreeMap<Group, i64>,
    /// The last key of each page that the walk has read, and the revision that it was read at.
    walked: Vec<(String, u64)>,
}

impl StateCounts {
    /// A walk begins. What is shown stays what it is until it has ended.
    pub fn begin(&self) {
        let mut counts = self.counts_mut();
        match counts.is_whole {
            true => counts.next = Some(Inner::default()),
            // The walk before this one did not get to its end.
            false => counts.shown = Inner::default(),
        }
    }

    /// A page that the walk has read: everything up to `last`, as of `revision`. Pages come in the order of keys, and the
    /// last page of a range reaches to the range's end.
    pub fn walked(&self, last: &str, revision: u64, records: &[Record]) {
        let mut counts = self.counts_mut();
        let walking = counts.walking();
        for record in records {
            walking.add(&record::counts(record), 1);
        }
        walking.walked.push((last.to_owned(), revision));
    }

    /// The walk has passed everything.
    pub fn end(&self) {
        let mut counts = self.counts_mut();
        if let Some(next) = counts.next.take() {
            counts.shown = next;
        }
        counts.is_whole = true;
    }

    /// Counts what a commit changed.
    pub fn count(&self, revision: u64, view: &View, writes: &[(Key, Option<Record>)]) {
        for (key, new) in writes {
            let old = view.get(key).ok().flatten();
            let counts = |record: Option<&Record>| record.map(record::counts).unwrap_or_default();
            let (before, after) = (counts(old), counts(new.as_ref()));
            if before == after {
                continue;
            }
            let mut counts = self.counts_mut();
            let Counts { shown, next, .. } = &mut *counts;
            for inner in [Some(shown), next.as_mut()].into_iter().flatten() {
                inner.changed(key, revision, &before, &after);
            }
        }
    }

    /// The counts now; groups that were never seen are absent.
    #[must_use]
    pub fn counts(&self) -> Vec<(Group, i64)> {
        let counts = self.counts_mut();
        // While the first walk goes on, what one record adds to another's count may have been seen without the other.
        counts.shown.counts.iter().map(|(group, count)| (*group, (*count).max(0))).collect()
    }

    fn counts_mut(&self) -> std::sync::MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether the walk has passed this key before this revision was made.
    fn missed(&self, key: &str, revision: u64) -> bool {
        let page = self.walked.partition_point(|(last, _)| last.as_str() < key);
        self.walked.get(page).is_some_and(|(_, read_at)| revision > *read_at)
    }

    fn changed(
        &mut self,
        key: &Key,
        revision: u64,
        before: &[(Group, i64)],
        after: &[(Group, i64)],
    ) {
        if self.missed(key.as_str(), revision) {
            self.add(before, -1);
            self.add(after, 1);
        }
    }

    fn add(&mut self, counts: &[(Group, i64)], by: i64) {
        for (group, count) in counts {
            *self.counts.entry(*group).or_default() += count * by;
        }
    }
}

#[cfg(test)]
mod tests {
    use linkway_domain::connection::{Connection, ConnectionPhase};
    use linkway_domain::key;

    use super::*;

    fn connection(phase: &str) -> Record {
        let json = serde_json::json!({
            "record": "connection", "id": "dxcon-11111111", "name": "x", "owner": "111111111111", "location": "PAR1",
            "bandwidth": "1Gbps", "provider_name": null, "phase": phase, "port": null, "created": 0,
            "ended": null,
        });
        serde_json::from_value(json).expect("a connection")
    }

    #[test]
    fn what_was_missed_is_counted_by_the_next_walk_and_never_twice() {
        let state_counts = StateCounts::default();
        let of = |state: &str| {
            let counts = state_counts.counts();
            counts.iter().find(|((_, known), _)| *known == state).map_or(0, |(_, count)| *count)
        };
        let Record::Connection(Connection { id, phase, .. }) = connection("requested") else {
            panic!("another kind")
        };
        assert_eq!(phase, ConnectionPhase::Requested);
        let key = key::connection(&id);
        let commit = |revision: u64, old: Record, new: Record| {
            let mut view = View::default();
            view.load(key.clone(), 1, Some(old));
            state_counts.count(revision, &view, &[(key.clone(), Some(new))]);
        };
        state_counts.begin();
        state_counts.walked("connection/~", 5, &[connection("requested")]);
        state_counts.end();
        commit(6, connection("requested"), connection("pending"));
        assert_eq!((of("requested"), of("pending")), (0, 1));
        // Another server brings it up; the walk sees that, and this server's next change is counted once in both.
        state_counts.begin();
        assert_eq!(of("pending"), 1, "shown until the walk has ended");
        state_counts.walked("connection/~", 8, &[connection("up")]);
        commit(9, connection("up"), connection("down"));
        state_counts.end();
        assert_eq!((of("pending"), of("available"), of("down")), (0, 0, 1));
    }
}
