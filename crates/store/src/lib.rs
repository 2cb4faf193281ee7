//! Versioned records with compare-and-set.

mod changes;
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

pub use changes::DEFAULT_CHANGES;
pub use faulty::{Fault, Faulty, Schedule};
pub use memory::MemoryStore;
pub use observer::{BatchReport, StoreObserver};
pub use sqlite::{OpenError, SqliteOptions, SqliteStore};
pub use types::{
    Changes, Commit, CommitError, Compare, MAX_COMMIT_BYTES, MAX_KEY_BYTES, MAX_OPERATIONS,
    MAX_PAGE, Page, Revision, Stats, StoreError, Versioned, Write,
};

/// The store, whatever engine is behind it. Used as `Arc<dyn Store>`.
///
/// Every read sees every commit that was answered before the read began.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// One record, or `None` if it does not exist.
    async fn get(&self, key: &str) -> Result<Option<Versioned>, StoreError>;

    /// Several records, as they stood at one moment; answers are in the order of `keys`.
    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StoreError>;

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

    async fn get_many(&self, keys: &[&str]) -> Result<Vec<Option<Versioned>>, StoreError> {
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
