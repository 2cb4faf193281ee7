//! How many connections and interfaces there are in each state, for the metrics, without ever counting them per scrape.
//!
//! A slow walk over the store counts once what was there at the start; each commit of this server then adds what it
//! changed, as far as the walk has passed the key and has not seen it yet.

use std::collections::BTreeMap;
use std::sync::Mutex;

use linkway_domain::key::Key;
use linkway_domain::record::Record;
use linkway_domain::time::Time;
use linkway_domain::view::View;

/// What is counted: the kind of record and its state.
pub type Group = (&'static str, &'static str);

/// The counts. States are those of the records: an edge's silence does not show here.
#[derive(Default)]
pub struct Census(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    counts: BTreeMap<Group, i64>,
    /// The last key of each page that the walk has read, and the revision that it was read at.
    walked: Vec<(String, u64)>,
}

impl Census {
    /// A page that the walk has read: everything up to `last`, as of `revision`. Pages come in the order of keys, and the
    /// last page of a range reaches to the range's end.
    pub fn walked(&self, last: &str, revision: u64, records: &[Record]) {
        let mut inner = self.inner();
        for record in records {
            inner.add(record, 1);
        }
        inner.walked.push((last.to_owned(), revision));
    }

    /// Counts what a commit changed.
    pub fn count(&self, revision: u64, view: &View, writes: &[(Key, Option<Record>)]) {
        let counted = |key: &Key| matches!(key.kind(), "vif" | "connection");
        for (key, new) in writes.iter().filter(|(key, _)| counted(key)) {
            let mut inner = self.inner();
            if !inner.missed(key.as_str(), revision) {
                continue;
            }
            if let Ok(Some(old)) = view.get(key) {
                inner.add(old, -1);
            }
            if let Some(new) = new {
                inner.add(new, 1);
            }
        }
    }

    /// The counts now; groups that were never seen are absent.
    #[must_use]
    pub fn counts(&self) -> Vec<(Group, i64)> {
        self.inner().counts.iter().map(|(group, count)| (*group, *count)).collect()
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    /// Whether the walk has passed this key before this revision was made.
    fn missed(&self, key: &str, revision: u64) -> bool {
        let page = self.walked.partition_point(|(last, _)| last.as_str() < key);
        self.walked.get(page).is_some_and(|(_, read_at)| revision > *read_at)
    }

    fn add(&mut self, record: &Record, by: i64) {
        let group = match record {
            // Moment 0: an unanswered interface counts as confirming until it is written down as expired.
            Record::VirtualInterface(r) => ("interface", r.state(Time::default(), false).as_str()),
            Record::Connection(r) => ("connection", r.state(false).as_str()),
            Record::Account(_)
            | Record::AccessKey(_)
            | Record::Location(_)
            | Record::Edge(_)
            | Record::EdgeSeen(_)
            | Record::Port(_)
            | Record::Gateway(_)
            | Record::Claim(_)
            | Record::Mark => return,
        };
        *self.counts.entry(group).or_default() += by;
    }
}
