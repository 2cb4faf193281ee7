//! Rows of the log in memory, as they are, with an index of the latest write of each key.
//!
//! A row is kept in one piece, so a commit costs no allocation for each key and each value, and all of them go
//! together when the generation goes. Its memory is used again by a later one. Nearly all questions are about one key: a hash table
//! answers those. Ranges go through the keys in order. That order is kept in runs: keys wait until there are [`FRESH`] of them, are
//! sorted together, and [`RUNS`] such runs become one. Sorting few at a time, soon after they came, is done in the
//! processor's caches; a tree of all keys took a cache miss for each level. Merging sorts all of them at once, by the
//! beginnings of their short forms.

use std::hash::BuildHasher;
use std::ops::{Index, IndexMut};

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry as Place;
use itertools::Itertools;

use super::row::{self, Written};
use super::short::{KeyCode, Start};
use crate::{Revision, Versioned};

/// How many new keys wait for their place in the order: a range has to look at each of them.
const FRESH: usize = 512;
/// How many runs of fresh keys are merged into one: a range has to search each run.
const RUNS: usize = 16;
/// Tables that share the keys, and slots of a piece. Nothing that is as large as all of them ever grows: everybody would wait
/// for it to be copied, and for the memory.
const SHARDS: usize = 64;
const PIECE: usize = 4096;
/// Bytes of rows that are together, and are used again together.
const CHUNK: usize = 1 << 20;
/// What an entry takes beside its row: its slot, its places in the table and in a run.
const ENTRY_BYTES: usize = 40;

/// The hash of a key. One function for all generations of a process, so that a question takes one hash.
#[derive(Debug, Clone, Default)]
pub(crate) struct Hasher(RandomState);

impl Hasher {
    pub(crate) fn hash(&self, key: &str) -> u64 {
        self.0.hash_one(key)
    }
}

/// A write of a row: where it lies, and what is asked of it most.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) version: Revision,
    pub(crate) hash: u64,
    /// Where it lies in its row.
    pub(crate) at: u32,
}

/// The latest write of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) key: &'a str,
    pub(crate) version: Revision,
    /// `None`: deleted, whatever `records` says.
    pub(crate) value: Option<&'a [u8]>,
}

impl Entry<'_> {
    /// What a read answers.
    pub(crate) fn versioned(&self) -> Option<Versioned> {
        Some(Versioned { version: self.version, value: self.value?.to_vec() })
    }

    /// The version that a compare sees: 0 for what is deleted.
    pub(crate) fn seen_version(&self) -> Revision {
        if self.value.is_some() { self.version } else { 0 }
    }
}

/// A write, and where it lies among the rows.
#[derive(Debug, Clone, Copy)]
struct Location {
    version: Revision,
    chunk: u32,
    /// Where it lies in its chunk.
    at: u32,
}

/// A [`Mark`] with its place among the rows, laid out without a gap: there are many.
#[derive(Debug, Clone, Copy)]
struct Slot {
    hash: u64,
    location: Location,
}

/// Where the latest write of a key lies, among others in the order of their keys: most of them are compared, and merged, without a
/// look at the key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ordered {
    /// The beginning of its key's short form.
    pub(crate) start: Start,
    location: Location,
}

/// Slots in the order of their keys.
#[derive(Debug)]
pub(crate) struct Run {
    slots: Vec<u32>,
    /// How many of the last runs it has too.
    replaced: usize,
}

/// Slots, by their numbers.
#[derive(Debug, Default)]
struct Slots {
    pieces: Vec<Vec<Slot>>,
    count: usize,
}

impl Slots {
    /// Adds one; its number.
    fn push(&mut self, slot: Slot) -> u32 {
        let number = u32::try_from(self.count).expect("memory ends before the slots do");
        if self.count / PIECE == self.pieces.len() {
            self.pieces.push(Vec::with_capacity(PIECE));
        }
        self.pieces[self.count / PIECE].push(slot);
        self.count += 1;
        number
    }

    fn iter(&self) -> impl Iterator<Item = &Slot> {
        self.pieces.iter().flatten()
    }

    fn clear(&mut self) {
        self.pieces.truncate(self.count.div_ceil(PIECE));
        self.pieces.iter_mut().for_each(Vec::clear);
        self.count = 0;
    }
}

