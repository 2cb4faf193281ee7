//! The settings that all connections share.

use std::time::Duration;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

/// Settings of every connection to the live database.
pub(crate) fn configure(connection: &Connection, cache_bytes: usize) -> rusqlite::Result<()> {
    // Nobody but this process holds locks, and none for long; this is for the moment in which
    // the log is recovered or restarted.
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "cache_size", -((cache_bytes >> 10).max(64) as i64))?;
    // Without it SQLite compiles a statement anew each time that a parameter is bound, in the hope
    // of a better plan; ours have one plan only.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    // No large mapping: it would count as resident memory.
    connection.pragma_update(None, "mmap_size", 0)
}
