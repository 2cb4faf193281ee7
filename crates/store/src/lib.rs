//! Versioned records with compare-and-set.
//!
//! # The model
//!
//! A store holds records: a key (printable ASCII with `/` between its parts, ordered by bytes), a
//! value (bytes), and a version, the [`Revision`] of the commit that wrote it last. A [`Commit`]
//! states what its author has read ([`Compare`]) and what follows from it ([`Write`]); it is
//! carried out as a whole if all of that still holds, and not at all otherwise. So the caller
//! reads, decides, commits, and on [`CommitError::Conflict`] begins again. Nothing else is needed
//! for rules such as "a VLAN is given once": the rule is a record whose key is the unique thing,
//! compared as absent.
//!
//! [`Store::changes`] and [`Store::watch`] serve those who follow the store. Their memory is
//! bounded and does not outlive the process; whoever falls out of it is told to scan.
//!
//! The trait asks nothing that etcd v3 does not have: a version is its `mod_revision`, a commit
//! is a transaction of at most 128 compares and 128 writes without duplicate keys, an empty
//! prefix is a range compare, a scan is a paged range, changes are a watch with compaction.
//!
//! # The engines
//!
//! * [`MemoryStore`] is the reference: what it answers is right by definition. With the feature
//!   `testing` there is `Faulty` too, which makes any store fail on a schedule.
//! * [`SqliteStore`] is the embedded default: a database and its log, owned by one process.
//!
//! One suite (`tests/suite.rs`) runs on all of them, and random commands (`tests/model.rs`) must
//! get the same answers from sqlite as from memory.
//!
//! # How the sqlite engine works
//!
//! ```text
//!  commit --> queue --> writer thread: judge each --> append to the log, one sync --> make visible, tell watchers, answer
//!                             |
//!                             | when enough has come together: frozen, and another file of the log begun
//!                             v
//!     recent (memory)   merger thread --> `records`, `large`
//!          ^                                  ^
//!          +----------------- reads ----------+   on the caller's thread: recent, then cache and filter, then the tables
//! ```
//!
//! * **Group commit.** The writer takes everything that is queued (at most `max_batch`), judges
//!   the commits in order, each against what the accepted ones before it leave behind, and syncs
//!   once. When many commit at once it waits a moment for more of them first. A commit that
//!   says at which revision its author read is judged from memory alone, unless that was long ago.
//!   Nobody is answered and nothing is visible before the sync. A conflict writes nothing;
//!   a failure takes the whole batch back and everyone in it is told.
//! * **Log first, tree later.** Random keys in a tree of millions dirty a page each, and each
//!   such page is written twice. So a batch is one appended row, kept in memory as it is with an index over it, and is
//!   merged into the tree in key order when [`SqliteOptions::recent_bytes`] have come together. What is merged goes from
//!   memory, and its file of the log is used again.
//! * **Small rows.** Values above 256 bytes live outside the tree of keys, and keys are short there, in codes
//!   that keep their order, so that its pages hold more of them.
//! * **Cache and filter.** Values that were read from the tables are kept (`cache_bytes`), and a Bloom
//!   filter tells of most keys that are not there that they are not, so that few reads search a tree.
//! * **Reads** run on the caller's thread; a point read takes some 3 us. They see every
//!   commit that was answered before they began, and those of several records see one moment.
//! * **Checkpoints** of SQLite's write-ahead log run on the thread that merges, so that it is overwritten in place.
//! * **Durability.** A record of the log is synced before anybody in it is answered: an answered commit survives kill -9 and power loss.
//!   Of what is merged only the end of a sweep is synced: until then its records are in the log.
//! * **Closing** merges what is left, so that the database is one file then; so is a backup.
//! * **The file** is judged by its header before SQLite touches it. Another program's file and a
//!   newer schema are refused and stay as they are, to the byte; an older schema is migrated in
//!   one transaction.
//!
//! `examples/throughput.rs` measures it.

mod changes;
#[cfg(feature = "testing")]
mod faulty;
mod files;
mod memory;
mod observer;
pub mod seal;
mod sqlite;
mod types;

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::watch;

pub use changes::{DEFAULT_CHANGES, Keys};
#[cfg(feature = "testing")]
pub use faulty::{Fault, Faulty, Schedule};
pub use memory::MemoryStore;
pub use observer::{BatchReport, StoreObserver};
pub use sqlite::{Cached, KeySymbols, OpenError, Rewritten, SqliteOptions, SqliteStore};
pub use types::{
    Changes, Commit, CommitError, Compare, MAX_COMMIT_BYTES, MAX_KEY_BYTES, MAX_OPERATIONS,
    MAX_PAGE, Page, Revision, Snapshot, Stats, StoreError, Versioned, Write,
};

/// The store, whatever engine is behind it. Used as `Arc<dyn Store>`.
///
/// Every read sees every commit that was answered before the read began.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// One record, or `None` if it does not exist.
    async fn get(&self, key: &str) -> Result<Option<Versioned>, StoreError>;

    /// Several records, as they stood at one moment; answers are in the order of `keys`.
    async fn get_many(&self, keys: &[&str]) -> Result<Snapshot, StoreError>;

    /// The records whose keys begin with the bytes of `prefix`, ascending, from the first one
    /// after `after` (exclusive; it need not exist). `limit` is taken as 1 to [`MAX_PAGE`].
    /// One page is one consistent view; the next page may be of a later revision.
    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError>;

    /// Carries the commit out, durably and as a whole, if all its compares hold. Answers with the
    /// revision that its writes got; a commit that changes nothing answers with the current one.
    /// Once begun it may be carried out even if the future is dropped.
    async fn commit(&self, commit: Commit) -> Result<Revision, CommitError>;

    /// What was written after `after`, at once, from a bounded memory.
    async fn changes(&self, after: Revision) -> Result<Changes, StoreError>;

    /// The latest revision, to be woken when there is something new to ask [`Store::changes`] for.
    fn watch(&self) -> watch::Receiver<Revision>;

    /// What was done since the store was opened.
    fn stats(&self) -> Stats;

    /// Writes a consistent copy of everything to the new file `file` while serving goes on. The
    /// result is one self-contained file that opens like the original.
    async fn backup_to(&self, _file: &Path) -> Result<(), StoreError> {
        Err(StoreError::Unsupported("backups"))
    }
}

/// A shared store is a store, so that wrappers take one as it is.
#[async_trait]
impl<S: Store + ?Sized> Store for Arc<S> {
    async fn get(&self, key: &str) -> Result<Option<Versioned>, StoreError> {
        (**self).get(key).await
    }

    async fn get_many(&self, keys: &[&str]) -> Result<Snapshot, StoreError> {
        (**self).get_many(keys).await
    }

    async fn scan(
        &self,
        prefix: &str,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, StoreError> {
        (**self).scan(prefix, after, limit).await
    }

    async fn commit(&self, commit: Commit) -> Result<Revision, CommitError> {
        (**self).commit(commit).await
    }

    async fn changes(&self, after: Revision) -> Result<Changes, StoreError> {
        (**self).changes(after).await
    }

    fn watch(&self) -> watch::Receiver<Revision> {
        (**self).watch()
    }

    fn stats(&self) -> Stats {
        (**self).stats()
    }

    async fn backup_to(&self, file: &Path) -> Result<(), StoreError> {
        (**self).backup_to(file).await
    }
}