impl Index<u32> for Slots {
    type Output = Slot;

    fn index(&self, slot: u32) -> &Slot {
        &self.pieces[slot as usize / PIECE][slot as usize % PIECE]
    }
}

impl IndexMut<u32> for Slots {
    fn index_mut(&mut self, slot: u32) -> &mut Slot {
        &mut self.pieces[slot as usize / PIECE][slot as usize % PIECE]
    }
}

/// Slots, by the hashes of their keys.
#[derive(Debug)]
struct Table([HashTable<u32>; SHARDS]);

impl Table {
    /// The part that a hash belongs to. It goes by other bits of the hash itself.
    fn part(hash: u64) -> usize {
        (hash >> 32) as usize % SHARDS
    }
}

impl Default for Table {
    fn default() -> Self {
        Self(std::array::from_fn(|_| HashTable::new()))
    }
}

/// Bytes of rows, in pieces that stay where they are.
#[derive(Debug, Default)]
struct Chunks {
    chunks: Vec<Vec<u8>>,
    /// How many are in use: behind them are empty ones, which have their memory still.
    used: usize,
}

impl Chunks {
    /// Adds a row; its chunk, and where it begins there.
    fn push(&mut self, row: &[u8]) -> (u32, u32) {
        let has_room = |chunk: &Vec<u8>| chunk.capacity() - chunk.len() >= row.len();
        if !self.chunks[..self.used].last().is_some_and(has_room) {
            if !self.chunks.get(self.used).is_some_and(has_room) {
                self.chunks.insert(self.used, Vec::with_capacity(row.len().max(CHUNK)));
            }
            self.used += 1;
        }
        let nth = self.used - 1;
        let chunk = &mut self.chunks[nth];
        let begins = u32::try_from(chunk.len()).expect("a row is shorter than 4 GiB");
        chunk.extend_from_slice(row);
        (u32::try_from(nth).expect("memory ends before the chunks do"), begins)
    }

    fn key(&self, location: Location) -> &[u8] {
        row::key(&self.chunks[location.chunk as usize], location.at)
    }

    fn entry(&self, location: Location) -> Entry<'_> {
        let Location { version, chunk, at } = location;
        let Written { key, value } = row::written(&self.chunks[chunk as usize], at);
        Entry { key, version, value }
    }

    /// Keeps the memory that was in use, but for chunks that were made for one long row.
    fn clear(&mut self) {
        self.chunks.truncate(self.used);
        self.chunks.retain(|chunk| chunk.capacity() <= CHUNK);
        self.chunks.iter_mut().for_each(Vec::clear);
        self.used = 0;
    }
}

/// Rows that followed on one another.
#[derive(Debug, Default)]
pub(crate) struct Generation {
    rows: Chunks,
    slots: Slots,
    table: Table,
    /// Slots without a place in the order yet.
    fresh: Vec<u32>,
    /// Slots, each run in the order of their keys.
    runs: Vec<Vec<u32>>,
    bytes: usize,
}

