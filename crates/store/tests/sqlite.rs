//! What only the sqlite engine has: a file, a lock, a schema, a disk that may be full.

#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use linkway_store::{
    BatchReport, Commit, CommitError, KeySymbols, OpenError, Revision, SqliteOptions, SqliteStore,
    Store, StoreError, StoreObserver, Write,
};
use rusqlite::Connection;
use tempfile::TempDir;

fn open(path: &Path) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, SqliteOptions::default())
}

/// Merges with every batch, so that all tables are in use.
fn open_merging(path: &Path) -> SqliteStore {
    let options = SqliteOptions { recent_bytes: 0, ..SqliteOptions::default() };
    SqliteStore::open(path, options).unwrap()
}

fn puts(writes: impl IntoIterator<Item = (String, Vec<u8>)>) -> Commit {
    let writes = writes.into_iter().map(|(key, value)| Write::put(key, value)).collect();
    Commit { writes, ..Commit::default() }
}

async fn put(store: &impl Store, key: &str, value: &[u8]) -> Revision {
    store.commit(puts([(key.to_owned(), value.to_vec())])).await.unwrap()
}

/// Every file of a directory with its bytes.
fn contents(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.map(|path| (path.clone(), fs::read(path).unwrap())).collect()
}

async fn everything(store: &impl Store) -> Vec<(String, Revision, usize)> {
    let page = store.scan("", None, 10_000).await.unwrap();
    assert!(!page.more);
    page.items.into_iter().map(|(key, found)| (key, found.version, found.value.len())).collect()
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let mut expected = Vec::new();
    for round in 0..6 {
        let store = if round % 2 == 0 { open(&path).unwrap() } else { open_merging(&path) };
        assert_eq!(everything(&store).await, expected);
        for nth in 0..20 {
            put(&store, &format!("key/{round}/{nth}"), &vec![1; nth * 20]).await;
        }
        let gone =
            Commit { writes: vec![Write::delete(format!("key/{round}/3"))], ..Commit::default() };
        assert_eq!(store.commit(gone).await, Ok((round + 1) * 21));
        expected = everything(&store).await;
        assert_eq!(expected.len() as u64, (round + 1) * 19);
        assert_eq!(store.check(), Ok(vec![]));
    }
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let left: Vec<_> = contents(dir.path()).into_keys().collect();
    assert_eq!(left, [path.clone(), dir.path().join("db.lock")]);
}

#[tokio::test]
async fn a_value_that_was_read_goes_from_memory_when_another_one_is_merged() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let long = [2; 1000];
    put(&open_merging(&path), "key", b"first").await;
    let store = open_merging(&path);
    let value = async || store.get("key").await.unwrap().map(|found| found.value);
    assert_eq!(value().await.as_deref(), Some(&b"first"[..]));
    for (nth, next) in [Some(&b"second"[..]), Some(&long), Some(&long), None].iter().enumerate() {
        let write = next.map_or(Write::delete("key"), |next| Write::put("key", next));
        let commit = Commit { writes: vec![write], ..Commit::default() };
        store.commit(commit).await.unwrap();
        // Each waits until what came before the last one is merged.
        for other in 0..4 {
            put(&store, &format!("other/{nth}/{other}"), b"").await;
        }
        assert_eq!(value().await.as_deref(), *next);
    }
}

/// The files of an open database's log, but for the spare.
fn segments(dir: &Path) -> Vec<PathBuf> {
    let is_segment = |path: &PathBuf| path.to_str().unwrap().contains("db-log-0");
    contents(dir).into_keys().filter(is_segment).collect()
}

/// Copies the files of an open database as a loss of power would leave them: nothing is closed.
fn copy_of_open(dir: &Path) -> TempDir {
    let copy = tempfile::tempdir().unwrap();
    for (path, bytes) in contents(dir) {
        fs::write(copy.path().join(path.file_name().unwrap()), bytes).unwrap();
    }
    copy
}

fn keys(found: Vec<(String, Revision, usize)>) -> Vec<String> {
    found.into_iter().map(|(key, ..)| key).collect()
}

