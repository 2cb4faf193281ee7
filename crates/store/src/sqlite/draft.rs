//! What a batch writes, before anybody may see it: its row of the log in the making.

use hashbrown::HashTable;

use super::generation::{Entry, Hasher, Mark};
use super::row::{self, Written};
use crate::{Commit, Revision, Write};

/// A batch's writes: of each key the latest can be found.
#[derive(Debug)]
pub(crate) struct Draft {
    hasher: Hasher,
    row: Vec<u8>,
    marks: Vec<Mark>,
    /// Of the marks, by the hash of the key.
    table: HashTable<u32>,
    first: Revision,
    revision: Revision,
}

impl Draft {
    /// Nothing yet, after a revision; with room for the writes of these commits.
    pub(crate) fn new(after: Revision, hasher: Hasher, commits: &[Commit]) -> Self {
        let bytes = commits.iter().map(|commit| row::room(&commit.writes)).sum();
        let writes = commits.iter().map(|commit| commit.writes.len()).sum();
        Self {
            hasher,
            row: Vec::with_capacity(bytes),
            marks: Vec::with_capacity(writes),
            table: HashTable::with_capacity(writes),
            first: after + 1,
            revision: after,
        }
    }

    /// The row to append, under the revision of its first commit; nothing if nothing is written.
    pub(crate) fn row(&self) -> Option<(Revision, &[u8])> {
        (!self.row.is_empty()).then_some((self.first, &*self.row))
    }

    /// The latest revision in it.
    pub(crate) fn revision(&self) -> Revision {
        self.revision
    }

    /// How many writes there are.
    pub(crate) fn written(&self) -> usize {
        self.marks.len()
    }

    /// Takes in a commit's writes, all of which change something; the revision after it.
    pub(crate) fn add<'w>(&mut self, writes: impl IntoIterator<Item = &'w Write>) -> Revision {
        let mut writes = writes.into_iter().peekable();
        if writes.peek().is_some() {
            row::begin(&mut self.row);
            self.revision += 1;
        }
        for write in writes {
            let hash = self.hasher.hash(&write.key);
            let written = Written { key: &write.key, value: write.value.as_deref() };
            let at = row::append(&mut self.row, written);
            self.put(&write.key, Mark { version: self.revision, hash, at });
        }
        self.revision
    }

    fn put(&mut self, key: &str, mark: Mark) {
        let Self { row, marks, table, .. } = self;
        let is_it = |at: &u32| {
            let other = &marks[*at as usize];
            other.hash == mark.hash && row::key(row, other.at) == key.as_bytes()
        };
        let next =
            u32::try_from(marks.len()).expect("a batch is at most 256 commits of 128 writes");
        let hash_of = |at: &u32| marks[*at as usize].hash;
        *table.entry(mark.hash, is_it, hash_of).or_insert(next).into_mut() = next;
        marks.push(mark);
    }

    fn entry(&self, mark: &Mark) -> Entry<'_> {
        let Written { key, value } = row::written(&self.row, mark.at);
        Entry { key, version: mark.version, value }
    }

    /// The latest write of a key.
    pub(crate) fn find(&self, hash: u64, key: &str) -> Option<Entry<'_>> {
        let is_it = |at: &u32| {
            let mark = &self.marks[*at as usize];
            mark.hash == hash && row::key(&self.row, mark.at) == key.as_bytes()
        };
        self.table.find(hash, is_it).map(|at| self.entry(&self.marks[*at as usize]))
    }

    /// All writes, in the order in which they came.
    pub(crate) fn entries(&self) -> impl Iterator<Item = Entry<'_>> {
        self.marks.iter().map(|mark| self.entry(mark))
    }

    /// The latest writes of the keys of a prefix, in no order.
    pub(crate) fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = Entry<'a>> {
        let latest = self.table.iter().map(|at| self.entry(&self.marks[*at as usize]));
        latest.filter(move |entry| entry.key.starts_with(prefix))
    }

    /// What the row holds.
    pub(crate) fn marks(&self) -> &[Mark] {
        &self.marks
    }
}
