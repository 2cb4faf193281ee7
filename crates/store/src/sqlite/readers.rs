//! Reads, on the thread that asks.
//!
//! A read of several records must see the recent ones and the tables as they stood at one moment.
//! So it looks at the recent ones and begins to read the tables under one read lock: what SQLite
//! has begun to read does not change, and nothing is merged that was not recent before.
//!
//! A point read takes a few microseconds, less than handing it to another thread would. Each
//! thread sticks to one connection of the pool while that is free, so that the workers of a
//! server do not meet.

use std::cmp::Ordering;
use std::path::Path;
use std::sync::atomic::{self, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};

use super::recent::Recent;
use super::short::KeyCode;
use super::{Shared, connect, file};
use crate::{Page, Snapshot, Versioned};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT r.version, coalesce(r.value, l.value), r.key
             FROM records r LEFT JOIN large l ON l.id = r.large ",
            $rest
        )
    };
}

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static HOME: usize = NEXT.fetch_add(1, atomic::Ordering::Relaxed);
}

/// The pool.
#[derive(Default)]
pub(crate) struct Readers(Vec<Mutex<Connection>>);

impl Readers {
    pub(crate) fn open(path: &Path, count: usize, cache_bytes: usize) -> rusqlite::Result<Self> {
        let open_one = |_| connect(path, cache_bytes).map(Mutex::new);
        (0..count.max(1)).map(open_one).collect::<rusqlite::Result<_>>().map(Self)
    }

    /// A connection for one read.
    pub(crate) fn get(&self) -> MutexGuard<'_, Connection> {
        let count = self.0.len();
        let home = HOME.with(|home| home % count);
        for at in (home..count).chain(0..home) {
            match self.0[at].try_lock() {
                Ok(connection) => return connection,
                // A panic while reading leaves nothing in the connection but a read transaction,
                // which the statement's reset has ended.
                Err(TryLockError::Poisoned(poisoned)) => return poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => {}
            }
        }
        self.0[home].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that only reads.
pub(crate) fn connect(path: &Path, cache_bytes: usize) -> rusqlite::Result<Connection> {
    let connection = file::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    connect::configure(&connection, cache_bytes)?;
    Ok(connection)
}

fn versioned(row: &Row<'_>) -> rusqlite::Result<Versioned> {
    let version = row.get::<_, i64>(0)?.unsigned_abs();
    Ok(Versioned { version, value: row.get_ref(1)?.as_blob()?.to_vec() })
}

/// One record of the table.
fn in_table(
    connection: &Connection,
    code: &KeyCode,
    key: &str,
) -> rusqlite::Result<Option<Versioned>> {
    let Some(short) = code.shorten(key) else { return Ok(None) };
    let mut select = connection.prepare_cached(select!("WHERE r.key = ?1"))?;
    select.query_row([short], versioned).optional()
}

/// One record.
pub(crate) fn get(
    readers: &Readers,
    shared: &Shared,
    key: &str,
) -> rusqlite::Result<Option<Versioned>> {
    // The recent records first: what is missing there was merged before this moment, and the table is read after it.
    let (hash, forgotten) = {
        let recent = shared.recent();
        let hash = recent.hasher().hash(key);
        if let Some(entry) = recent.find(hash, key) {
            return Ok(entry.versioned());
        }
        (hash, recent.forgotten())
    };
    if let Some(cached) = shared.cache.get(key) {
        return Ok(Some(cached));
    }
    if !shared.filter.may_hold(hash) {
        return Ok(None);
    }
    let found = in_table(&readers.get(), &shared.code, key)?;
    shared.keep(forgotten, found.iter().map(|found| (key, found)));
    Ok(found)
}

/// Several records at one moment.
pub(crate) fn get_many(
    readers: &Readers,
    shared: &Shared,
    keys: &[&str],
) -> rusqlite::Result<Snapshot> {
    // What memory answers alone needs no connection, and there are few of those.
    if let Some(snapshot) = in_memory(shared, keys) {
        return Ok(snapshot);
    }
    // Always the connection first, then the lock: whoever held the lock and waited for a connection could wait for ever.
    let connection = readers.get();
    let recent = shared.recent();
    let (revision, forgotten) = (recent.revision(), recent.forgotten());
    let known = |key: &&str| known(&recent, shared, key);
    let mut records: Vec<Option<Option<Versioned>>> = keys.iter().map(known).collect();
    let missing: Vec<usize> = (0..keys.len()).filter(|at| records[*at].is_none()).collect();
    if let Some((first, rest)) = missing.split_first() {
        let moment = Moment::begin(&connection)?;
        // The first read fixes the view of the transaction; only then may merging go on.
        records[*first] = Some(in_table(&connection, &shared.code, keys[*first])?);
        drop(recent);
        for at in rest {
            records[*at] = Some(in_table(&connection, &shared.code, keys[*at])?);
        }
        drop(moment);
        drop(connection);
        let found =
            missing.iter().filter_map(|at| Some((keys[*at], records[*at].as_ref()?.as_ref()?)));
        shared.keep(forgotten, found);
    }
    Ok(Snapshot { revision, records: records.into_iter().map(Option::flatten).collect() })
}

/// What memory says of a key: its record, that there is none, or `None` if only the table knows.
fn known(recent: &Recent, shared: &Shared, key: &str) -> Option<Option<Versioned>> {
    let hash = recent.hasher().hash(key);
    let entry = recent.find(hash, key).map(|entry| entry.versioned());
    let cached = || shared.cache.get(key).map(Some);
    entry.or_else(cached).or_else(|| (!shared.filter.may_hold(hash)).then_some(None))
}

/// Several records at one moment, if memory has them all.
fn in_memory(shared: &Shared, keys: &[&str]) -> Option<Snapshot> {
    let recent = shared.recent();
    let known = keys.iter().map(|key| known(&recent, shared, key));
    let records = known.collect::<Option<Vec<_>>>()?;
    Some(Snapshot { revision: recent.revision(), records })
}

/// A read transaction, by statements that are compiled once.
struct Moment<'c>(&'c Connection);