#[tokio::test]
async fn a_torn_tail_of_the_log_costs_only_what_was_torn() {
    const COMMITS: usize = 12;
    const PAGE: usize = 4096;
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("db")).unwrap();
    // Where the record of each commit ends: from one page to three.
    let mut ends = Vec::new();
    for nth in 0..COMMITS {
        put(&store, &format!("key/{nth:02}"), &vec![7; nth * 1000]).await;
        let record = (28 + nth * 1000).next_multiple_of(PAGE);
        ends.push(ends.last().unwrap_or(&PAGE) + record);
    }
    let [log] = &segments(dir.path())[..] else { panic!("one segment is enough") };
    let name = log.file_name().unwrap();
    let begins = ends.iter().map(|end| end - PAGE);
    let cuts = ends.iter().copied().chain(begins).flat_map(|cut| [cut - 1, cut, cut + 1, cut + 20]);
    for cut in cuts.filter(|cut| *cut > PAGE && *cut <= ends[COMMITS - 1]) {
        for garbage in [false, true] {
            let torn = copy_of_open(dir.path());
            let mut bytes = fs::read(log).unwrap();
            if garbage {
                bytes[cut..].fill(0xa5);
            } else {
                bytes.truncate(cut);
            }
            fs::write(torn.path().join(name), bytes).unwrap();
            // Of the last page of a record some bytes are not its own.
            let whole = ends.iter().filter(|end| **end <= cut).count();
            let copy = open(&torn.path().join("db")).unwrap();
            let survived = keys(everything(&copy).await);
            let about = format!("cut at {cut}, garbage: {garbage}");
            assert!((whole..=whole + 1).contains(&survived.len()), "{about}");
            let expected: Vec<String> =
                (0..survived.len()).map(|nth| format!("key/{nth:02}")).collect();
            assert_eq!(survived, expected, "{about}");
            assert_eq!(put(&copy, "next", b"").await, survived.len() as u64 + 1, "{about}");
            assert_eq!(copy.check(), Ok(vec![]));
            // Its record is in a segment of its own, behind what was torn.
            let again = copy_of_open(torn.path());
            drop(copy);
            let again = open(&again.path().join("db")).unwrap();
            assert_eq!(everything(&again).await.len(), survived.len() + 1, "{about}");
        }
    }
}

#[tokio::test]
async fn a_log_that_does_not_belong_here_or_lacks_a_part_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    // Three segments: the first two were left by crashes.
    let mut last = copy_of_open(dir.path());
    for nth in 0..3 {
        let store = open(&last.path().join("db")).unwrap();
        put(&store, &format!("key/{nth}/0"), b"value").await;
        put(&store, &format!("key/{nth}/1"), b"value").await;
        last = copy_of_open(last.path());
    }
    let path = last.path().join("db");
    let logs = segments(last.path());
    assert_eq!(logs.len(), 3);
    let other = tempfile::tempdir().unwrap();
    let stranger = open(&other.path().join("db")).unwrap();
    put(&stranger, "key/3", b"value").await;
    let foreign = fs::read(&segments(other.path())[0]).unwrap();
    let patched = |at: usize, byte: u8| {
        let mut bytes = fs::read(&logs[1]).unwrap();
        bytes[at] = byte;
        Some(bytes)
    };
    let table = [
        (None, "-log-00000000000000000005, revisions 3 to 4 are missing"),
        (Some(foreign), "-log-00000000000000000003 belongs to another database"),
        (Some(Vec::new()), "-log-00000000000000000003 is not a part of a Linkway database's log"),
        (patched(0, b'?'), "-log-00000000000000000003 is not a part of a Linkway database's log"),
        (patched(8, 9), "-log-00000000000000000003 is of another version"),
        (patched(40, 0xff), "-log-00000000000000000003 is damaged"),
        (
            patched(4096 + 20, 0xff),
            "-log-00000000000000000003 is damaged: revision 3 cannot be read",
        ),
    ];
    for (bytes, reason) in table {
        let broken = copy_of_open(last.path());
        let log = broken.path().join(logs[1].file_name().unwrap());
        match bytes {
            Some(bytes) => fs::write(log, bytes).unwrap(),
            None => fs::remove_file(log).unwrap(),
        }
        let before = logs_of(broken.path());
        let error = open(&broken.path().join("db")).err().unwrap().to_string();
        assert!(error.contains(reason), "{error}");
        assert!(logs_of(broken.path()) == before, "{reason}: something was written");
    }
    let expected = ["key/0/0", "key/0/1", "key/1/0", "key/1/1", "key/2/0", "key/2/1"];
    assert_eq!(keys(everything(&open(&path).unwrap()).await), expected);
}

