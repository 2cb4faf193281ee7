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
use std::ops::Deref;
use std::path::Path;
use std::sync::atomic::{self, AtomicUsize};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};

use rusqlite::{Connection, OpenFlags, OptionalExtension, Row};

use super::recent::{Entry, Recent};
use super::{connect, file};
use crate::{Page, Versioned};

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
        let open_one = |_| {
            let connection = file::open(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
            connect::configure(&connection, cache_bytes)?;
            Ok(Mutex::new(connection))
        };
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

fn versioned(row: &Row<'_>) -> rusqlite::Result<Versioned> {
    let version = row.get::<_, i64>(0)?.unsigned_abs();
    Ok(Versioned { version, value: row.get_ref(1)?.as_blob()?.to_vec() })
}

/// One record of the table.
pub(crate) fn get(connection: &Connection, key: &str) -> rusqlite::Result<Option<Versioned>> {
    let mut select = connection.prepare_cached(select!("WHERE r.key = ?1"))?;
    select.query_row([key], versioned).optional()
}

/// Several records at one moment. `lock` gives the recent ones.
pub(crate) fn get_many<G: Deref<Target = Recent>>(
    connection: &Connection,
    lock: impl FnOnce() -> G,
    keys: &[&str],
) -> rusqlite::Result<Vec<Option<Versioned>>> {
    let recent = lock();
    let entries: Vec<Option<Entry>> = keys.iter().map(|key| recent.get(key).cloned()).collect();
    let Some(first) = entries.iter().position(Option::is_none) else {
        drop(recent);
        return Ok(entries.iter().map(|entry| entry.as_ref()?.versioned()).collect());
    };
    let transaction = connection.unchecked_transaction()?;
    // The first read fixes the view of the transaction; only then may merging go on.
    let mut fixed = get(&transaction, keys[first])?;
    drop(recent);
    let mut found = Vec::with_capacity(keys.len());
    for (at, (key, entry)) in keys.iter().zip(&entries).enumerate() {
        found.push(match entry {
            Some(entry) => entry.versioned(),
            None if at == first => fixed.take(),
            None => get(&transaction, key)?,
        });
    }
    transaction.finish()?;
    Ok(found)
}

/// One page of a prefix at one moment. `lock` gives the recent records.
pub(crate) fn scan<G: Deref<Target = Recent>>(
    connection: &Connection,
    lock: impl FnOnce() -> G,
    prefix: &str,
    after: Option<&str>,
    limit: usize,
) -> rusqlite::Result<Page> {
    let after = after.filter(|after| *after >= prefix);
    let mut select = connection.prepare_cached(match after {
        Some(_) => select!("WHERE r.key > ?1 ORDER BY r.key"),
        None => select!("WHERE r.key >= ?1 ORDER BY r.key"),
    })?;
    let mut rows = select.query([after.unwrap_or(prefix)])?;
    let recent = lock();
    let revision = recent.revision();
    let entries = enough(&recent, prefix, after, limit + 1);
    let mut row = rows.next()?;
    drop(recent);

    let mut items = Vec::new();
    let mut entries = entries.into_iter().peekable();
    while items.len() <= limit {
        let stored = match row {
            Some(row) => Some(row.get_ref(2)?.as_str()?).filter(|key| key.starts_with(prefix)),
            None => None,
        };
        let order = match (entries.peek(), stored) {
            (None, None) => break,
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (Some((key, _)), Some(stored)) => (**key).cmp(stored),
        };
        if order.is_le()
            && let Some((key, entry)) = entries.next()
            && let Some(versioned) = entry.versioned()
        {
            items.push((key.as_ref().to_owned(), versioned));
        }
        if let (Ordering::Greater, Some(row), Some(key)) = (order, row, stored) {
            items.push((key.to_owned(), versioned(row)?));
        }
        if order.is_ge() {
            row = rows.next()?;
        }
    }
    let more = items.len() > limit;
    items.truncate(limit);
    Ok(Page { items, revision, more })
}

/// The recent entries from `after` on, up to and including the `count`th that is not deleted: a
/// page of as many records cannot reach further.
fn enough(
    recent: &Recent,
    prefix: &str,
    after: Option<&str>,
    count: usize,
) -> Vec<(Arc<str>, Entry)> {
    let mut live = 0;
    let wanted = recent.below(prefix, after).take_while(|(_, entry)| {
        let wanted = live < count;
        live += usize::from(entry.value.is_some());
        wanted
    });
    wanted.map(|(key, entry)| (Arc::clone(key), entry.clone())).collect()
}