impl Generation {
    /// Roughly the memory in use.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// The latest write of a key.
    pub(crate) fn find(&self, hash: u64, key: &str) -> Option<Entry<'_>> {
        let is_it = |slot: &u32| self.is(&self.slots[*slot], hash, key);
        self.table.0[Table::part(hash)].find(hash, is_it).map(|slot| self.entry(*slot))
    }

    fn is(&self, slot: &Slot, hash: u64, key: &str) -> bool {
        slot.hash == hash && self.rows.key(slot.location) == key.as_bytes()
    }

    /// The key of a place in the order.
    fn key_at(&self, slot: u32) -> &[u8] {
        self.rows.key(self.slots[slot].location)
    }

    /// What is in a slot.
    pub(crate) fn entry(&self, slot: u32) -> Entry<'_> {
        self.rows.entry(self.slots[slot].location)
    }

    /// Adds a row's writes, in the order of their commits: of those of one key the last counts.
    pub(crate) fn add(&mut self, row: &[u8], marks: impl IntoIterator<Item = Mark>) {
        self.bytes += row.len();
        let (chunk, begins) = self.rows.push(row);
        for mark in marks {
            let Mark { version, hash, at } = mark;
            self.put(Slot { hash, location: Location { version, chunk, at: begins + at } });
        }
    }

    fn put(&mut self, slot: Slot) {
        let Self { rows, slots, table, fresh, bytes, .. } = self;
        let key = rows.key(slot.location);
        let hash = slot.hash;
        let is_it = |other: &u32| {
            let other = &slots[*other];
            other.hash == hash && rows.key(other.location) == key
        };
        let hash_of = |other: &u32| slots[*other].hash;
        match table.0[Table::part(hash)].entry(hash, is_it, hash_of) {
            Place::Occupied(old) => slots[*old.get()] = slot,
            Place::Vacant(place) => {
                let next = slots.push(slot);
                place.insert(next);
                fresh.push(next);
                *bytes += ENTRY_BYTES;
            }
        }
    }

    /// The fresh keys in their order, when there are many; with those of earlier runs, when there are many of these.
    pub(crate) fn next_run(&self) -> Option<Run> {
        if self.fresh.len() < FRESH {
            return None;
        }
        let mut slots = self.fresh.clone();
        slots.sort_unstable_by(|a, b| self.key_at(*a).cmp(self.key_at(*b)));
        let is_small = |run: &&Vec<u32>| run.len() < RUNS * FRESH;
        let small = self.runs.iter().rev().take_while(is_small).count();
        if small + 1 < RUNS {
            return Some(Run { slots, replaced: 0 });
        }
        let mut merged = self.runs[self.runs.len() - small..].concat();
        merged.append(&mut slots);
        // The stable sort finds the runs and merges them.
        merged.sort_by(|a, b| self.key_at(*a).cmp(self.key_at(*b)));
        Some(Run { slots: merged, replaced: small })
    }

    /// Gives the fresh keys their place in the order: the [`Generation::next_run`] since which nothing was added.
    pub(crate) fn settle(&mut self, run: Run) {
        self.fresh.clear();
        self.runs.truncate(self.runs.len() - run.replaced);
        self.runs.push(run.slots);
    }

    /// The entries of a prefix after `after`, ascending, deleted ones included.
    pub(crate) fn below<'a>(
        &'a self,
        prefix: &'a str,
        after: Option<&'a str>,
    ) -> impl Iterator<Item = Entry<'a>> + use<'a> {
        let is_before = move |key: &[u8]| {
            key < prefix.as_bytes() || after.is_some_and(|after| key <= after.as_bytes())
        };
        let of_run = move |run: &'a Vec<u32>| {
            let from = run.partition_point(|slot| is_before(self.key_at(*slot)));
            let entries = run[from..].iter().map(move |slot| self.entry(*slot));
            entries.take_while(move |entry| entry.key.starts_with(prefix))
        };
        let fresh = self.fresh.iter().map(|slot| self.entry(*slot));
        let fresh =
            fresh.filter(|entry| entry.key.starts_with(prefix) && !is_before(entry.key.as_bytes()));
        let fresh = fresh.sorted_unstable_by_key(|entry| entry.key);
        let runs = self.runs.iter().map(of_run).kmerge_by(|a, b| a.key < b.key);
        runs.merge_by(fresh, |a, b| a.key < b.key)
    }

    /// The hashes of all keys.
    pub(crate) fn hashes(&self) -> impl Iterator<Item = u64> {
        self.slots.iter().map(|slot| slot.hash)
    }

    /// Forgets everything, but keeps the memory for what comes next: new memory costs more than what is done with it here.
    pub(crate) fn clear(&mut self) {
        self.rows.clear();
        self.slots.clear();
        self.table.0.iter_mut().for_each(HashTable::clear);
        self.fresh.clear();
        self.runs.clear();
        self.bytes = 0;
    }

    /// The latest write of each key, in their order. For half a million of them it takes some tens of milliseconds.
    pub(crate) fn ordered(&self, code: &KeyCode) -> Vec<Ordered> {
        let mut order = Vec::with_capacity(self.slots.count);
        // They are gone through as they came, which is nearly how they lie in memory.
        order.extend(self.slots.iter().map(|&Slot { location, .. }| Ordered {
            start: Start::of(code, self.rows.key(location)),
            location,
        }));
        let key = |place: &Ordered| self.rows.key(place.location);
        order.sort_unstable_by(|a, b| a.start.cmp(&b.start).then_with(|| key(a).cmp(key(b))));
        order
    }

    /// What lies at a place of [`Generation::ordered`].
    pub(crate) fn at(&self, place: &Ordered) -> Entry<'_> {
        self.rows.entry(place.location)
    }
}