/// The files of a log with their bytes.
fn logs_of(dir: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut files = contents(dir);
    files.retain(|path, _| path.to_str().unwrap().contains("db-log-"));
    files
}

/// Writes a big-endian number into the header of a database file.
fn patch(path: &Path, at: usize, number: u32) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at..at + 4].copy_from_slice(&number.to_be_bytes());
    fs::write(path, bytes).unwrap();
}

const USER_VERSION: usize = 60;

async fn closed_database(dir: &Path) -> PathBuf {
    let path = dir.join("db");
    put(&open(&path).unwrap(), "a", b"1").await;
    path
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = closed_database(dir.path()).await;
    patch(&path, USER_VERSION, 7);
    for lock_file in [true, false] {
        if !lock_file {
            fs::remove_file(dir.path().join("db.lock")).unwrap();
        }
        let before = contents(dir.path());
        let error = open(&path).err().unwrap();
        assert!(matches!(error, OpenError::Newer { found: 7, supported: 6, .. }), "{error}");
        assert!(error.to_string().contains("has schema version 7"), "{error}");
        assert!(contents(dir.path()) == before, "something was written");
    }
}

#[tokio::test]
async fn a_database_is_opened_only_with_the_key_symbols_it_was_created_with() {
    const SYMBOLS: KeySymbols = KeySymbols { heads: &["item-of/", "item/"], joints: &["/x-f"] };
    const OTHER: KeySymbols = KeySymbols { heads: &["item/"], joints: &["/x-f"] };
    const IMPOSSIBLE: KeySymbols = KeySymbols { heads: &["item/", "item/x"], joints: &[] };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let open = |path: &Path, symbols| {
        SqliteStore::open(path, SqliteOptions { symbols, ..SqliteOptions::default() })
    };
    let store = open(&path, SYMBOLS).unwrap();
    put(&store, "item-of/7/x-f01", b"1").await;
    let copy = dir.path().join("copy");
    store.backup_to(&copy).await.unwrap();
    drop(store);
    let refuses = |path: &Path, symbols| {
        let before = contents(dir.path());
        let error = open(path, symbols).err().unwrap();
        assert!(matches!(error, OpenError::Symbols { .. }), "{error}");
        assert!(error.to_string().contains("key symbols"), "{error}");
        assert!(contents(dir.path()) == before, "something was written");
    };
    for path in [&path, &copy] {
        let found = everything(&open(path, SYMBOLS).unwrap()).await;
        assert_eq!(found, [("item-of/7/x-f01".to_owned(), 1, 1)]);
        for wrong in [OTHER, KeySymbols::default(), IMPOSSIBLE] {
            refuses(path, wrong);
        }
    }
    // One that does not say which they are is of a build that had others than these.
    let database = Connection::open(&path).unwrap();
    database.execute_batch("DROP TABLE symbols").unwrap();
    drop(database);
    refuses(&path, SYMBOLS);
    let unborn = dir.path().join("unborn");
    refuses(&unborn, IMPOSSIBLE);
}

#[tokio::test]
async fn keys_in_another_form_than_theirs_are_found_by_the_check() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    // The codes of the intervals of "a": 42 before the symbol, 43 the symbol, 44 behind it.
    let symbols = KeySymbols { heads: &["ab/"], joints: &[] };
    let open = |path: &Path| {
        SqliteStore::open(path, SqliteOptions { symbols, ..SqliteOptions::default() })
    };
    put(&open(&path).unwrap(), "a", b"1").await;
    // No key's; that of "a" in an interval that it is not in, alone; a key's with zeros behind it.
    for wrong in ["ff", "44", "4200"] {
        let database = Connection::open(&path).unwrap();
        database.execute(&format!("UPDATE records SET key = x'{wrong}'"), []).unwrap();
        drop(database);
        let found = open(&path).unwrap().check();
        let expected = "1 keys of records are not in their short form";
        assert_eq!(found, Ok(vec![expected.to_owned()]), "{wrong}");
    }
    let error = open(&path).unwrap().scan("", None, 10).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt(_)), "{error}");
}