impl<'c> Moment<'c> {
    fn begin(connection: &'c Connection) -> rusqlite::Result<Self> {
        connection.prepare_cached("BEGIN")?.execute([])?;
        Ok(Self(connection))
    }
}

impl Drop for Moment<'_> {
    fn drop(&mut self) {
        let ended = self.0.prepare_cached("COMMIT").and_then(|mut commit| commit.execute([]));
        if ended.is_err() {
            // Nothing was written: whatever ends it is as good.
            let _ended = self.0.execute_batch("ROLLBACK");
        }
    }
}

/// One page of a prefix at one moment.
pub(crate) fn scan(
    connection: &Connection,
    shared: &Shared,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Page> {
    let after = after.filter(|after| *after >= prefix);
    let mut select = connection.prepare_cached(match after {
        Some(_) => select!("WHERE r.key > ?1 ORDER BY r.key"),
        None => select!("WHERE r.key >= ?1 ORDER BY r.key"),
    })?;
    let mut rows = select.query([shared.code.shorten(after.unwrap_or(prefix))])?;
    let recent = shared.recent();
    let (revision, forgotten) = (recent.revision(), recent.forgotten());
    let entries = enough(&recent, prefix, after, limit + 1);
    let mut row = rows.next()?;
    drop(recent);

    let mut items = Vec::new();
    let mut from_table = Vec::new();
    let mut entries = entries.into_iter().peekable();
    while items.len() <= limit {
        let stored = match row {
            Some(row) => Some(shared.code.read(row, 2)?).filter(|key| key.starts_with(prefix)),
            None => None,
        };
        let order = match (entries.peek(), &stored) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((key, _)), Some(stored)) => key.cmp(stored),
        };
        if order.is_le()
            && let Some((key, Some(versioned))) = entries.next()
        {
            items.push((key, versioned));
        }
        if let (Ordering::Greater, Some(row), Some(key)) = (order, row, stored) {
            from_table.push(items.len());
            items.push((key, versioned(row)?));
        }
        if order.is_ge() {
            row = rows.next()?;
        }
    }
    let found = from_table.iter().map(|at| (items[*at].0.as_str(), &items[*at].1));
    shared.keep(forgotten, found);
    let more = items.len() > limit;
    items.truncate(limit);
    Ok(Page { items, revision, more })
}

/// The recent entries from `after` on, up to and including the `count`th that is not deleted: a
/// page of as many records cannot reach further. `None` for what is deleted.
fn enough(
    recent: &Recent,
    prefix: &str,
    after: Option<&str>,
    count: usize,
) -> Vec<(String, Option<Versioned>)> {
    let mut live = 0;
    let wanted = recent.below(prefix, after).take_while(|entry| {
        let wanted = live < count;
        live += usize::from(entry.value.is_some());
        wanted
    });
    wanted.map(|entry| (entry.key.to_owned(), entry.versioned())).collect()
}
