//! Copying SQLite's write-ahead log into the database file, beside the thread that merges rather than in its way.
//!
//! SQLite appends to the log until a checkpoint has copied all of it and nobody reads from it;
//! the next write then starts over at the log's beginning, in place. A thread copies whenever
//! [`COPY_FRAMES`] more have been written. As merging goes on meanwhile, a little is always
//! left; so when the log is longer than [`LIMIT_FRAMES`] the merger itself copies that little
//! between two slices, and the log starts over. It does so right after the thread has copied, when there are
//! [`REST_FRAMES`] at most, rather than wait for it. If that does not come about, because the disk is slow or a
//! backup reads one state for seconds, it waits and copies whenever another [`LIMIT_FRAMES`] have been written.

use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::thread::JoinHandle;

use rusqlite::{Connection, OpenFlags};

use super::{connect, file, spawn, store_error};
use crate::StoreError;

/// Log frames (pages) after which the thread copies: 16 MiB.
const COPY_FRAMES: u32 = 4096;

/// Log frames after which the merger helps, so that the log starts over: 64 MiB.
const LIMIT_FRAMES: u32 = 16_384;

/// Log frames that the merger copies without need: 8 MiB.
const REST_FRAMES: u32 = 2048;

/// The connection that copies, and how far it has come.
struct Copier {
    connection: Mutex<Connection>,
    /// Frames of the log that need not be copied again.
    copied: AtomicU32,
}

impl Copier {
    fn copy(&self) {
        self.copy_by(&self.connection.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Copies, unless the other thread does.
    fn try_copy(&self) {
        match self.connection.try_lock() {
            Ok(connection) => self.copy_by(&connection),
            Err(TryLockError::Poisoned(poisoned)) => self.copy_by(&poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => {}
        }
    }

    fn copy_by(&self, connection: &Connection) {
        let frames =
            connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get::<_, i64>(2));
        // A failure (a full disk) only means that the log stays longer: the next attempt copies
        // the same frames, and a log that cannot grow any more is reported by the merger.
        if let Ok(frames) = frames {
            self.copied.store(u32::try_from(frames).unwrap_or(0), Ordering::Relaxed);
        }
    }
}

/// The merger's end.
pub(crate) struct Checkpointer {
    copier: Arc<Copier>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
    /// Length of the log at which the merger tries again, when a reader kept it from starting
    /// over.
    limit: u32,
}

impl Checkpointer {
    pub(crate) fn start(path: &Path) -> Result<Self, StoreError> {
        let connection = file::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
            .and_then(|connection| connect::configure(&connection, 1 << 20).map(|()| connection))
            .map_err(store_error)?;
        let copier =
            Arc::new(Copier { connection: Mutex::new(connection), copied: AtomicU32::new(0) });
        // One waiting wake-up is enough: it covers all that was written before it is taken.
        let (wake, woken) = sync_channel(1);
        let copies = Arc::clone(&copier);
        let thread = spawn("store-checkpoint", move || follow(&copies, &woken))?;
        Ok(Self { copier, wake: Some(wake), thread: Some(thread), limit: LIMIT_FRAMES })
    }

    /// The log is now `frames` long.
    pub(crate) fn written(&mut self, frames: u32) {
        let copied = self.copier.copied.load(Ordering::Relaxed);
        if frames < copied {
            // It has started over.
            self.copier.copied.store(0, Ordering::Relaxed);
            self.limit = LIMIT_FRAMES;
            return;
        }
        let (left, is_long) = (frames - copied, frames > self.limit);
        if is_long && left <= REST_FRAMES {
            self.copier.try_copy();
            self.limit = frames + REST_FRAMES;
        } else if frames > self.limit + LIMIT_FRAMES {
            self.copier.copy();
            self.limit = frames;
        } else if is_long || left > COPY_FRAMES {
            // An error says that a wake-up is waiting already.
            let _waiting = self.wake.as_ref().map(|wake| wake.try_send(()));
        }
    }
}

fn follow(copier: &Copier, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        copier.copy();
    }
}

impl Drop for Checkpointer {
    fn drop(&mut self) {
        self.wake = None;
        if let Some(thread) = self.thread.take() {
            let _ended = thread.join();
        }
    }
}
