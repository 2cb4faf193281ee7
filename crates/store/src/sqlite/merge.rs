//! Moving what was committed into `records`, on a thread of its own.
//!
//! Written one by one, random keys would each dirty a page of a large tree. So commits only append
//! to the log, and when enough has come together the writer freezes it and a *sweep* goes through it in key order: keys that
//! are neighbours share their pages, and a key that was written often is merged once. It goes in slices, a transaction
//! each, so that readers never wait long.
//!
//! When all that is frozen is in `records` it goes from memory, and so do the segments of the log that hold it. The last
//! slice alone is synced, and says up to which revision everything is merged: until that is durable the log is
//! as it was, and replaying it over whatever a crash has left of the slices gives the latest state.
//!
//! The writer goes on meanwhile. Only if as much has come together again and the sweep is not through it waits, before each batch
//! for a slice; and if slices fail, so do the batches, because memory would grow without end otherwise.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::hooks::Wal;
use rusqlite::wal::CheckpointMode;
use rusqlite::{Connection, OpenFlags};

use super::generation::{Entry, Ordered};
use super::log::Files;
use super::recent::Frozen;
use super::tables::Tables;
use super::{Shared, connect, file, store_error};
use crate::{Revision, StoreError};

/// Entries of a slice.
const SLICE: usize = 4096;
/// Entries that are looked up together: they lie all over the memory, and the processor then waits for several at a time.
const AT_ONCE: usize = 32;

/// Pages in SQLite's write-ahead log after which it is copied into the database file and begins again: 16 MiB.
const COPY_FRAMES: u32 = 4096;

/// How long that waits for those who read from it: others' reads take microseconds, a backup's seconds.
const READERS: Duration = Duration::from_millis(50);

/// How long a slice that failed waits for another attempt, unless a batch asks for it.
const RETRY: Duration = Duration::from_secs(1);

/// What the writer and the thread that merges tell one another.
#[derive(Default)]
pub(crate) struct Progress {
    standing: Mutex<Standing>,
    changed: Condvar,
}

#[derive(Default)]
struct Standing {
    /// Whether a sweep is going on.
    sweeping: bool,
    /// Slices that were merged.
    slices: u64,
    /// Why the last attempt failed, until the next one.
    failure: Option<StoreError>,
    /// A failed slice is to be tried again now.
    retry: bool,
    /// A slice that fails is not to be tried again.
    closing: bool,
    /// The thread is no more.
    ended: bool,
}

impl Progress {
    fn standing(&self) -> MutexGuard<'_, Standing> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Standing)) {
        change(&mut self.standing());
        self.changed.notify_all();
    }

    /// The writer hands over what a sweep merges.
    pub(crate) fn begin(&self) {
        self.change(|standing| standing.sweeping = true);
    }

    /// Waits until the next slice is merged or the sweep is through. A slice that has failed is tried once more.
    pub(crate) fn wait(&self) -> Result<(), StoreError> {
        let mut standing = self.standing();
        let before = standing.slices;
        if !standing.ended {
            (standing.failure, standing.retry) = (None, true);
            self.changed.notify_all();
        }
        while standing.sweeping && standing.slices == before {
            if let Some(failure) = &standing.failure {
                return Err(failure.clone());
            }
            if standing.ended {
                return Err(StoreError::Unavailable("the thread that merges has ended".to_owned()));
            }
            standing = self.changed.wait(standing).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    /// Waits until the sweep is through, if it ever will be.
    pub(crate) fn finish(&self) -> Result<(), StoreError> {
        self.change(|standing| standing.closing = true);
        while self.standing().sweeping {
            self.wait()?;
        }
        Ok(())
    }

    /// Told by the thread: waits until a slice that failed is to be tried again; false if never.
    fn failed(&self, failure: StoreError) -> bool {
        self.change(|standing| (standing.failure, standing.retry) = (Some(failure), false));
        let waiting = |standing: &mut Standing| !standing.retry && !standing.closing;
        let waited = self.changed.wait_timeout_while(self.standing(), RETRY, waiting);
        let (standing, _) = waited.unwrap_or_else(PoisonError::into_inner);
        !standing.closing
    }
}

/// Tells, however the thread ends.
struct Ending<'p>(&'p Progress);

impl Drop for Ending<'_> {
    fn drop(&mut self) {
        self.0.change(|standing| standing.ended = true);
    }
}

/// The thread that merges.
pub(crate) struct Merger {
    pub(crate) shared: Arc<Shared>,
    pub(crate) files: Arc<Files>,
    pub(crate) progress: Arc<Progress>,
    pub(crate) connection: Connection,
}

