//! A consistent copy of the database while it is in use.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{process, thread};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags, ffi};

use super::{connect, file, store_error};
use crate::{StoreError, files};

static COPIES: AtomicU64 = AtomicU64::new(0);

/// Copies the database at `source` to the new file `target`.
///
/// One read transaction covers the whole copy, so writers go on; what they write meanwhile stays in
/// the write-ahead log until the copy is done. The file gets its name when it is complete.
pub(crate) fn copy(source: &Path, target: &Path) -> Result<(), StoreError> {
    let failed = |what: &str, error: &dyn std::fmt::Display| {
        StoreError::Unavailable(format!("{what} {}: {error}", target.display()))
    };
    if target.try_exists().map_err(|error| failed("looking at", &error))? {
        return Err(failed("writing", &"the file exists already"));
    }
    let nth = COPIES.fetch_add(1, Ordering::Relaxed);
    let partial = files::beside(target, &format!(".{}-{nth}.partial", process::id()));
    let created = files::create_private(&partial).map_err(|error| failed("creating", &error))?;
    let copied = copy_pages(source, &partial).map_err(store_error).and_then(|()| {
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

fn copy_pages(source: &Path, partial: &Path) -> rusqlite::Result<()> {
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
    leave_wal_mode(&to)
}

/// The copy says "write-ahead log" like the original; as a file of its own it needs none.
fn leave_wal_mode(connection: &Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))
}
