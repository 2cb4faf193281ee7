//! The tables of merged records.

use rusqlite::{CachedStatement, Connection, OptionalExtension, params};

use super::generation::Entry;
use super::short::{KeyCode, Start};
use crate::Revision;

/// Values longer than this live outside the tree of keys. The records that are read most are shorter, so that reading one
/// is one search.
const INLINE_BYTES: usize = 256;

/// The statements that change them.
pub(crate) struct Tables<'c> {
    code: &'c KeyCode,
    add: CachedStatement<'c>,
    large_of: CachedStatement<'c>,
    replace: CachedStatement<'c>,
    delete: CachedStatement<'c>,
    add_large: CachedStatement<'c>,
    set_large: CachedStatement<'c>,
    drop_large: CachedStatement<'c>,
    empty_log: CachedStatement<'c>,
    note: CachedStatement<'c>,
    /// The last number given to a large value; a failed slice leaves a gap.
    last_large: i64,
}

impl<'c> Tables<'c> {
    pub(crate) fn prepare(connection: &'c Connection, code: &'c KeyCode) -> rusqlite::Result<Self> {
        let last_large = "SELECT coalesce(max(id), 0) FROM large";
        Ok(Self {
            code,
            add: connection
                .prepare_cached("INSERT OR IGNORE INTO records VALUES (?1, ?2, ?3, ?4)")?,
            large_of: connection.prepare_cached("SELECT large FROM records WHERE key = ?1")?,
            replace: connection.prepare_cached("REPLACE INTO records VALUES (?1, ?2, ?3, ?4)")?,
            delete: connection.prepare_cached("DELETE FROM records WHERE key = ?1")?,
            add_large: connection.prepare_cached("INSERT INTO large VALUES (?1, ?2)")?,
            set_large: connection.prepare_cached("UPDATE large SET value = ?2 WHERE id = ?1")?,
            drop_large: connection.prepare_cached("DELETE FROM large WHERE id = ?1")?,
            empty_log: connection.prepare_cached("DELETE FROM log")?,
            note: connection.prepare_cached("UPDATE state SET revision = ?1")?,
            last_large: connection.query_row(last_large, [], |row| row.get(0))?,
        })
    }

    /// Writes the latest of a key, whose short form begins with `start`; whether there may have been another value of it.
    pub(crate) fn merge(&mut self, start: Start, entry: &Entry<'_>) -> rusqlite::Result<bool> {
        let longer;
        let mut bytes = [0; 16];
        let key = match start.whole(&mut bytes) {
            Some(key) => key,
            None => {
                longer = self.code.to_store(entry.key)?;
                &longer
            }
        };
        let version = entry.version as i64;
        match entry.value {
            Some(value) if value.len() > INLINE_BYTES => self.merge_large(key, version, value),
            Some(value) => {
                // Most keys are new, and then this one search is all.
                let row = params![key, version, value, None::<i64>];
                let is_old = self.add.execute(row)? == 0;
                if is_old {
                    self.drop_large(key)?;
                    self.replace.execute(row)?;
                }
                Ok(is_old)
            }
            None => {
                self.drop_large(key)?;
                self.delete.execute([key])?;
                Ok(true)
            }
        }
    }

    fn merge_large(&mut self, key: &[u8], version: i64, value: &[u8]) -> rusqlite::Result<bool> {
        let next = self.last_large + 1;
        let is_old = self.add.execute(params![key, version, None::<&[u8]>, next])? == 0;
        if is_old {
            let old = self.large(key)?;
            self.replace.execute(params![key, version, None::<&[u8]>, old.unwrap_or(next)])?;
            if let Some(old) = old {
                self.set_large.execute(params![old, value])?;
                return Ok(true);
            }
        }
        self.last_large = next;
        self.add_large.execute(params![next, value])?;
        Ok(is_old)
    }

    fn large(&mut self, key: &[u8]) -> rusqlite::Result<Option<i64>> {
        Ok(self.large_of.query_row([key], |row| row.get(0)).optional()?.flatten())
    }

    fn drop_large(&mut self, key: &[u8]) -> rusqlite::Result<()> {
        if let Some(id) = self.large(key)? {
            self.drop_large.execute([id])?;
        }
        Ok(())
    }

    /// Writes down that everything up to `mark` is merged; what an earlier build had in its log as well.
    pub(crate) fn note(&mut self, mark: Revision) -> rusqlite::Result<()> {
        self.empty_log.execute([])?;
        self.note.execute([mark as i64])?;
        Ok(())
    }
}
