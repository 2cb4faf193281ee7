//! A consistent copy of the database while it is in use.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{process, thread};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, ffi};

use super::generation::Entry;
use super::log::Files;
use super::row::{self, Written};
use super::short::{KeyCode, Start};
use super::tables::Tables;
use super::{connect, file, rows, standing, store_error};
use crate::{StoreError, files};

static COPIES: AtomicU64 = AtomicU64::new(0);

/// Copies the database at `source` to the new file `target`.
///
/// One read transaction covers the whole copy of the tables, and then what the log has beyond them is merged into it; writers go
/// on. The file gets its name when it is complete.
pub(crate) fn copy(
    source: &Path,
    log: &Files,
    code: &KeyCode,
    target: &Path,
) -> Result<(), StoreError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("{what} {}: {error}", target.display()))
    };
    if target.try_exists().map_err(|error| failed("looking at", &error))? {
        return Err(failed("writing", &"the file exists already"));
    }
    let nth = COPIES.fetch_add(1, Ordering::Relaxed);
    let partial = files::beside(target, &format!(".{}-{nth}.partial", process::id()));
    let created = files::create_private(&partial).map_err(|error| failed("creating", &error))?;
    let copied = copy_all(source, log, code, &partial).and_then(|()| {
        created.sync_all().map_err(|error| failed("syncing", &error))?;
        std::fs::rename(&partial, target).map_err(|error| failed("renaming to", &error))?;
        files::sync_directory(target).map_err(|error| failed("syncing the directory of", &error))
    });
    if copied.is_err() {
        // Best effort: the error that is reported is the one that matters.
        let _removed = std::fs::remove_file(&partial);
    }
    copied
}

fn copy_all(source: &Path, log: &Files, code: &KeyCode, partial: &Path) -> Result<(), StoreError> {
    // From before the pages are copied, so that the log has all that is not in them.
    let _pin = log.pin();
    let copy = copy_pages(source, partial).map_err(store_error)?;
    let begun = copy.execute_batch("BEGIN").and_then(|()| Tables::prepare(&copy, code));
    let mut tables = begun.map_err(store_error)?;
    let (merged, _) = standing(&copy).map_err(store_error)?;
    let last = rows(&copy, log, merged, |row, places| {
        for (version, at) in places {
            let Written { key, value } = row::written(row, at);
            let start = Start::of(code, key.as_bytes());
            tables.merge(start, &Entry { key, version, value }).map_err(store_error)?;
        }
        Ok(())
    })?;
    // Another identity: what is in the log is not to be read into the copy.
    let ended = tables
        .note(last)
        .and_then(|()| copy.execute_batch("UPDATE state SET identity = randomblob(16); COMMIT"));
    ended.map_err(store_error)
}

/// Copies the database; the connection to the copy.
fn copy_pages(source: &Path, partial: &Path) -> rusqlite::Result<Connection> {
    let from = file::open(source, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connect::configure(&from, 1 << 20)?;
    let mut to = file::open(partial, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Synced as a whole at the end, and thrown away if anything fails before.
    to.execute_batch("PRAGMA synchronous = OFF")?;
    {
        let backup = Backup::new(&from, &mut to)?;
        loop {
            match backup.step(-1)? {
                StepResult::Done => break,
                // The log is being restarted at this moment.
                StepResult::Busy | StepResult::Locked => thread::sleep(Duration::from_millis(1)),
                StepResult::More => {}
                // The type is open: what this build does not know is no success.
                _ => {
                    let unknown = ffi::Error::new(ffi::SQLITE_INTERNAL);
                    return Err(rusqlite::Error::SqliteFailure(unknown, None));
                }
            }
        }
    }
    // The copy says "write-ahead log" like the original; as a file of its own it needs none. Nor can what is still written be
    // taken back: a copy that fails is thrown away.
    for mode in ["DELETE", "OFF"] {
        to.query_row(&format!("PRAGMA journal_mode = {mode}"), [], |_| Ok(()))?;
    }
    Ok(to)
}
