//! Moving what is in the log into `records`, a slice with each batch.
//!
//! Written one by one, random keys would each dirty a page of a large tree. So commits only append
//! to the log, and when enough has come together a *sweep* goes through it in key order: keys that
//! are neighbours share their pages, and a key that was written often is merged once. A slice is
//! part of a batch's own transaction and an eighth larger than the batch, so a sweep always overtakes
//! what comes in and no batch waits long for it.
//!
//! A sweep covers everything up to the revision at which it began (its mark): the recent records are frozen there. When
//! it is through, the latest write of each key up to the mark is in `records`, so the frozen ones go from memory, and
//! the log rows up to the mark are deleted, again in slices. Where the sweep stands is written
//! with each slice, so a restart goes on from there instead of beginning anew. A crash at any
//! point is harmless: the log is a suffix of all commits, and replaying a suffix, or what of it
//! is not merged, over `records` gives the latest state.

use rusqlite::{Connection, OptionalExtension, Row, Statement, params};

use super::generation::{Cursor, Entry};
use super::recent::{Frozen, Recent};
use crate::Revision;

/// Values longer than this live outside the tree of keys. An interface's sealed record is shorter, so that reading it is one
/// search.
pub(crate) const INLINE_BYTES: usize = 256;

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
    Sweeping { mark: Revision, after: Box<str> },
    /// Log rows up to `mark` are being deleted.
    Trimming { mark: Revision },
}

impl Phase {
    /// Reads where the sweep stood.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let after: Option<String> = row.get("after")?;
        Ok(match (row.get::<_, Option<i64>>("mark")?, after) {
            (None, _) => Self::Waiting,
            (Some(mark), None) => Self::Trimming { mark: mark as u64 },
            (Some(mark), Some(after)) => Self::Sweeping { mark: mark as u64, after: after.into() },
        })
    }

    fn columns(&self) -> (Option<i64>, Option<&str>) {
        match self {
            Self::Waiting => (None, None),
            Self::Sweeping { mark, after } => (Some(*mark as i64), Some(after)),
            Self::Trimming { mark } => (Some(*mark as i64), None),
        }
    }

    /// Whether a write of the log is merged, or superseded by one that is not.
    pub(crate) fn is_past(&self, revision: Revision, key: &str) -> bool {
        match self {
            Self::Waiting => false,
            Self::Sweeping { mark, after } => revision <= *mark && key <= &**after,
            Self::Trimming { mark } => revision <= *mark,
        }
    }
}

/// A slice that was written in a transaction, to take effect once that is committed.
pub(crate) struct Slice {
    /// What was merged, in the frozen generation.
    merged: Vec<u32>,
    next: Phase,
    cursor: Cursor,
    oldest: Revision,
}

impl Slice {
    /// The keys that were merged.
    pub(crate) fn keys<'a>(&'a self, frozen: &'a Frozen) -> impl Iterator<Item = &'a str> {
        self.merged.iter().map(|slot| frozen.generation.entry(*slot).key)
    }

    /// Whether the sweep is through: all that is frozen is merged.
    pub(crate) fn is_last(&self) -> bool {
        self.merged.is_empty() && matches!(self.next, Phase::Trimming { .. })
    }
}

/// The sweep of one store.
pub(crate) struct Merger {
    phase: Phase,
    /// How far it has come in what is frozen.
    cursor: Cursor,
    /// No log row is older than this.
    oldest: Revision,
    /// Size of the recent records at which a sweep begins.
    threshold: usize,
}

impl Merger {
    /// `phase`: where the sweep stood, in what is `frozen`; `oldest`: the first revision in the log.
    pub(crate) fn new(
        phase: Phase,
        frozen: Option<&Frozen>,
        oldest: Revision,
        threshold: usize,
    ) -> Self {
        let after = match &phase {
            Phase::Sweeping { after, .. } => Some(&**after),
            Phase::Waiting | Phase::Trimming { .. } => None,
        };
        let cursor = frozen.map(|frozen| frozen.generation.cursor(after)).unwrap_or_default();
        Self { phase, cursor, oldest, threshold }
    }

    /// Whether the next slice begins a sweep, for which the recent records have to be frozen.
    pub(crate) fn begins(&self, recent: &Recent) -> bool {
        self.phase == Phase::Waiting
            && recent.frozen().is_none()
            && recent.bytes() >= self.threshold
    }

    /// Writes the next slice into the open transaction, if there is anything to do. `written` is
    /// the number of records of the batch; `latest` is the revision after it.
    pub(crate) fn slice(
        &self,
        frozen: Option<&Frozen>,
        written: usize,
        latest: Revision,
        tables: &mut Tables<'_>,
    ) -> rusqlite::Result<Option<Slice>> {
        let slice = match (&self.phase, frozen) {
            (Phase::Trimming { mark }, _) => self.trim(*mark, tables)?,
            (Phase::Waiting, Some(frozen)) => {
                let cursor = frozen.generation.cursor(None);
                self.merge(frozen, &cursor, written, tables)?
            }
            (Phase::Sweeping { .. }, Some(frozen)) => {
                self.merge(frozen, &self.cursor, written, tables)?
            }
            (Phase::Waiting | Phase::Sweeping { .. }, None) => return Ok(None),
        };
        tables.note(latest, &slice.next)?;
        Ok(Some(slice))
    }

