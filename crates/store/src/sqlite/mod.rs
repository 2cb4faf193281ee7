//! The embedded engine: a SQLite file, a log, group commit. See the crate's documentation for
//! how the pieces fit together.

mod backup;
mod cache;
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
mod rewrite;
mod row;
mod short;
mod tables;
mod writer;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;

use async_trait::async_trait;
use rusqlite::{Connection, ErrorCode, ffi};
use tokio::sync::{mpsc, oneshot, watch};

pub use cache::Cached;
pub use file::OpenError;
pub use rewrite::Rewritten;
pub use short::KeySymbols;

use cache::Cache;
use file::DatabaseFile;
use filter::{Filling, Filter};
use generation::{Generation, Hasher, Mark};
use log::{Files, Identity, Log};
use merge::{Merger, Progress};
use readers::Readers;
use recent::Recent;
use row::Places;
use short::KeyCode;
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
    /// Page cache of the connection that merges, in bytes.
    pub merger_cache: usize,
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
    /// Texts that keys have in common. They belong to the database: it is opened with those that it was created with.
    pub symbols: KeySymbols,
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
            merger_cache: 16 << 20,
            reader_cache: 8 << 20,
            recent_bytes: 128 << 20,
            cache_bytes: 448 << 20,
            cached: |_| true,
            symbols: KeySymbols::default(),
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
    code: Arc<KeyCode>,
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

    /// Some of what is frozen is in the tables now, the `last` of it, maybe. The tables may have had another value of these keys, which
    /// somebody may have read; of all others there was none. Locked for a few keys at a time, so that readers wait for
    /// microseconds at most.
    fn merged(&self, old: &[&str], last: bool) {
        for keys in old.chunks(FORGET_AT_ONCE) {
            let mut recent = self.recent_mut();
            keys.iter().for_each(|key| self.cache.forget(key));
            recent.note_merged();
        }
        if last {
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

/// A store in a SQLite file and its log. Dropping it finishes what is queued, merges what is left in the log and closes the
/// file, which may take a second or two after many commits.
pub struct SqliteStore {
    shared: Arc<Shared>,
    readers: Readers,
    /// `None` only while dropping, as what follows.
    filling: Option<Filling>,
    /// Of which some may have ended.
    backups: Mutex<Vec<JoinHandle<()>>>,
    /// `None` only while opening and dropping, as the writer.
    jobs: Option<mpsc::Sender<Job>>,
    writer: Option<JoinHandle<Result<(), StoreError>>>,
    /// `None` only while dropping. It gives back the one connection that writes.
    merger: Option<JoinHandle<Connection>>,
    files: Arc<Files>,
    // Last: the file is given up when nothing of ours has it open any more.
    file: DatabaseFile,
}

impl SqliteStore {
    /// Opens the database at `path`, creating it (readable by its owner only) if the options say
    /// so. Whatever the error, an existing file is left as it was.
    pub fn open(path: impl AsRef<Path>, options: SqliteOptions) -> Result<Self, OpenError> {
        let path = path.as_ref();
        let code = KeyCode::new(options.symbols)
            .ok_or_else(|| OpenError::Symbols { path: path.to_owned() })?;
        let file = DatabaseFile::claim(path, options.create, &code)?;
        Self::start(file, code, options)
            .map_err(|source| OpenError::Store { path: path.to_owned(), source })
    }

    /// Whether an earlier build has written the database, so that opening it will migrate it: a second for each million
    /// records, and nearly as much space again as it takes.
    pub fn is_older(path: impl AsRef<Path>) -> Result<bool, OpenError> {
        file::is_older(path.as_ref())
    }

    fn start(
        file: DatabaseFile,
        code: KeyCode,
        options: SqliteOptions,
    ) -> Result<Self, StoreError> {
        let path = file.path();
        let connection = merge::connection(path, options.merger_cache).map_err(store_error)?;
        let (recent, files) = replay(&connection, path)?;
        let files = Arc::new(files);
        let changes = ChangeLog::new(recent.revision(), options.changes);
        let cache = Cache::new(options.cache_bytes, options.cached);
        let filter = Arc::new(Filter::new(options.filter_bytes, recent.hasher().clone()));
        let meter = Meter::new(options.observer);
        let (recent, code) = (RwLock::new(recent), Arc::new(code));
        let shared = Arc::new(Shared { code, recent, cache, filter, changes, meter });
        let readers =
            Readers::open(path, options.readers, options.reader_cache).map_err(store_error)?;
        let (filter, code) = (Arc::clone(&shared.filter), Arc::clone(&shared.code));
        let filling = Filling::start(filter, code, path.to_owned())?;
        let looking = readers::connect(path, options.reader_cache).map_err(store_error)?;
        let progress = Arc::new(Progress::default());
        let merger = Merger {
            shared: Arc::clone(&shared),
            files: Arc::clone(&files),
            progress: Arc::clone(&progress),
            connection,
        };
        let (sweeps, begun) = std::sync::mpsc::sync_channel(1);
        let merger = spawn("store-merger", move || merger.run(&begun))?;
        // Whatever fails from here on, dropping this waits for the threads.
        let mut store = Self {
            shared: Arc::clone(&shared),
            readers,
            filling: Some(filling),
            backups: Mutex::default(),
            jobs: None,
            writer: None,
            merger: Some(merger),
            files: Arc::clone(&files),
            file,
        };
        let max_batch = options.max_batch.max(1);
        let (jobs, queue) = mpsc::channel(4 * max_batch.max(64));
        let writer = Writer {
            shared,
            jobs: queue,
            log: Log::new(files),
            progress,
            sweeps,
            max_batch,
            threshold: options.recent_bytes,
        };
        let (ready, prepared) = std::sync::mpsc::channel();
        store.writer = Some(spawn("store-writer", move || writer.run(&looking, ready))?);
        store.jobs = Some(jobs);
        match prepared.recv() {
            Ok(prepared) => prepared.map_err(store_error)?,
            Err(_) => return Err(StoreError::Unavailable("the writer did not start".to_owned())),
        }
        Ok(store)
    }

    /// Lets the database file and each file of its log have no more than so many bytes, as a disk of that size
    /// would; commits that need more get [`StoreError::Full`]. It can be raised again.
    #[cfg(feature = "testing")]
    pub fn limit_files(&self, bytes: u64) {
        self.files.set_limit(bytes);
    }

    /// Closes it as dropping it does, and says whether the database file has everything now. If not, what was committed last
    /// is in the log still.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.end()
    }

    /// Waits for every thread, and for every connection to be closed.
    fn end(&mut self) -> Result<(), StoreError> {
        self.readers = Readers::default();
        self.filling = None;
        // A backup goes on when nobody waits for it any more. While it reads, nothing of the log may go.
        let backups = self.backups.get_mut().unwrap_or_else(PoisonError::into_inner);
        let copied = backups.drain(..).map(JoinHandle::join).fold(Ok(()), Result::and);
        self.jobs = None;
        let written = self.writer.take().map_or(Ok(Ok(())), JoinHandle::join);
        let merged = self.merger.take().map(JoinHandle::join).transpose();
        let panicked = |_| StoreError::Unavailable("a thread of the store panicked".to_owned());
        // SQLite empties and removes its write-ahead log when the last connection is closed, if that one may write. So it is
        // closed here, when the threads that had all others have ended.
        let closed = merged.map_err(panicked)?.map_or(Ok(()), Connection::close);
        closed.map_err(|(_, error)| store_error(error))?;
        copied.map_err(panicked)?;
        written.map_err(panicked)?
    }

    /// Reads the whole file and describes what is damaged in it; empty if nothing is.
    pub fn check(&self) -> Result<Vec<String>, StoreError> {
        check(&self.readers.get(), &self.shared.code).map_err(store_error)
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        // What is still in the log is read from there when the file is opened again.
        let _left_in_the_log = self.end();
    }
}

/// Starts a thread of the store.
fn spawn<T: Send + 'static>(
    name: &str,
    run: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, StoreError> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread
        .spawn(run)
        .map_err(|error| StoreError::Unavailable(format!("starting a thread: {error}")))
}

