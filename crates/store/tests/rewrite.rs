//! A database written anew, value by value.

#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use linkway_store::{Commit, OpenError, Revision, SqliteOptions, SqliteStore, Store as _, Write};
use tempfile::TempDir;

/// What every value has until it is written anew, and what it has then.
const OLD: &[u8] = b"sealed with the old key";
const NEW: &[u8] = b"sealed with the new key";

fn open(path: &Path, recent_bytes: usize) -> Result<SqliteStore, OpenError> {
    SqliteStore::open(path, SqliteOptions { recent_bytes, ..SqliteOptions::default() })
}

async fn commit(store: &SqliteStore, writes: Vec<Write>) -> Revision {
    store.commit(Commit { writes, ..Commit::default() }).await.unwrap()
}

/// A value of so many bytes, at least.
fn value(marked: &[u8], nth: usize, length: usize) -> Vec<u8> {
    let mut value = [marked, format!(" {nth} ").as_bytes()].concat();
    value.resize(value.len().max(length), b'.');
    value
}

/// A database with values of every size, replaced and deleted ones, some of them in the tables and some in the log.
async fn used() -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("db");
    for recent_bytes in [0, 1 << 20] {
        let store = open(&path, recent_bytes).unwrap();
        for nth in 0..60 {
            let put = |key: String, length| Write::put(key, value(OLD, nth, length));
            let writes = vec![
                put(format!("small/{nth:03}"), 40),
                put(format!("large/{nth:03}"), 300 + 100 * nth),
                put(format!("turned/{}", nth % 7), if nth % 2 == 0 { 20 } else { 5000 }),
                put(format!("gone/{nth:03}"), 700),
            ];
            commit(&store, writes).await;
            commit(&store, vec![Write::delete(format!("gone/{nth:03}"))]).await;
        }
        if recent_bytes == 0 {
            store.close().unwrap();
        } else {
            // As a kill would leave it: all of the second round is in the log alone.
            let left: Vec<_> =
                fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
            let aside = tempfile::tempdir().unwrap();
            for file in &left {
                fs::copy(file, aside.path().join(file.file_name().unwrap())).unwrap();
            }
            store.close().unwrap();
            fs::remove_dir_all(dir.path()).unwrap();
            fs::create_dir(dir.path()).unwrap();
            for file in &left {
                fs::copy(aside.path().join(file.file_name().unwrap()), file).unwrap();
            }
            assert!(left.iter().any(|file| file.to_string_lossy().contains("-log-0")), "{left:?}");
        }
    }
    (dir, path)
}

/// The value with its beginning replaced.
fn renewed(value: &[u8]) -> Vec<u8> {
    [NEW, value.strip_prefix(OLD).expect("an old value")].concat()
}

fn files(dir: &TempDir) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap());
    entries
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .collect()
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

#[tokio::test]
async fn every_value_is_new_and_nothing_else() {
    let (dir, path) = used().await;
    assert!(files(&dir).values().any(|bytes| has(bytes, OLD)));
    let store = open(&path, 1 << 20).unwrap();
    let before = store.scan("", None, 10_000).await.unwrap();
    let revision = *store.watch().borrow();
    let mut asked = Vec::new();
    let more = [Write::put("more", "a record"), Write::delete("small/000")];
    let rewritten = store.rewrite(&more, |key, value| {
        asked.push(key.to_owned());
        Ok::<_, OpenError>(renewed(&value))
    });
    let mut rewritten = rewritten.unwrap();
    rewritten.replace().unwrap();
    assert!(matches!(open(&path, 0), Err(OpenError::InUse { .. })), "it is still nobody else's");
    drop(rewritten);
    assert_eq!(asked, before.items.iter().map(|(key, _)| key.clone()).collect::<Vec<_>>());
    for (name, bytes) in files(&dir) {
        assert!(!has(&bytes, OLD), "{name} has an old value");
    }
    assert_eq!(files(&dir).keys().collect::<Vec<_>>(), ["db", "db.lock"]);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let store = open(&path, 1 << 20).unwrap();
    assert_eq!(store.check(), Ok(vec![]));
    let after = store.scan("", None, 10_000).await.unwrap();
    let mut expected: BTreeMap<_, _> = before
        .items
        .into_iter()
        .map(|(key, found)| (key, (found.version, renewed(&found.value))))
        .collect();
    expected.insert("more".to_owned(), (revision + 1, b"a record".to_vec()));
    expected.remove("small/000");
    let after: BTreeMap<_, _> =
        after.items.into_iter().map(|(key, found)| (key, (found.version, found.value))).collect();
    assert!(after == expected, "the records differ");
    let next = commit(&store, vec![Write::put("next", "x")]).await;
    assert_eq!(next, revision + 2);
}

#[tokio::test]
async fn what_fails_or_is_given_up_changes_nothing() {
    #[derive(Debug)]
    enum Failed {
        Open(OpenError),
        Value(String),
    }
    impl From<OpenError> for Failed {
        fn from(error: OpenError) -> Self {
            Self::Open(error)
        }
    }
    let (dir, path) = used().await;
    let read = async |path: &Path| {
        let store = open(path, 1 << 20).unwrap();
        let page = store.scan("", None, 10_000).await.unwrap();
        store.close().unwrap();
        page.items
    };
    let before = read(&path).await;
    let closed = files(&dir);
    // A value that cannot be written anew, in the middle.
    let failed = open(&path, 0).unwrap().rewrite(&[], |key, value| match key {
        "small/030" => Err(Failed::Value(key.to_owned())),
        _ => Ok(renewed(&value)),
    });
    assert!(matches!(failed.err(), Some(Failed::Value(key)) if key == "small/030"));
    assert!(files(&dir) == closed, "a failure changed something");
    // Whole, and not put in place.
    let rewritten =
        open(&path, 0).unwrap().rewrite(&[], |_, value| Ok::<_, Failed>(renewed(&value)));
    drop(rewritten.unwrap());
    assert!(files(&dir) == closed, "a rewritten database that was given up changed something");
    // What an interrupted run has left is no hindrance; what is in the way is named.
    for name in ["db.rewritten", "db.rewritten-journal", "db.rewritten.new"] {
        fs::write(dir.path().join(name), b"left behind").unwrap();
    }
    let rewritten = open(&path, 0).unwrap().rewrite(&[], |_, value| Ok::<_, Failed>(value));
    drop(rewritten.unwrap());
    assert!(files(&dir) == closed, "leftovers stayed");
    fs::create_dir(dir.path().join("db.rewritten")).unwrap();
    let failed = open(&path, 0).unwrap().rewrite(&[], |_, value| Ok::<_, Failed>(value));
    let Some(Failed::Open(error)) = failed.err() else { panic!("a directory is in the way") };
    assert!(error.to_string().contains("db.rewritten"), "{error}");
    fs::remove_dir(dir.path().join("db.rewritten")).unwrap();
    assert!(read(&path).await == before, "the records differ");
}