#[tokio::test]
async fn an_older_schema_is_migrated() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let old = Connection::open(&path).unwrap();
    // Version 0 is a database of ours without tables.
    old.execute_batch("PRAGMA application_id = 0x4c6b7779; VACUUM").unwrap();
    old.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
    drop(old);
    let store = open(&path).unwrap();
    assert_eq!(put(&store, "a", b"1").await, 1);
    drop(store);
    let header = fs::read(&path).unwrap();
    assert_eq!(header[USER_VERSION..USER_VERSION + 4], [0, 0, 0, 6]);
    assert_eq!(everything(&open(&path).unwrap()).await, [("a".to_owned(), 1, 1)]);
}

#[tokio::test]
async fn a_file_of_something_else_is_refused_and_left_alone() {
    let other = |path: &Path| {
        let other = Connection::open(path).unwrap();
        other.execute_batch("PRAGMA user_version = 1; CREATE TABLE t (x)").unwrap();
    };
    let in_wal = |path: &Path| {
        other(path);
        let other = Connection::open(path).unwrap();
        other.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).unwrap();
        other.execute_batch("INSERT INTO t VALUES (1)").unwrap();
        // As if that program were still running.
        std::mem::forget(other);
    };
    type Make<'a> = &'a dyn Fn(&Path);
    let table: [(&str, Make<'_>, &str); 5] = [
        ("empty", &|path| fs::write(path, "").unwrap(), "it has no SQLite header"),
        ("text", &|path| fs::write(path, "text".repeat(99)).unwrap(), "it has no SQLite header"),
        ("short", &|path| fs::write(path, "SQLite format 3\0").unwrap(), "it has no SQLite header"),
        ("other", &other, "its application id is 0x0"),
        ("wal", &in_wal, "its application id is 0x0"),
    ];
    for (name, make, reason) in table {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        make(&path);
        let before = contents(dir.path());
        let error = open(&path).err().unwrap();
        let expected = format!("{} is not a Linkway database: {reason}", path.display());
        assert_eq!(error.to_string(), expected, "{name}");
        assert!(contents(dir.path()) == before, "{name}: something was written");
    }
}

#[test]
fn nothing_is_created_unasked() {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions { create: false, ..SqliteOptions::default() };
    let error = SqliteStore::open(dir.path().join("db"), options).err().unwrap();
    assert!(matches!(error, OpenError::Missing { .. }), "{error}");
    assert_eq!(contents(dir.path()).len(), 0);
}

#[tokio::test]
async fn a_second_opener_is_refused_until_the_first_is_done() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let first = open(&path).unwrap();
    let error = open(&path).err().unwrap();
    assert!(matches!(error, OpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("is in use by another process"), "{error}");
    assert_eq!(put(&first, "a", b"1").await, 1);
    drop(first);
    assert_eq!(everything(&open(&path).unwrap()).await, [("a".to_owned(), 1, 1)]);
}