impl Merger {
    /// Runs until the store is closed; gives the connection back, which is to be closed after all others.
    pub(crate) fn run(mut self, sweeps: &Receiver<Frozen>) -> Connection {
        let progress = Arc::clone(&self.progress);
        let _ending = Ending(&progress);
        let mut merged = None;
        while let Ok(frozen) = sweeps.recv() {
            let mark = frozen.mark;
            if !self.sweep(frozen) {
                return self.connection;
            }
            merged = Some(mark);
        }
        // A backup that was reading when they were merged has kept segments.
        if let Some(mark) = merged {
            self.files.trim(mark);
        }
        self.files.drop_spare();
        self.connection
    }

    /// Merges all of it; false if that fails and the store is being closed.
    fn sweep(&mut self, frozen: Frozen) -> bool {
        let order = frozen.generation.ordered(&self.shared.code);
        // The filter knows the keys before the tables have them.
        frozen.generation.hashes().for_each(|hash| self.shared.filter.add(hash));
        let mut merged = 0;
        loop {
            let slice = &order[merged..order.len().min(merged + SLICE)];
            let is_last = merged + slice.len() == order.len();
            let mark = is_last.then_some(frozen.mark);
            match guarded(&self.connection, || self.slice(&frozen, slice, mark)) {
                Ok(old) => {
                    merged += slice.len();
                    self.shared.merged(&old, is_last);
                    if is_last {
                        self.files.trim(frozen.mark);
                    }
                    self.progress.change(|standing| {
                        standing.slices += 1;
                        standing.failure = None;
                        standing.sweeping = !is_last;
                    });
                    if is_last {
                        if let Some(mut merged) = Arc::into_inner(frozen.generation) {
                            merged.clear();
                            self.shared.recent_mut().reuse(merged);
                        }
                        return true;
                    }
                }
                Err(failure) if self.progress.failed(failure.clone()) => {}
                Err(_) => return false,
            }
        }
    }

    /// Merges some of what is frozen, in a transaction; with a `mark`, everything up to that revision is in the tables then. The keys
    /// of which the tables may have had another value.
    fn slice<'f>(
        &self,
        frozen: &'f Frozen,
        slice: &[Ordered],
        mark: Option<Revision>,
    ) -> Result<Vec<&'f str>, StoreError> {
        limit_pages(&self.connection, self.files.limit()).map_err(store_error)?;
        // A sync covers all that was written before, so the last slice's is enough.
        let level = if mark.is_some() { "FULL" } else { "NORMAL" };
        let merge = || {
            self.connection.pragma_update(None, "synchronous", level)?;
            self.connection.prepare_cached("BEGIN IMMEDIATE")?.execute([])?;
            let mut tables = Tables::prepare(&self.connection, &self.shared.code)?;
            let mut old = Vec::new();
            for some in slice.chunks(AT_ONCE) {
                let entries: Vec<Entry<'_>> =
                    some.iter().map(|place| frozen.generation.at(place)).collect();
                for (place, entry) in some.iter().zip(&entries) {
                    if tables.merge(place.start, entry)? {
                        old.push(entry.key);
                    }
                }
            }
            if let Some(mark) = mark {
                tables.note(mark)?;
            }
            self.connection.prepare_cached("COMMIT")?.execute([])?;
            Ok(old)
        };
        merge().map_err(store_error)
    }
}

/// Runs a transaction: if it fails, or panics, it is rolled back. The thread must outlive a bug in what it runs: everyone
/// would wait for ever otherwise.
fn guarded<T>(
    connection: &Connection,
    transaction: impl FnOnce() -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let outcome = catch_unwind(AssertUnwindSafe(transaction))
        .unwrap_or_else(|_| Err(StoreError::Unavailable("merging panicked".to_owned())));
    if outcome.is_err() && !connection.is_autocommit() {
        // Fails only if SQLite has rolled back by itself.
        let _rolled_back = connection.execute_batch("ROLLBACK");
    }
    outcome
}

fn limit_pages(connection: &Connection, bytes: u64) -> rusqlite::Result<()> {
    let pages = u32::try_from(bytes / 4096).unwrap_or(u32::MAX - 1);
    connection.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(()))
}

/// The merger's connection. It copies SQLite's write-ahead log after transactions that leave it long; on this thread nobody
/// waits for that.
pub(crate) fn connection(path: &Path, cache: usize) -> rusqlite::Result<Connection> {
    let mut connection = file::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connect::configure(&connection, cache)?;
    connection.busy_timeout(READERS)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let mut due = COPY_FRAMES;
    connection.wal_hook(Some(move |log: &mut Wal, frames: i32| {
        let frames = frames.unsigned_abs();
        if frames >= due {
            // A plain copy, as SQLite makes by itself, lets the log begin again only if nobody reads from it at the next
            // write; under load somebody always does, and it grew and grew. This waits for those who do. If that takes too
            // long (a backup), or the disk is full, there is another attempt when as much again was written.
            let begins_again = log.checkpoint_v2(CheckpointMode::RESTART).is_ok();
            due = if begins_again { COPY_FRAMES } else { frames + COPY_FRAMES };
        }
        Ok(())
    }))?;
    Ok(connection)
}
