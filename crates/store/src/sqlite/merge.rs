//! Moving what is in the log into `records`, a slice with each batch.
//!
//! Written one by one, random keys would each dirty a page of a large tree. So commits only append
//! to the log, and when enough has come together a *sweep* goes through it in key order: keys that
//! are neighbours share their pages, and a key that was written often is merged once. A slice follows each batch once that
//! is answered, while its committers' next requests are on their way, and is an eighth larger than the batch: so a sweep
//! always overtakes what comes in and no batch waits long for it.
//!
//! A sweep covers everything up to the revision at which it began (its mark): the recent records are frozen there, and
//! sorted beside the writer before the first slice. When
//! it is through, the latest write of each key up to the mark is in `records`, so the frozen ones go from memory, and
//! the log rows up to the mark are deleted, again in slices. Where the sweep stands is written
//! with each slice, so a restart goes on from there instead of beginning anew. A crash at any
//! point is harmless: the log is a suffix of all commits, and replaying a suffix, or what of it
//! is not merged, over `records` gives the latest state. So a slice need not be synced for itself: the next batch's sync
//! covers it, and a loss of power before that takes it back as a whole.

use std::ops::Range;

use rusqlite::{Connection, OptionalExtension, Row, Statement, params};

use super::generation::Entry;
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

/// What a slice does.
pub(crate) enum Work<'f> {
    /// Merges keys of what is frozen, in this order.
    Merge { frozen: &'f Frozen, order: &'f [u32] },
    /// Deletes log rows up to a revision.
    Trim { mark: Revision },
}

/// A slice that was written in a transaction, to take effect once that is committed.
pub(crate) struct Slice {
    /// What was merged, in the order of what is frozen.
    merged: Range<usize>,
    next: Phase,
    oldest: Revision,
}

impl Slice {
    /// The keys that were merged.
    pub(crate) fn keys<'a>(&self, frozen: &'a Frozen) -> impl Iterator<Item = &'a str> + use<'a> {
        let merged = frozen.order().map_or(&[][..], |order| &order[self.merged.clone()]);
        merged.iter().map(|slot| frozen.generation.entry(*slot).key)
    }

    /// Whether the sweep is through: all that is frozen is merged.
    pub(crate) fn is_last(&self) -> bool {
        self.merged.is_empty() && matches!(self.next, Phase::Trimming { .. })
    }
}

/// The sweep of one store.
pub(crate) struct Merger {
    phase: Phase,
    /// How far it has come in the order of what is frozen, unless that must be looked up.
    passed: Option<usize>,
    /// No log row is older than this.
    oldest: Revision,
    /// Size of the recent records at which a sweep begins.
    threshold: usize,
}

impl Merger {
    /// `phase`: where the sweep stood; `oldest`: the first revision in the log.
    pub(crate) fn new(phase: Phase, oldest: Revision, threshold: usize) -> Self {
        Self { phase, passed: None, oldest, threshold }
    }

    /// Whether the next slice begins a sweep, for which the recent records have to be frozen.
    pub(crate) fn begins(&self, recent: &Recent) -> bool {
        self.phase == Phase::Waiting
            && recent.frozen().is_none()
            && recent.bytes() >= self.threshold
    }

    /// What the next slice does, if there is anything to do and what is frozen is sorted.
    pub(crate) fn work<'f>(&self, frozen: Option<&'f Frozen>) -> Option<Work<'f>> {
        match self.phase {
            Phase::Trimming { mark } => Some(Work::Trim { mark }),
            Phase::Waiting | Phase::Sweeping { .. } => {
                let frozen = frozen?;
                Some(Work::Merge { frozen, order: frozen.order()? })
            }
        }
    }

    /// Writes the next slice into the open transaction. `written` is the number of records that came since the last one;
    /// `latest` is the store's revision.
    pub(crate) fn slice(
        &self,
        work: &Work<'_>,
        written: usize,
        latest: Revision,
        tables: &mut Tables<'_>,
    ) -> rusqlite::Result<Slice> {
        let slice = match work {
            Work::Trim { mark } => self.trim(*mark, tables)?,
            Work::Merge { frozen, order } => self.merge(frozen, order, written, tables)?,
        };
        tables.note(latest, &slice.next)?;
        Ok(slice)
    }

    fn merge(
        &self,
        Frozen { generation, mark, .. }: &Frozen,
        order: &[u32],
        written: usize,
        tables: &mut Tables<'_>,
    ) -> rusqlite::Result<Slice> {
        let looked_up = || {
            order.partition_point(|slot| match &self.phase {
                Phase::Sweeping { after, .. } => generation.entry(*slot).key <= &**after,
                Phase::Waiting | Phase::Trimming { .. } => false,
            })
        };
        let passed = self.passed.unwrap_or_else(looked_up);
        let upto = order.len().min(passed + (written + written / 8).max(SLICE_ENTRIES));
        for slot in &order[passed..upto] {
            tables.merge(&generation.entry(*slot))?;
        }
        let next = match order[passed..upto].last() {
            Some(slot) => {
                Phase::Sweeping { mark: *mark, after: generation.entry(*slot).key.into() }
            }
            None => Phase::Trimming { mark: *mark },
        };
        Ok(Slice { merged: passed..upto, next, oldest: self.oldest })
    }

    fn trim(&self, mark: Revision, tables: &mut Tables<'_>) -> rusqlite::Result<Slice> {
        let upto = mark.min(self.oldest + SLICE_ROWS);
        tables.trim_log.execute([upto as i64])?;
        let next = if upto == mark { Phase::Waiting } else { Phase::Trimming { mark } };
        Ok(Slice { merged: 0..0, next, oldest: upto + 1 })
    }

    /// The slice is committed: go on after it.
    pub(crate) fn done(&mut self, slice: Slice) {
        self.passed = matches!(slice.next, Phase::Sweeping { .. }).then_some(slice.merged.end);
        self.phase = slice.next;
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
    /// The last number given to a large value; a failed slice leaves a gap.
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
