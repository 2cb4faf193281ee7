//! Which keys the `records` table may hold. To learn that a key is not there, SQLite searches the tree down to a leaf; rules
//! that something must be new ask that for keys that were never there, several times for each commit.
//!
//! A Bloom filter of one cache line for each key (Putze, Sanders, Singler 2007): "no" is certain, "yes" may be wrong, more often
//! the fuller it is. A thread goes once through the table and adds what is there; what is merged meanwhile and later is added
//! before it is in the table. Until the thread is through, every answer is "yes". Deleted keys stay.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, params};

use super::generation::Hasher;
use super::short::KeyCode;
use super::{connect, file, spawn};
use crate::StoreError;

/// Words of a block: a cache line.
const WORDS: usize = 8;
/// Bits of a block that a key sets.
const BITS: u32 = 6;
/// Keys that the thread reads at a time, and its rest after them: it takes a part of a core.
const CHUNK: i64 = 2048;
const REST: Duration = Duration::from_micros(500);

type Block = [AtomicU64; WORDS];

/// The filter.
pub(crate) struct Filter {
    blocks: Box<[Block]>,
    hasher: Hasher,
    is_whole: AtomicBool,
    closing: AtomicBool,
}

impl Filter {
    /// Of so many bytes. Twelve bits for a key make one of a hundred answers wrong.
    pub(crate) fn new(bytes: usize, hasher: Hasher) -> Self {
        let blocks = (bytes / size_of::<Block>()).max(1);
        Self {
            blocks: (0..blocks).map(|_| Block::default()).collect(),
            hasher,
            is_whole: AtomicBool::new(false),
            closing: AtomicBool::new(false),
        }
    }

    /// Before the table gets the key of this hash.
    pub(crate) fn add(&self, hash: u64) {
        let (block, bits) = self.place(hash);
        for (word, bit) in bits {
            block[word].fetch_or(bit, Ordering::Relaxed);
        }
    }

    /// False only if the table does not have the key of this hash.
    pub(crate) fn may_hold(&self, hash: u64) -> bool {
        // Pairs with the release below. Keys that are added later are recent until then, and the lock of the recent records
        // orders that.
        if !self.is_whole.load(Ordering::Acquire) {
            return true;
        }
        let (block, mut bits) = self.place(hash);
        bits.all(|(word, bit)| block[word].load(Ordering::Relaxed) & bit != 0)
    }

    fn place(&self, hash: u64) -> (&Block, impl Iterator<Item = (usize, u64)> + use<>) {
        // The upper half chooses the block, all of it, mixed once more, the bits.
        let block = ((hash >> 32) * self.blocks.len() as u64) >> 32;
        let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bits = (0..BITS).map(move |nth| {
            let at = (mixed >> (10 * nth)) % (64 * WORDS as u64);
            (at as usize / 64, 1 << (at % 64))
        });
        (&self.blocks[block as usize], bits)
    }

    fn fill(&self, connection: &Connection, code: &KeyCode) -> rusqlite::Result<()> {
        let next = "SELECT key FROM records WHERE key > ?1 ORDER BY key LIMIT ?2";
        let mut next = connection.prepare(next)?;
        let mut last = Vec::new();
        while !self.closing.load(Ordering::Relaxed) {
            let mut rows = next.query(params![last, CHUNK])?;
            let mut read = Vec::new();
            while let Some(row) = rows.next()? {
                self.add(self.hasher.hash(&code.read(row, 0)?));
                read.clear();
                read.extend_from_slice(row.get_ref(0)?.as_blob()?);
            }
            if read.is_empty() {
                self.is_whole.store(true, Ordering::Release);
                return Ok(());
            }
            last = read;
            thread::sleep(REST);
        }
        Ok(())
    }
}

/// The thread that fills a filter; dropping this ends it.
pub(crate) struct Filling {
    filter: Arc<Filter>,
    thread: Option<JoinHandle<()>>,
}

impl Filling {
    pub(crate) fn start(
        filter: Arc<Filter>,
        code: Arc<KeyCode>,
        path: PathBuf,
    ) -> Result<Self, StoreError> {
        let filled = Arc::clone(&filter);
        let thread = spawn("store-filter", move || {
            let filled = file::open(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).and_then(|reader| {
                connect::configure(&reader, 1 << 20)?;
                filled.fill(&reader, &code)
            });
            // A filter that is not whole only spares nothing; whoever reads the damaged page is told.
            let _unfilled = filled;
        })?;
        Ok(Self { filter, thread: Some(thread) })
    }
}

impl Drop for Filling {
    fn drop(&mut self) {
        self.filter.closing.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_may_be_there_and_most_else_is_not() {
        let filter = Filter::new(12 * 10_000 / 8, Hasher::default());
        let hash = |nth: u32| filter.hasher.hash(&format!("item/{nth}"));
        assert!(filter.may_hold(hash(1)), "it is not whole");
        filter.is_whole.store(true, Ordering::Release);
        assert!(!filter.may_hold(hash(1)), "nothing is there");
        (0..10_000).for_each(|nth| filter.add(hash(nth)));
        assert!((0..10_000).all(|nth| filter.may_hold(hash(nth))));
        let wrong = (10_000..20_000).filter(|nth| filter.may_hold(hash(*nth))).count();
        assert!(wrong < 300, "{wrong} of 10,000");
    }
}