#[tokio::test]
async fn a_crash_while_creating_is_cleaned_up() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("db.new"), "half a database").unwrap();
    fs::write(dir.path().join("db.new-journal"), "its journal").unwrap();
    assert_eq!(put(&open(&dir.path().join("db")).unwrap(), "a", b"1").await, 1);
    assert!(!dir.path().join("db.new").exists() && !dir.path().join("db.new-journal").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_backup_while_writing_is_consistent() {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(open_merging(&dir.path().join("db")));
    let stop = Arc::new(AtomicBool::new(false));
    let acknowledged = Arc::new(AtomicUsize::new(0));
    let writing = tokio::spawn({
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        let acknowledged = Arc::clone(&acknowledged);
        async move {
            let mut nth = 0_usize;
            while !stop.load(Ordering::Relaxed) {
                nth += 1;
                let value = vec![nth as u8; nth % 500];
                let keys = [format!("left/{nth:06}"), format!("right/{nth:06}")];
                store.commit(puts(keys.map(|key| (key, value.clone())))).await.unwrap();
                acknowledged.store(nth, Ordering::SeqCst);
            }
        }
    });
    for round in 0..4 {
        let before = acknowledged.load(Ordering::SeqCst);
        // So that each copy is of another state.
        while acknowledged.load(Ordering::SeqCst) < before + 50 {
            tokio::task::yield_now().await;
        }
        let at_least = acknowledged.load(Ordering::SeqCst);
        let target = dir.path().join(format!("copy-{round}"));
        store.backup_to(&target).await.unwrap();
        assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
        let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let copies = names.filter(|name| name.to_str().unwrap().contains(&format!("copy-{round}")));
        assert_eq!(copies.count(), 1);
        let copy = open(&target).unwrap();
        assert_eq!(copy.check(), Ok(vec![]));
        let left = copy.scan("left/", None, 10_000).await.unwrap().items;
        let right = copy.scan("right/", None, 10_000).await.unwrap().items;
        assert!(left.len() >= at_least, "{} of {at_least}", left.len());
        assert_eq!(left.len(), right.len());
        for ((a, left), (b, right)) in left.iter().zip(&right) {
            assert_eq!((&a["left/".len()..], left), (&b["right/".len()..], right));
        }
        let again = store.backup_to(&target).await.unwrap_err().to_string();
        assert!(again.contains("the file exists already"), "{again}");
    }
    stop.store(true, Ordering::Relaxed);
    writing.await.unwrap();
}

#[tokio::test]
async fn a_backup_that_cannot_be_written_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let store = open(&dir.path().join("db")).unwrap();
    let before = contents(dir.path()).into_keys().collect::<Vec<_>>();
    let error = store.backup_to(&dir.path().join("no/such/copy")).await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable(_)), "{error}");
    assert_eq!(contents(dir.path()).into_keys().collect::<Vec<_>>(), before);
}