/// Reads back into memory what was committed and may not be in the tables.
fn replay(connection: &Connection, path: &Path) -> Result<(Recent, Files), StoreError> {
    let (merged, identity) = standing(connection).map_err(store_error)?;
    let files = Files::new(path, identity);
    let hasher = Hasher::default();
    let mut current = Generation::default();
    let revision = rows(connection, &files, merged, |row, places| {
        let mark = |(version, at)| {
            let hash = hasher.hash(row::written(row, at).key);
            Mark { version, hash, at }
        };
        current.add(row, places.into_iter().map(mark));
        if let Some(run) = current.next_run() {
            current.settle(run);
        }
        Ok(())
    })?;
    files
        .adopt(revision)
        .map_err(|error| StoreError::Unavailable(format!("looking for the log: {error}")))?;
    // What a crash has left of what was merged already.
    files.trim(merged);
    Ok((Recent::new(revision, hasher, current), files))
}

/// Up to which revision everything is merged, or was in an earlier build's log; and whose the log is.
fn standing(connection: &Connection) -> rusqlite::Result<(Revision, Identity)> {
    connection.query_row("SELECT revision, identity FROM state", [], |row| {
        Ok((row.get::<_, i64>(0)?.unsigned_abs(), row.get(1)?))
    })
}

/// Passes on each row of the log that may not be merged, with where its writes lie; the last revision that there is.
fn rows(
    connection: &Connection,
    files: &Files,
    merged: Revision,
    mut each: impl FnMut(&[u8], Places) -> Result<(), StoreError>,
) -> Result<Revision, StoreError> {
    let mut last = merged;
    // Up to version 2 of the schema the log was a table. A sweep may have merged some of it; that does no harm.
    let mut select =
        connection.prepare("SELECT revision, changes FROM log ORDER BY 1").map_err(store_error)?;
    let mut old = select.query([]).map_err(store_error)?;
    while let Some(row) = old.next().map_err(store_error)? {
        let first = row.get::<_, i64>(0).map_err(store_error)?.unsigned_abs();
        let row: Vec<u8> = row.get(1).map_err(store_error)?;
        let (places, reached) = row::places(first, &row)
            .ok_or_else(|| StoreError::Corrupt(format!("row {first} of the log is cut short")))?;
        last = last.max(reached);
        each(&row, places)?;
    }
    files.replay(last, each)
}

