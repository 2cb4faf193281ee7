//! The embedded engine: one SQLite file, a log, group commit. See the crate's documentation for
//! how the pieces fit together.

mod backup;
mod cache;
mod checkpoint;
mod connect;
mod draft;
mod file;
mod filter;
mod generation;
mod judge;
mod log;
mod merge;
mod readers;
mod recent;
mod writer;

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;

use async_trait::async_trait;
use itertools::Itertools;
use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};
use tokio::sync::{mpsc, oneshot, watch};

pub use cache::Cached;
pub use file::OpenError;

use cache::Cache;
use checkpoint::Checkpointer;
use file::DatabaseFile;
use filter::{Filling, Filter};
use generation::{Generation, Hasher, Mark};
use merge::{Merger, Phase, Slice};
use readers::Readers;
use recent::{Frozen, Recent};
use writer::{Job, Writer};

use crate::changes::{ChangeLog, DEFAULT_CHANGES};
use crate::observer::Meter;
use crate::{
    Changes, Commit, CommitError, MAX_PAGE, Page, Revision, Snapshot, Stats, Store, StoreError,
    StoreObserver, Versioned,
};

/// How to run the engine. The defaults suit a server with a few cores and 1 GiB.
#[derive(Clone)]
pub struct SqliteOptions {
    /// Create the database if there is none.
    pub create: bool,
    /// Most commits that share one sync; 1 is one sync a commit.
    pub max_batch: usize,
    /// Connections for reading: as many threads read at once.
    pub readers: usize,
    /// Page cache of the writer, in bytes.
    pub writer_cache: usize,
    /// Page cache of each reading connection, in bytes.
    pub reader_cache: usize,
    /// Memory for recent commits, in bytes, above which they are merged into the tree of records; meanwhile as much again may
    /// come. More means less work under a load that lasts, and a longer replay when the file is opened.
    pub recent_bytes: usize,
    /// Memory for values that were read from the tables, in bytes: above all that a server must look at often. It fills as
    /// they are read.
    pub cache_bytes: usize,
    /// Which keys' values are kept there: those that are read one by one.
    pub cached: Cached,
    /// Memory for telling which keys are not in the tables, in bytes: 12 bits for each key that is.
    pub filter_bytes: usize,
    /// How many changed keys are remembered for [`Store::changes`].
    pub changes: usize,
    /// Told about each batch.
    pub observer: Option<Arc<dyn StoreObserver>>,
}

impl Default for SqliteOptions {
    fn default() -> Self {
        Self {
            create: true,
            max_batch: 256,
            readers: 4,
            writer_cache: 16 << 20,
            reader_cache: 8 << 20,
            recent_bytes: 96 << 20,
            cache_bytes: 448 << 20,
            cached: |_| true,
            filter_bytes: 12 << 20,
            changes: DEFAULT_CHANGES,
            observer: None,
        }
    }
}

/// Keys that go from the cache under one lock.
const FORGET_AT_ONCE: usize = 32;

/// What the writer changes and everyone reads.
pub(crate) struct Shared {
    recent: RwLock<Recent>,
    cache: Cache,
    filter: Arc<Filter>,
    changes: ChangeLog,
    meter: Meter,
}

impl Shared {
    fn recent(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn recent_mut(&self) -> RwLockWriteGuard<'_, Recent> {
        self.recent.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Of what is frozen, this slice is in the tables now. Locked for a few keys at a time, so that readers wait for
    /// microseconds at most.
    fn merged(&self, frozen: &Frozen, slice: &Slice) {
        for keys in &slice.keys(frozen).chunks(FORGET_AT_ONCE) {
            let mut recent = self.recent_mut();
            keys.for_each(|key| self.cache.forget(key));
            recent.note_merged();
        }
        if slice.is_last() {
            self.recent_mut().forget();
        }
    }

    /// Keeps values that were found in the tables, unless they may have changed since `forgotten` was told.
    fn keep<'a>(&self, forgotten: u64, found: impl Iterator<Item = (&'a str, &'a Versioned)>) {
        let recent = self.recent();
        if recent.forgotten() == forgotten {
            for (key, value) in found.filter(|(key, _)| self.cache.wants(key)) {
                self.cache.add(key, value);
            }
        }
    }
}

/// A store in one SQLite file. Dropping it finishes what is queued and closes the file, which may
/// take some hundred milliseconds.
pub struct SqliteStore {
    shared: Arc<Shared>,
    readers: Readers,
    /// `None` only while dropping, as what follows.
    filling: Option<Filling>,
    /// `None` only while dropping.
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<()>>,
    // Last: the file is given up when nothing of ours has it open any more.
    file: DatabaseFile,
}