#[cfg(test)]
mod tests {
    use super::super::short::KeySymbols;
    use super::*;

    /// Adds a row of one commit.
    fn put(generation: &mut Generation, version: Revision, writes: &[(&str, Option<&[u8]>)]) {
        let mut row = Vec::new();
        let mark = |(key, value): &(&str, Option<&[u8]>)| {
            let at = row::append(&mut row, Written { key, value: *value });
            Mark { version, hash: HASH(key), at }
        };
        let marks: Vec<Mark> = writes.iter().map(mark).collect();
        generation.add(&row, marks);
        if let Some(run) = generation.next_run() {
            generation.settle(run);
        }
    }

    /// One of few values, so that different keys meet.
    const HASH: fn(&str) -> u64 = |key| key.len() as u64;

    fn keys<'a>(entries: impl Iterator<Item = Entry<'a>>) -> Vec<&'a str> {
        entries.map(|entry| entry.key).collect()
    }

    #[test]
    fn the_latest_write_of_a_key_counts_and_keys_of_one_hash_are_told_apart() {
        let mut generation = Generation::default();
        put(&mut generation, 1, &[("a/1", Some(b"one")), ("a/2", Some(b"two"))]);
        put(&mut generation, 2, &[("a/1", None)]);
        put(&mut generation, 3, &[("a/3", Some(b"")), ("b/1", Some(b"three"))]);
        let found = |key| generation.find(HASH(key), key);
        let entry = |key, version, value| Some(Entry { key, version, value });
        assert_eq!(found("a/1"), entry("a/1", 2, None));
        assert_eq!(found("a/2"), entry("a/2", 1, Some(&b"two"[..])));
        assert_eq!(found("b/1"), entry("b/1", 3, Some(&b"three"[..])));
        assert_eq!(found("a/4"), None);
        assert_eq!(keys(generation.below("a/", None)), ["a/1", "a/2", "a/3"]);
        assert_eq!(keys(generation.below("a/", Some("a/1"))), ["a/2", "a/3"]);
        assert_eq!(keys(generation.below("a/", Some("Z"))), ["a/1", "a/2", "a/3"]);
    }

    #[test]
    fn what_was_cleared_is_used_again_but_for_chunks_of_long_rows() {
        let mut generation = Generation::default();
        for round in 0..3 {
            put(&mut generation, 1, &[("a", Some(&[1; 10]))]);
            put(&mut generation, 2, &[("b", Some(&vec![2; 3 * CHUNK]))]);
            put(&mut generation, 3, &[("c", Some(&[3; 10]))]);
            assert_eq!(keys(generation.below("", None)), ["a", "b", "c"], "round {round}");
            let long = generation.find(HASH("b"), "b").unwrap().value.unwrap();
            assert_eq!(long.len(), 3 * CHUNK);
            assert_eq!(generation.rows.chunks.len(), 3);
            generation.clear();
            assert_eq!(generation.rows.chunks.len(), 2, "the long one is gone");
            assert_eq!((generation.bytes(), generation.find(HASH("a"), "a")), (0, None));
        }
    }

    #[test]
    fn ranges_and_the_order_have_every_key_once_however_many_runs_there_are() {
        let mut generation = Generation::default();
        let count = FRESH * RUNS + 3 * FRESH + 7;
        let key = |nth: usize| format!("key/{:06}", nth * 7919 % count);
        for nth in 0..count {
            put(&mut generation, nth as u64 + 1, &[(&key(nth), Some(b"value"))]);
        }
        assert_eq!((generation.runs.len(), generation.fresh.len()), (1 + 3, 7));
        let expected: Vec<String> = (0..count).map(|nth| format!("key/{nth:06}")).collect();
        assert_eq!(keys(generation.below("", None)), expected);
        assert_eq!(keys(generation.below("key/0001", Some("key/000150"))), expected[151..200]);
        let code = KeyCode::new(KeySymbols::default()).unwrap();
        assert_eq!(
            keys(generation.ordered(&code).iter().map(|place| generation.at(place))),
            expected
        );
    }
}
