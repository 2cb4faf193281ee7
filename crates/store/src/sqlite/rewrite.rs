//! A database written anew, value by value, and put in the place of the old one.
//!
//! The new database is a file of its own until it is whole, so whatever fails or is interrupted leaves the old one as it was. Every
//! page of it is new: no value that was there before is left in free pages, in the write-ahead log or in the log.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rusqlite::{Connection, OpenFlags};

use super::file::io_error;
use super::generation::Entry;
use super::short::{KeyCode, Start};
use super::tables::Tables;
use super::{OpenError, SqliteStore, connect, file, standing, store_error};
use crate::files::{beside, sync_directory};
use crate::{StoreError, Write};

/// Page cache of each of the two databases, in bytes.
const CACHE: usize = 16 << 20;

/// A closed database and the new one beside it that is to take its place. Dropping it removes the new one.
pub struct Rewritten {
    new: PathBuf,
    /// Has the lock.
    old: SqliteStore,
    in_place: bool,
}

impl SqliteStore {
    /// Closes the database, and writes beside it a new one with the same keys and versions, each value as `each` gives it, and
    /// then with what `more` writes, in a commit of its own. `each` is asked in the order of keys.
    ///
    /// # Errors
    ///
    /// What `each` says, or why the database cannot be closed, read, or written anew. It is as it was, then.
    pub fn rewrite<E: From<OpenError>>(
        mut self,
        more: &[Write],
        each: impl FnMut(&str, Vec<u8>) -> Result<Vec<u8>, E>,
    ) -> Result<Rewritten, E> {
        let path = self.file.path().to_owned();
        self.end().map_err(of(&path))?;
        self.refuse_log()?;
        let new = beside(&path, ".rewritten");
        // One that an interrupted run has left.
        remove(&new)?;
        let code = Arc::clone(&self.shared.code);
        let rewritten = Rewritten { new, old: self, in_place: false };
        fill(&path, &rewritten.new, &code, more, each)?;
        Ok(rewritten)
    }

    /// All that was committed must be in the database file: what is beside it would be taken for the new one's.
    fn refuse_log(&self) -> Result<(), OpenError> {
        let path = self.file.path();
        let log = self.files.any().map_err(io_error("looking for the log of", path))?;
        let journals = ["-wal", "-journal"].map(|suffix| beside(path, suffix));
        let left = journals.into_iter().filter(|file| file.symlink_metadata().is_ok()).chain(log);
        match left.into_iter().next() {
            None => Ok(()),
            Some(left) => {
                let why = io::Error::other("it is left although the database was closed");
                Err(io_error("rewriting the database beside", &left)(why))
            }
        }
    }
}

impl Rewritten {
    /// Puts the new database in the place of the old one, durably. It is nobody else's until the value is dropped.
    ///
    /// # Errors
    ///
    /// Something of the old database is left beside it, the file cannot be renamed, or the directory not be synced: then one of the two is there, whole.
    pub fn replace(&mut self) -> Result<(), OpenError> {
        self.old.refuse_log()?;
        let path = self.old.file.path();
        fs::rename(&self.new, path).map_err(io_error("renaming to", path))?;
        self.in_place = true;
        sync_directory(path).map_err(io_error("syncing the directory of", path))
    }
}

impl Drop for Rewritten {
    fn drop(&mut self) {
        if !self.in_place {
            // The next run overwrites what stays.
            let _stays = remove(&self.new);
        }
    }
}

/// Removes a database that nobody uses, and what SQLite may have beside it.
fn remove(database: &Path) -> Result<(), OpenError> {
    for suffix in ["", "-journal", "-wal", ".new", ".new-journal"] {
        let file = beside(database, suffix);
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(io_error("removing", &file)(error));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Ok(())
}

fn of(path: &Path) -> impl Fn(StoreError) -> OpenError {
    |source| OpenError::Store { path: path.to_owned(), source }
}

/// Makes the database `new`, durably, of the values of `old`.
fn fill<E: From<OpenError>>(
    old: &Path,
    new: &Path,
    code: &KeyCode,
    more: &[Write],
    each: impl FnMut(&str, Vec<u8>) -> Result<Vec<u8>, E>,
) -> Result<(), E> {
    file::create_database(new, code)?;
    let [from, to] = [connected(old)?, connected(new)?];
    // Nobody has it before it is whole, and synced.
    let begun = to.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(()));
    let begun = begun.and_then(|()| to.execute_batch("PRAGMA synchronous = OFF; BEGIN"));
    begun.map_err(store_error).map_err(of(new))?;
    copy((&from, old), (&to, new), code, more, each)?;
    to.execute_batch("COMMIT").map_err(store_error).map_err(of(new))?;
    for (connection, path) in [(to, new), (from, old)] {
        connection.close().map_err(|(_, error)| store_error(error)).map_err(of(path))?;
    }
    Ok(File::open(new).and_then(|file| file.sync_all()).map_err(io_error("syncing", new))?)
}

fn connected(path: &Path) -> Result<Connection, OpenError> {
    let connection = file::open(path, OpenFlags::SQLITE_OPEN_READ_WRITE).and_then(|connection| {
        connect::configure(&connection, CACHE)?;
        Ok(connection)
    });
    connection.map_err(store_error).map_err(of(path))
}

fn copy<E: From<OpenError>>(
    (from, old): (&Connection, &Path),
    (to, new): (&Connection, &Path),
    code: &KeyCode,
    more: &[Write],
    mut each: impl FnMut(&str, Vec<u8>) -> Result<Vec<u8>, E>,
) -> Result<(), E> {
    let unread = |error| of(old)(store_error(error));
    let unwritten = |error| of(new)(store_error(error));
    let mut tables = Tables::prepare(to, code).map_err(unwritten)?;
    // Both tables keep their order, so the new ones are filled from one end to the other.
    let all = "SELECT r.key, r.version, coalesce(r.value, l.value)
        FROM records r LEFT JOIN large l ON l.id = r.large ORDER BY r.key";
    let mut select = from.prepare(all).map_err(unread)?;
    let mut rows = select.query([]).map_err(unread)?;
    while let Some(row) = rows.next().map_err(unread)? {
        let key = code.read(row, 0).map_err(unread)?;
        let version = row.get::<_, i64>(1).map_err(unread)?.unsigned_abs();
        let value: Option<Vec<u8>> = row.get(2).map_err(unread)?;
        let value = value.ok_or_else(|| {
            of(old)(StoreError::Corrupt(format!("the large value of {key} is missing")))
        })?;
        let value = each(&key, value)?;
        let entry = Entry { key: &key, version, value: Some(&value) };
        tables.merge(Start::of(code, key.as_bytes()), &entry).map_err(unwritten)?;
    }
    let (mut revision, _) = standing(from).map_err(unread)?;
    revision += u64::from(!more.is_empty());
    for Write { key, value } in more {
        let entry = Entry { key, version: revision, value: value.as_deref() };
        tables.merge(Start::of(code, key.as_bytes()), &entry).map_err(unwritten)?;
    }
    Ok(tables.note(revision).map_err(unwritten)?)
}