impl SqliteStore {
    /// Opens the database at `path`, creating it (readable by its owner only) if the options say
    /// so. Whatever the error, an existing file is left as it was.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let file = DatabaseFile::claim(path, options.create)?;
        Self::start(file, options)
            .map_err(|source| OpenError::Store { path: path.to_owned(), source })
    }

    fn start(file: DatabaseFile, options: SqliteOptions) -> Result<Self, StoreError> {
        let path = file.path();
        let (connection, frames) =
            writing_connection(path, options.writer_cache).map_err(store_error)?;
        let (recent, merger) = replay(&connection, options.recent_bytes).map_err(store_error)?;
        let changes = ChangeLog::new(recent.revision(), options.changes);
        let cache = Cache::new(options.cache_bytes, options.cached);
        let filter = Arc::new(Filter::new(options.filter_bytes));
        if let Some(frozen) = recent.frozen() {
            sort(frozen.clone(), Arc::clone(&filter));
        }
        let meter = Meter::new(options.observer);
        let shared =
            Arc::new(Shared { recent: RwLock::new(recent), cache, filter, changes, meter });
        let readers =
            Readers::open(path, options.readers, options.reader_cache).map_err(store_error)?;
        let filling = Filling::start(Arc::clone(&shared.filter), path.to_owned())?;
        let max_batch = options.max_batch.max(1);
        let (jobs, queue) = mpsc::channel(4 * max_batch.max(64));
        let writer = Writer {
            shared: Arc::clone(&shared),
            jobs: queue,
            merger,
            checkpointer: Checkpointer::start(path)?,
            max_batch,
            unmerged: 0,
            frames,
        };
        let (ready, prepared) = std::sync::mpsc::channel();
        let writer = spawn("store-writer", move || writer.run(&connection, ready))?;
        match prepared.recv() {
            Ok(prepared) => prepared.map_err(store_error)?,
            Err(_) => return Err(StoreError::Unavailable("the writer did not start".to_owned())),
        }
        Ok(Self {
            shared,
            readers,
            filling: Some(filling),
            jobs: Some(jobs),
            writer: Some(writer),
            file,
        })
    }

    /// Lets the database file have no more than `pages` pages (of 4 KiB), as a disk of that size
    /// would; commits that need more get [`StoreError::Full`]. It can be raised again.
    pub async fn limit_pages(&self, pages: u32) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        self.enqueue(Job::Limit { pages, reply }).await?;
        answer.await.map_err(|_| closed())?
    }

    /// Reads the whole file and describes what is damaged in it; empty if nothing is.
    pub fn check(&self) -> Result<Vec<String>, StoreError> {
        check(&self.readers.get()).map_err(store_error)
    }

    async fn enqueue(&self, job: Job) -> Result<(), StoreError> {
        let jobs = self.jobs.as_ref().expect("the queue is there until the store is dropped");
        jobs.send(job).await.map_err(|_| closed())
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // The connection that closes last empties the log and removes it, which only the writer's
        // may do.
        self.readers = Readers::default();
        self.filling = None;
        self.jobs = None;
        if let Some(writer) = self.writer.take() {
            let _ended = writer.join();
        }
    }
}

/// The writer's connection, and the length of the write-ahead log in frames, which SQLite tells
/// after each commit.
fn writing_connection(path: &Path, cache: usize) -> rusqlite::Result<(Connection, Arc<AtomicU32>)> {
    let mut connection = file::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    connect::configure(&connection, cache)?;
    connection.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(()))?;
    let frames = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&frames);
    // Replaces SQLite's own checkpoint, which would run in the middle of a commit.
    connection.wal_hook(Some(move |_: &mut _, length: i32| {
        counter.store(length.unsigned_abs(), Ordering::Relaxed);
        Ok(())
    }))?;
    Ok((connection, frames))
}

/// Starts a thread of the store.
fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread
        .spawn(run)
        .map_err(|error| StoreError::Unavailable(format!("starting a thread: {error}")))
}

/// Sorts what is frozen, on a thread of its own where there is one to be had: the writer goes on meanwhile. The filter knows
/// its keys before it is sorted, so before the tables have them.
fn sort(frozen: Frozen, filter: Arc<Filter>) {
    let sort = move || frozen.sort(|key| filter.add(key));
    if spawn("store-sort", sort.clone()).is_err() {
        sort();
    }
}