#[tokio::test]
async fn a_full_disk_fails_commits_whole_and_recovers() {
    for merging in [false, true] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let store = if merging { open_merging(&path) } else { open(&path).unwrap() };
        let store = Arc::new(store);
        let group = |nth: usize| {
            let keys = ["a", "b", "c"].map(|kind| format!("{kind}/{nth:03}"));
            puts(keys.map(|key| (key, vec![1; 20_000])))
        };
        store.limit_files(300 << 12);
        let mut written = Vec::new();
        let mut failed = 0;
        for round in 0..10 {
            // Together, so that some share a batch with others.
            let together = (round * 6..round * 6 + 6).map(|nth| {
                let (store, group) = (Arc::clone(&store), group(nth));
                (nth, tokio::spawn(async move { store.commit(group).await }))
            });
            for (nth, task) in together.collect::<Vec<_>>() {
                match task.await.unwrap() {
                    Ok(_) => written.push(nth),
                    Err(error) => {
                        assert_eq!(error, CommitError::Store(StoreError::Full));
                        failed += 1;
                    }
                }
            }
        }
        assert!(failed > 10 && written.len() > 2, "{failed} failed, {} written", written.len());
        assert_eq!(store.stats().failures, failed);
        let expected = |written: &[usize]| -> Vec<String> {
            let of = |kind| written.iter().map(move |nth| format!("{kind}/{nth:03}"));
            ["a", "b", "c"].into_iter().flat_map(of).collect()
        };
        let keys = async |store: &SqliteStore| -> Vec<String> {
            everything(store).await.into_iter().map(|(key, ..)| key).collect()
        };
        assert_eq!(keys(&store).await, expected(&written));
        store.limit_files(10_000 << 12);
        // Refused commits have used up no revision.
        assert_eq!(store.commit(group(60)).await, Ok(written.len() as u64 + 1));
        written.push(60);
        assert_eq!(keys(&store).await, expected(&written));
        drop(store);
        let store = open(&path).unwrap();
        assert_eq!(keys(&store).await, expected(&written));
        assert_eq!(store.check(), Ok(vec![]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sqlites_own_log_is_written_over_in_place_while_others_read() {
    /// What it is copied after, a transaction that ends beyond it, and another attempt.
    const MOST: u64 = 48 << 20;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let options =
        SqliteOptions { recent_bytes: 1 << 20, cached: |_| false, ..SqliteOptions::default() };
    let store = Arc::new(SqliteStore::open(&path, options).unwrap());
    let done = Arc::new(AtomicBool::new(false));
    // Spread evenly over the tree, so that each dirties a page.
    let key = |nth: u64| format!("key/{:016x}", nth.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let (store, done) = (Arc::clone(&store), Arc::clone(&done));
            tokio::spawn(async move {
                for nth in 0.. {
                    store.get(&key(nth % 1000)).await.unwrap();
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                }
            })
        })
        .collect();
    let log = dir.path().join("db-wal");
    let (mut longest, mut pages) = (0, 0);
    for batch in 0..1500_u64 {
        let some = (batch * 100..(batch + 1) * 100).map(|nth| (key(nth), vec![1; 200]));
        store.commit(puts(some)).await.unwrap();
        longest = longest.max(fs::metadata(&log).map_or(0, |file| file.len()));
        pages = fs::metadata(&path).unwrap().len() / 4096;
    }
    done.store(true, Ordering::Relaxed);
    for reader in readers {
        reader.await.unwrap();
    }
    assert!(pages > 5000, "{pages} pages: too small a tree to tell");
    assert!(longest > 1 << 20 && longest <= MOST, "{longest} bytes");
}

#[tokio::test]
async fn closing_says_whether_the_database_has_everything() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    let store = open(&path).unwrap();
    for nth in 0..10 {
        put(&store, &format!("key/{nth}"), &[1; 20_000]).await;
    }
    // The log has it; the database cannot grow.
    store.limit_files(4096);
    assert_eq!(store.close(), Err(StoreError::Full));
    assert_eq!(segments(dir.path()).len(), 1);
    let store = open(&path).unwrap();
    assert_eq!(everything(&store).await.len(), 10);
    assert_eq!(store.close(), Ok(()));
    let left: Vec<_> = contents(dir.path()).into_keys().collect();
    assert_eq!(left, [path, dir.path().join("db.lock")]);
}

#[tokio::test]
async fn closing_waits_for_a_backup_that_nobody_waits_for() {
    let dir = tempfile::tempdir().unwrap();
    let (path, copy) = (dir.path().join("db"), dir.path().join("copy"));
    let store = open_merging(&path);
    for nth in 0..20 {
        put(&store, &format!("key/{nth}"), &[1; 20_000]).await;
    }
    let mut backup = store.backup_to(&copy);
    let begun = std::future::poll_fn(|context| Poll::Ready(backup.as_mut().poll(context))).await;
    assert!(begun.is_pending() || begun == Poll::Ready(Ok(())), "{begun:?}");
    drop(backup);
    assert_eq!(store.close(), Ok(()));
    let left: Vec<_> = contents(dir.path()).into_keys().collect();
    assert_eq!(left, [copy.clone(), path, dir.path().join("db.lock")]);
    assert_eq!(everything(&open(&copy).unwrap()).await.len(), 20);
}

#[derive(Default)]
struct Batches(Mutex<Vec<BatchReport>>);

impl StoreObserver for Batches {
    fn batch(&self, report: &BatchReport) {
        self.0.lock().unwrap().push(*report);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_observer_is_told_of_every_commit() {
    let dir = tempfile::tempdir().unwrap();
    let seen = Arc::new(Batches::default());
    let observer: Arc<dyn StoreObserver> = seen.clone();
    let options =
        SqliteOptions { observer: Some(observer), max_batch: 16, ..SqliteOptions::default() };
    let store = Arc::new(SqliteStore::open(dir.path().join("db"), options).unwrap());
    let tasks = (0..200).map(|nth| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { put(&*store, &format!("key/{nth}"), b"").await })
    });
    let mut revisions = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        revisions.push(task.await.unwrap());
    }
    revisions.sort_unstable();
    assert_eq!(revisions, (1..=200).collect::<Vec<_>>());
    let reports = seen.0.lock().unwrap();
    assert_eq!(reports.iter().map(|report| report.commits).sum::<usize>(), 200);
    assert_eq!(reports.iter().map(|report| report.records).sum::<usize>(), 200);
    assert!(reports.iter().all(|report| report.commits <= 16 && report.sync <= report.total));
    assert_eq!(store.stats().batches, reports.len() as u64);
}