fn check(connection: &Connection, code: &KeyCode) -> rusqlite::Result<Vec<String>> {
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
    let mut keys = connection.prepare("SELECT key FROM records")?;
    let mut keys = keys.query([])?;
    let mut wrong = 0;
    while let Some(row) = keys.next()? {
        wrong += u64::from(!code.is_right(row.get_ref(0)?.as_blob()?));
    }
    if wrong > 0 {
        found.push(format!("{wrong} keys of records are not in their short form"));
    }
    Ok(found)
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
        let jobs = self.jobs.as_ref().expect("the queue is there until the store is dropped");
        jobs.send(Job { commit, reply }).await.map_err(|_| closed())?;
        let (answer, _commit) = answer.await.map_err(|_| closed())?;
        answer
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
        let (files, code) = (Arc::clone(&self.files), Arc::clone(&self.shared.code));
        let copying = spawn("store-backup", move || {
            let _caller_is_gone = reply.send(backup::copy(&source, &files, &code, &target));
        })?;
        {
            let mut backups = self.backups.lock().unwrap_or_else(PoisonError::into_inner);
            backups.retain(|backup| !backup.is_finished());
            backups.push(copying);
        }
        answer.await.map_err(|_| StoreError::Unavailable("the backup panicked".to_owned()))?
    }
}