    fn merge(
        &self,
        frozen: &Frozen,
        cursor: &Cursor,
        written: usize,
        tables: &mut Tables<'_>,
    ) -> rusqlite::Result<Slice> {
        let Frozen { generation, mark } = frozen;
        let (merged, cursor) = generation.sweep(cursor, (written + written / 8).max(SLICE_ENTRIES));
        for slot in &merged {
            tables.merge(&generation.entry(*slot))?;
        }
        let next = match merged.last() {
            Some(slot) => {
                Phase::Sweeping { mark: *mark, after: generation.entry(*slot).key.into() }
            }
            None => Phase::Trimming { mark: *mark },
        };
        Ok(Slice { merged, next, cursor, oldest: self.oldest })
    }

    fn trim(&self, mark: Revision, tables: &mut Tables<'_>) -> rusqlite::Result<Slice> {
        let upto = mark.min(self.oldest + SLICE_ROWS);
        tables.trim_log.execute([upto as i64])?;
        let next = if upto == mark { Phase::Waiting } else { Phase::Trimming { mark } };
        Ok(Slice { merged: Vec::new(), next, cursor: Cursor::default(), oldest: upto + 1 })
    }

    /// The slice is committed: go on after it.
    pub(crate) fn done(&mut self, slice: Slice) {
        self.phase = slice.next;
        self.cursor = slice.cursor;
        self.oldest = slice.oldest;
    }
}

/// The statements that change the merged tables.
pub(crate) struct Tables<'c> {
    add: Statement<'c>,
    large_of: Statement<'c>,
    replace: Statement<'c>,
    delete: Statement<'c>,
    add_large: Statement<'c>,
    set_large: Statement<'c>,
    drop_large: Statement<'c>,
    trim_log: Statement<'c>,
    note: Statement<'c>,
    /// The last number given to a large value; a failed batch leaves a gap.
    last_large: i64,
}

impl<'c> Tables<'c> {
    pub(crate) fn prepare(connection: &'c Connection) -> rusqlite::Result<Self> {
        let last_large = "SELECT coalesce(max(id), 0) FROM large";
        Ok(Self {
            add: connection.prepare("INSERT OR IGNORE INTO records VALUES (?1, ?2, ?3, ?4)")?,
            large_of: connection.prepare("SELECT large FROM records WHERE key = ?1")?,
            replace: connection.prepare("REPLACE INTO records VALUES (?1, ?2, ?3, ?4)")?,
            delete: connection.prepare("DELETE FROM records WHERE key = ?1")?,
            add_large: connection.prepare("INSERT INTO large VALUES (?1, ?2)")?,
            set_large: connection.prepare("UPDATE large SET value = ?2 WHERE id = ?1")?,
            drop_large: connection.prepare("DELETE FROM large WHERE id = ?1")?,
            trim_log: connection.prepare("DELETE FROM log WHERE revision <= ?1")?,
            note: connection.prepare("UPDATE state SET revision = ?1, mark = ?2, after = ?3")?,
            last_large: connection.query_row(last_large, [], |row| row.get(0))?,
        })
    }

    fn merge(&mut self, entry: &Entry<'_>) -> rusqlite::Result<()> {
        let (key, version) = (entry.key, entry.version as i64);
        match entry.value {
            Some(value) if value.len() > INLINE_BYTES => self.merge_large(key, version, value),
            Some(value) => {
                // Most keys are new, and then this one search is all.
                let row = params![key, version, value, None::<i64>];
                if self.add.execute(row)? == 0 {
                    self.drop_large(key)?;
                    self.replace.execute(row)?;
                }
                Ok(())
            }
            None => {
                self.drop_large(key)?;
                self.delete.execute([key])?;
                Ok(())
            }
        }
    }

    fn merge_large(&mut self, key: &str, version: i64, value: &[u8]) -> rusqlite::Result<()> {
        let next = self.last_large + 1;
        if self.add.execute(params![key, version, None::<&[u8]>, next])? == 0 {
            let old = self.large(key)?;
            self.replace.execute(params![key, version, None::<&[u8]>, old.unwrap_or(next)])?;
            if let Some(old) = old {
                self.set_large.execute(params![old, value])?;
                return Ok(());
            }
        }
        self.last_large = next;
        self.add_large.execute(params![next, value])?;
        Ok(())
    }

    fn large(&mut self, key: &str) -> rusqlite::Result<Option<i64>> {
        Ok(self.large_of.query_row([key], |row| row.get(0)).optional()?.flatten())
    }

    fn drop_large(&mut self, key: &str) -> rusqlite::Result<()> {
        if let Some(id) = self.large(key)? {
            self.drop_large.execute([id])?;
        }
        Ok(())
    }

    /// Writes down where the sweep stands, and the latest revision, as the log may become empty.
    fn note(&mut self, latest: Revision, phase: &Phase) -> rusqlite::Result<()> {
        let (mark, after) = phase.columns();
        self.note.execute(params![latest as i64, mark, after])?;
        Ok(())
    }
}
