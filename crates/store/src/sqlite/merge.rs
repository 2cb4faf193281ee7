//! Moving what is in the log into `records`, a slice with each batch.
//!
//! Written one by one, random keys would each dirty a page of a large tree. So commits only append
//! to the log, and when enough has come together a *sweep* goes through it in key order: keys that
//! are neighbours share their pages, and a key that was written often is merged once. A slice is
//! part of a batch's own transaction and about twice the batch's size, so a sweep always overtakes
//! what comes in and no batch waits long for it.
//!
//! A sweep covers everything up to the revision at which it began (its mark). When it is through,
//! each write up to the mark is either in `records` or superseded by one in a later log row, so
//! the log rows up to the mark are deleted, again in slices. A crash at any point is harmless: the
//! log is a suffix of all commits, and replaying a suffix over `records` gives the latest state.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Statement, params};

use super::recent::{Entry, Recent};
use crate::Revision;

/// Values longer than this live outside the tree of keys.
pub(crate) const INLINE_BYTES: usize = 128;

/// Fewest entries that a slice merges.
const SLICE_ENTRIES: usize = 64;

/// How many log rows a slice deletes.
const SLICE_ROWS: u64 = 256;

/// Where the sweep stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing to do until enough has come together.
    Waiting,
    /// Entries up to `mark` are being merged; those up to the key `after` are done.
    Sweeping { mark: Revision, after: Option<Arc<str>> },
    /// Log rows up to `mark` are being deleted.
    Trimming { mark: Revision },
}

/// A slice that was written in a transaction, to take effect once that is committed.
pub(crate) struct Slice {
    pub(crate) merged: Vec<(Arc<str>, Entry)>,
    next: Phase,
    oldest: Revision,
}

/// The sweep of one store.
pub(crate) struct Merger {
    phase: Phase,
    /// No log row is older than this.
    oldest: Revision,
    /// Size of the recent records at which a sweep begins.
    threshold: usize,
}

impl Merger {
    /// `oldest`: the first revision in the log.
    pub(crate) fn new(oldest: Revision, threshold: usize) -> Self {
        Self { phase: Phase::Waiting, oldest, threshold }
    }

    /// Writes the next slice into the open transaction, if there is anything to do. `written` is
    /// the number of records of the batch; `latest` is the revision after it.
    pub(crate) fn slice(
        &self,
        recent: &Recent,
        written: usize,
        latest: Revision,
        tables: &mut Tables<'_>,
    ) -> rusqlite::Result<Option<Slice>> {
        match &self.phase {
            Phase::Waiting if recent.bytes() < self.threshold => Ok(None),
            Phase::Waiting => {
                self.merge(recent, recent.revision(), None, written, tables).map(Some)
            }
            Phase::Sweeping { mark, after } => {
                self.merge(recent, *mark, after.clone(), written, tables).map(Some)
            }
            Phase::Trimming { mark } => self.trim(*mark, latest, tables).map(Some),
        }
    }

    fn merge(
        &self,
        recent: &Recent,
        mark: Revision,
        after: Option<Arc<str>>,
        written: usize,
        tables: &mut Tables<'_>,
    ) -> rusqlite::Result<Slice> {
        let merged = recent.mergeable(after.as_deref(), mark, (2 * written).max(SLICE_ENTRIES));
        for (key, entry) in &merged {
            tables.merge(key, entry)?;
        }
        let next = match merged.last() {
            Some((key, _)) => Phase::Sweeping { mark, after: Some(Arc::clone(key)) },
            None => Phase::Trimming { mark },
        };
        Ok(Slice { merged, next, oldest: self.oldest })
    }

    fn trim(
        &self,
        mark: Revision,
        latest: Revision,
        tables: &mut Tables<'_>,
    ) -> rusqlite::Result<Slice> {
        let upto = mark.min(self.oldest + SLICE_ROWS);
        tables.trim(upto, latest)?;
        let next = if upto == mark { Phase::Waiting } else { Phase::Trimming { mark } };
        Ok(Slice { merged: Vec::new(), next, oldest: upto + 1 })
    }

    /// The slice is durable: go on after it.
    pub(crate) fn done(&mut self, slice: Slice) {
        self.phase = slice.next;
        self.oldest = slice.oldest;
    }
}

/// The statements that change the merged tables.
pub(crate) struct Tables<'c> {
    connection: &'c Connection,
    large_of: Statement<'c>,
    put: Statement<'c>,
    delete: Statement<'c>,
    add_large: Statement<'c>,
    set_large: Statement<'c>,
    drop_large: Statement<'c>,
    trim_log: Statement<'c>,
    set_revision: Statement<'c>,
}

impl<'c> Tables<'c> {
    pub(crate) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            large_of: connection.prepare("SELECT large FROM records WHERE key = ?1")?,
            put: connection.prepare("REPLACE INTO records VALUES (?1, ?2, ?3, ?4)")?,
            delete: connection.prepare("DELETE FROM records WHERE key = ?1")?,
            add_large: connection.prepare("INSERT INTO large (value) VALUES (?1)")?,
            set_large: connection.prepare("UPDATE large SET value = ?2 WHERE id = ?1")?,
            drop_large: connection.prepare("DELETE FROM large WHERE id = ?1")?,
            trim_log: connection.prepare("DELETE FROM log WHERE revision <= ?1")?,
            set_revision: connection.prepare("UPDATE state SET revision = ?1")?,
        })
    }

    fn merge(&mut self, key: &str, entry: &Entry) -> rusqlite::Result<()> {
        let large =
            self.large_of.query_row([key], |row| row.get::<_, Option<i64>>(0)).optional()?;
        let old = large.flatten();
        let version = entry.version as i64;
        match &entry.value {
            Some(value) if value.len() > INLINE_BYTES => {
                let id = match old {
                    Some(id) => {
                        self.set_large.execute(params![id, &**value])?;
                        id
                    }
                    None => {
                        self.add_large.execute([&**value])?;
                        self.connection.last_insert_rowid()
                    }
                };
                self.put.execute(params![key, version, None::<&[u8]>, id])?;
            }
            Some(value) => {
                self.drop_large(old)?;
                self.put.execute(params![key, version, &**value, None::<i64>])?;
            }
            None => {
                self.drop_large(old)?;
                self.delete.execute([key])?;
            }
        }
        Ok(())
    }

    fn drop_large(&mut self, id: Option<i64>) -> rusqlite::Result<()> {
        if let Some(id) = id {
            self.drop_large.execute([id])?;
        }
        Ok(())
    }

    /// Deletes log rows; `latest` is kept elsewhere, as the log may now be empty.
    fn trim(&mut self, upto: Revision, latest: Revision) -> rusqlite::Result<()> {
        self.trim_log.execute([upto as i64])?;
        self.set_revision.execute([latest as i64])?;
        Ok(())
    }
}