/// Reads back into memory what of the log is not merged, and where merging stands.
fn replay(connection: &Connection, threshold: usize) -> rusqlite::Result<(Recent, Merger)> {
    let (mut revision, phase) = connection.query_row("SELECT * FROM state", [], |row| {
        Ok((row.get::<_, i64>("revision")?.unsigned_abs(), Phase::read(row)?))
    })?;
    let hasher = Hasher::default();
    let (mut current, mut frozen) = (Generation::default(), Generation::default());
    let mut oldest = None;
    let mut rows = connection.prepare("SELECT revision, changes FROM log ORDER BY 1")?;
    let mut rows = rows.query([])?;
    while let Some(row) = rows.next()? {
        let first = row.get::<_, i64>(0)?.unsigned_abs();
        let bytes = row.get_ref(1)?.as_blob()?;
        let (places, last) = log::places(first, bytes)
            .ok_or_else(|| corrupt(format!("log row {first} is cut short")))?;
        let (mut new, mut sweeping) = (Vec::new(), Vec::new());
        for (version, at) in places {
            let key = log::written(bytes, at).key;
            let mark = Mark { version, hash: hasher.hash(key), at };
            match &phase {
                phase if phase.is_past(version, key) => {}
                Phase::Sweeping { mark: upto, .. } if version <= *upto => sweeping.push(mark),
                Phase::Sweeping { .. } | Phase::Waiting | Phase::Trimming { .. } => new.push(mark),
            }
        }
        for (generation, marks) in [(&mut current, new), (&mut frozen, sweeping)] {
            if !marks.is_empty() {
                generation.add(bytes.into(), marks);
            }
        }
        oldest.get_or_insert(first);
        revision = revision.max(last);
    }
    let frozen = match &phase {
        Phase::Sweeping { mark, .. } => Some(Frozen::new(frozen, *mark)),
        Phase::Waiting | Phase::Trimming { .. } => None,
    };
    let merger = Merger::new(phase, oldest.unwrap_or(revision + 1), threshold);
    Ok((Recent::new(revision, hasher, current, frozen), merger))
}

fn check(connection: &Connection) -> rusqlite::Result<Vec<String>> {
    let mut check = connection.prepare("PRAGMA integrity_check")?;
    let found = check.query_map([], |row| row.get::<_, String>(0))?;
    let mut found = found.collect::<rusqlite::Result<Vec<_>>>()?;
    found.retain(|line| line != "ok");
    let counts = "SELECT (SELECT count(*) FROM large), (SELECT count(large) FROM records),
        (SELECT count(DISTINCT l.id) FROM records r JOIN large l ON l.id = r.large)";
    let counts: [u32; 3] =
        connection.query_row(counts, [], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?]))?;
    if counts.iter().any(|count| *count != counts[0]) {
        let [stored, named, matched] = counts;
        found.push(format!("{stored} large values, {named} named by records, {matched} matching"));
    }
    Ok(found)
}

fn corrupt(what: String) -> rusqlite::Error {
    rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CORRUPT), Some(what))
}

fn closed() -> StoreError {
    StoreError::Unavailable("the store is closed".to_owned())
}

/// What an error of SQLite means to the caller.
pub(crate) fn store_error(error: rusqlite::Error) -> StoreError {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    match error.sqlite_error_code() {
        // The index of the write-ahead log is allocated, and fails, by another call than writing.
        _ if extended == Some(ffi::SQLITE_IOERR_SHMSIZE) => StoreError::Full,
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt(error.to_string())
        }
        Some(_) | None => StoreError::Unavailable(error.to_string()),
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        readers::get(&self.readers, &self.shared, key).map_err(store_error)
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Snapshot, StoreError> {
        readers::get_many(&self.readers, &self.shared, keys).map_err(store_error)
    }

    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        let limit = limit.clamp(1, MAX_PAGE);
        readers::scan(&self.readers.get(), &self.shared, prefix, after, limit).map_err(store_error)
    }

    async fn commit(&self, commit: Commit) -> Result<Revision, CommitError> {
        commit.validate()?;
        let (reply, answer) = oneshot::channel();
        self.enqueue(Job::Commit { commit, reply }).await?;
        answer.await.map_err(|_| closed())?
    }

    async fn changes(&self, after: Revision) -> Result<Changes, StoreError> {
        Ok(self.shared.changes.since(after))
    }

    fn watch(&self) -> watch::Receiver<Revision> {
        self.shared.changes.watch()
    }

    fn stats(&self) -> Stats {
        self.shared.meter.stats()
    }

    async fn backup_to(&self, target: &Path) -> Result<(), StoreError> {
        let (reply, answer) = oneshot::channel();
        let (source, target) = (self.file.path().to_owned(), target.to_owned());
        spawn("store-backup", move || {
            let _caller_is_gone = reply.send(backup::copy(&source, &target));
        })?;
        answer.await.map_err(|_| StoreError::Unavailable("the backup panicked".to_owned()))?
    }
}
