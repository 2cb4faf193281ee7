//! What every engine must do. Each check runs on each engine.

#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use linkway_store::{
    Changes, Commit, CommitError, Compare, MAX_COMMIT_BYTES, MAX_KEY_BYTES, MAX_OPERATIONS,
    MemoryStore, Revision, SqliteOptions, SqliteStore, Store, Write,
};

/// A store, and what must live as long as it does.
type Opened = (Arc<dyn Store>, Option<tempfile::TempDir>);

/// Each engine remembers only this many changed keys.
const CHANGES: usize = 8;

fn memory() -> Opened {
    (Arc::new(MemoryStore::with_changes(CHANGES)), None)
}

fn sqlite_with(options: SqliteOptions) -> Opened {
    let dir = tempfile::tempdir().unwrap();
    let options = SqliteOptions { changes: CHANGES, ..options };
    (Arc::new(SqliteStore::open(dir.path().join("db"), options).unwrap()), Some(dir))
}

fn sqlite() -> Opened {
    sqlite_with(SqliteOptions::default())
}

fn sqlite_merging_at_once() -> Opened {
    sqlite_with(SqliteOptions { recent_bytes: 0, ..SqliteOptions::default() })
}

fn sqlite_one_sync_a_commit() -> Opened {
    sqlite_with(SqliteOptions { max_batch: 1, readers: 1, ..SqliteOptions::default() })
}

macro_rules! engines {
    ($engine:ident: $($check:ident),* $(,)?) => {
        mod $engine {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
                async fn $check() {
                    let (store, _dir) = super::$engine();
                    super::$check(store).await;
                }
            )*
        }
    };
    ($($engine:ident),*) => {
        $(engines! { $engine:
            compare_and_set,
            compares_are_judged_in_order,
            an_empty_prefix_is_compared,
            deleted_and_created_again,
            what_changes_nothing_gets_no_revision,
            large_and_small_values_replace_each_other,
            pages_with_deletes_in_between,
            changes_and_compaction,
            watchers_are_woken,
            limits,
            keys_and_duplicates,
            one_of_many_wins_a_claim,
            no_update_of_a_counter_is_lost,
            reads_of_several_records_are_of_one_moment,
            a_read_never_falls_behind_an_answer,
        })*
    };
}

engines!(memory, sqlite, sqlite_merging_at_once, sqlite_one_sync_a_commit);

fn commit(
    compares: impl IntoIterator<Item = Compare>,
    writes: impl IntoIterator<Item = Write>,
) -> Commit {
    Commit {
        compares: compares.into_iter().collect(),
        writes: writes.into_iter().collect(),
        read_at: None,
    }
}

async fn put(store: &Arc<dyn Store>, key: &str, value: &str) -> Revision {
    store.commit(commit([], [Write::put(key, value)])).await.unwrap()
}

async fn read(store: &Arc<dyn Store>, key: &str) -> Option<(Revision, String)> {
    let found = store.get(key).await.unwrap()?;
    Some((found.version, String::from_utf8(found.value).unwrap()))
}

async fn compare_and_set(store: Arc<dyn Store>) {
    assert_eq!(read(&store, "a").await, None);
    let created = commit([Compare::absent("a")], [Write::put("a", "1")]);
    assert_eq!(store.commit(created.clone()).await, Ok(1));
    assert_eq!(store.commit(created).await, Err(CommitError::Conflict { compare: 0 }));
    let stale = commit([Compare::version("a", 0)], [Write::put("a", "2"), Write::put("b", "2")]);
    assert_eq!(store.commit(stale).await, Err(CommitError::Conflict { compare: 0 }));
    assert_eq!(read(&store, "a").await, Some((1, "1".into())));
    assert_eq!(read(&store, "b").await, None);
    let fresh = commit([Compare::version("a", 1)], [Write::put("a", "2"), Write::put("b", "2")]);
    assert_eq!(store.commit(fresh).await, Ok(2));
    assert_eq!(read(&store, "a").await, Some((2, "2".into())));
    assert_eq!(read(&store, "b").await, Some((2, "2".into())));
    let stats = store.stats();
    assert_eq!((stats.commits, stats.conflicts, stats.failures, stats.records), (2, 2, 0, 3));
}

async fn compares_are_judged_in_order(store: Arc<dyn Store>) {
    put(&store, "a", "1").await;
    let held = [Compare::version("a", 1), Compare::absent("b"), Compare::empty("c/")];
    let failing = [Compare::absent("a"), Compare::version("b", 7), Compare::empty("a")];
    for at in 0..3 {
        let mut compares = held.to_vec();
        compares[at] = failing[at].clone();
        let refused = store.commit(commit(compares, [Write::put("x", "")])).await;
        assert_eq!(refused, Err(CommitError::Conflict { compare: at }));
    }
    assert_eq!(store.commit(commit(held, [Write::put("x", "")])).await, Ok(2));
}

async fn an_empty_prefix_is_compared(store: Arc<dyn Store>) {
    let guarded = |prefix: &str| commit([Compare::empty(prefix)], [Write::put("guarded", "")]);
    let refused = Err(CommitError::Conflict { compare: 0 });
    assert_eq!(store.commit(commit([Compare::empty("")], [])).await, Ok(0));
    put(&store, "item/1", "").await;
    put(&store, "item/2", "").await;
    for (prefix, expected) in
        [("item/", false), ("item/2", false), ("item/3", true), ("iten", true)]
    {
        assert_eq!(store.commit(guarded(prefix)).await.is_ok(), expected, "{prefix}");
    }
    assert_eq!(store.commit(guarded("")).await, refused);
    store.commit(commit([], [Write::delete("item/1")])).await.unwrap();
    assert_eq!(store.commit(guarded("item/")).await, refused);
    store.commit(commit([], [Write::delete("item/2")])).await.unwrap();
    assert!(store.commit(guarded("item/")).await.is_ok());
}

async fn deleted_and_created_again(store: Arc<dyn Store>) {
    put(&store, "a", "1").await;
    let deleted = commit([Compare::version("a", 1)], [Write::delete("a")]);
    assert_eq!(store.commit(deleted).await, Ok(2));
    assert_eq!(read(&store, "a").await, None);
    let stale = commit([Compare::version("a", 1)], [Write::put("a", "stale")]);
    assert_eq!(store.commit(stale).await, Err(CommitError::Conflict { compare: 0 }));
    let again = commit([Compare::absent("a")], [Write::put("a", "2")]);
    assert_eq!(store.commit(again).await, Ok(3));
    assert_eq!(read(&store, "a").await, Some((3, "2".into())));
}

async fn what_changes_nothing_gets_no_revision(store: Arc<dyn Store>) {
    assert_eq!(store.commit(Commit::default()).await, Ok(0));
    put(&store, "a", "1").await;
    assert_eq!(store.commit(commit([Compare::version("a", 1)], [])).await, Ok(1));
    assert_eq!(store.commit(commit([], [Write::delete("b")])).await, Ok(1));
    let half = commit([], [Write::delete("b"), Write::put("a", "1")]);
    assert_eq!(store.commit(half).await, Ok(2));
    let keys = [(1, "a"), (2, "a")].into_iter().collect();
    assert_eq!(store.changes(0).await, Ok(Changes::Since { revision: 2, keys }));
}

async fn large_and_small_values_replace_each_other(store: Arc<dyn Store>) {
    let sizes = [0, 1, 128, 129, 130, 700, 5_000, 100_000, 129, 128, 0, 100_000, 3];
    for (round, size) in sizes.into_iter().enumerate() {
        let value = vec![round as u8; size];
        let other = format!("filler/{round}");
        let writes = [Write::put("a", value.clone()), Write::put(other, "")];
        store.commit(commit([], writes)).await.unwrap();
        // So that what merges in the background does so for each size.
        for _ in 0..3 {
            put(&store, "tick", "").await;
        }
        assert_eq!(store.get("a").await.unwrap().unwrap().value, value, "{size} bytes");
    }
    let deleted = store.commit(commit([], [Write::delete("a")])).await.unwrap();
    assert_eq!(store.get("a").await, Ok(None));
    assert_eq!(put(&store, "a", "small").await, deleted + 1);
}

async fn pages_with_deletes_in_between(store: Arc<dyn Store>) {
    let names: Vec<String> = (0..60).map(|nth| format!("item/{nth:03}")).collect();
    for name in names.iter().rev() {
        put(&store, name, name).await;
    }
    put(&store, "iteb", "before").await;
    put(&store, "item0", "after").await;
    let page = async |after: Option<&str>, limit: usize| {
        let page = store.scan("item/", after, limit).await.unwrap();
        let keys: Vec<String> = page.items.iter().map(|(key, _)| key.clone()).collect();
        for (key, found) in page.items {
            assert_eq!(found.value, key.as_bytes());
        }
        (keys, page.more)
    };
    assert_eq!(page(None, 25).await, (names[..25].to_vec(), true));
    let gone = [10, 24, 25, 26, 40, 58, 59].map(|nth| Write::delete(&*names[nth]));
    store.commit(commit([], gone)).await.unwrap();
    let left = |range: std::ops::Range<usize>| -> Vec<String> {
        let live = range.filter(|nth| ![10, 24, 25, 26, 40, 58, 59].contains(nth));
        live.map(|nth| names[nth].clone()).collect()
    };
    // The key to continue after is itself deleted.
    assert_eq!(page(Some(&names[24]), 25).await, (left(27..53), true));
    assert_eq!(page(Some(&names[52]), 25).await, (left(53..60), false));
    assert_eq!(page(Some(&names[52]), 5).await, (left(53..58), false));
    assert_eq!(page(Some(&names[52]), 4).await, (left(53..57), true));
    assert_eq!(page(Some("a"), 1000).await, (left(0..60), false));
    assert_eq!(page(Some("z"), 1000).await, (vec![], false));
    assert_eq!(page(None, 0).await, (left(0..1), true));
    let all = store.scan("", None, usize::MAX).await.unwrap();
    let last = all.items.last().map(|(key, _)| key.as_str());
    assert_eq!((all.items.len(), last, all.revision), (55, Some("item0"), 63));
}

async fn changes_and_compaction(store: Arc<dyn Store>) {
    let since = |revision, keys: &[(Revision, &str)]| {
        Ok(Changes::Since { revision, keys: keys.iter().copied().collect() })
    };
    assert_eq!(store.changes(0).await, since(0, &[]));
    assert_eq!(store.changes(1).await, Ok(Changes::Compacted { revision: 0 }));
    store.commit(commit([], [Write::put("b", ""), Write::put("a", "")])).await.unwrap();
    store.commit(commit([], [Write::delete("b"), Write::put("c", "")])).await.unwrap();
    let all = [(1, "b"), (1, "a"), (2, "b"), (2, "c")];
    assert_eq!(store.changes(0).await, since(2, &all));
    assert_eq!(store.changes(1).await, since(2, &all[2..]));
    assert_eq!(store.changes(2).await, since(2, &[]));
    assert_eq!(store.changes(3).await, Ok(Changes::Compacted { revision: 2 }));
    // Eight keys are remembered: the first of revision 1 goes, and with it all of that revision.
    for revision in 3..=7 {
        assert_eq!(put(&store, "d", "").await, revision);
    }
    assert_eq!(store.changes(0).await, Ok(Changes::Compacted { revision: 7 }));
    let kept = [(2, "b"), (2, "c"), (3, "d"), (4, "d"), (5, "d"), (6, "d"), (7, "d")];
    assert_eq!(store.changes(1).await, since(7, &kept));
}

async fn watchers_are_woken(store: Arc<dyn Store>) {
    let mut watch = store.watch();
    assert_eq!(*watch.borrow_and_update(), 0);
    let waiting = tokio::spawn(async move {
        watch.changed().await.unwrap();
        *watch.borrow_and_update()
    });
    assert_eq!(put(&store, "a", "").await, 1);
    assert_eq!(waiting.await.unwrap(), 1);
    // Whoever was answered finds the watch at that revision or later.
    let answered = put(&store, "a", "").await;
    assert!(*store.watch().borrow() >= answered);
}

async fn limits(store: Arc<dyn Store>) {
    let compares = |count| (0..count).map(|nth| Compare::absent(format!("none/{nth}")));
    let writes = |count| (0..count).map(|nth| Write::put(format!("many/{nth}"), ""));
    let full = commit(compares(MAX_OPERATIONS), writes(MAX_OPERATIONS));
    assert_eq!(store.commit(full).await, Ok(1));
    let limit = MAX_OPERATIONS;
    let table = [
        (commit(compares(129), []), "compares", 129, limit),
        (commit([], writes(129)), "writes", 129, limit),
        (
            commit([], [Write::put("a", vec![0; MAX_COMMIT_BYTES])]),
            "bytes",
            MAX_COMMIT_BYTES + 1,
            MAX_COMMIT_BYTES,
        ),
    ];
    for (refused, what, count, limit) in table {
        let expected = Err(CommitError::TooLarge { what, count, limit });
        assert_eq!(store.commit(refused).await, expected);
    }
    let largest = commit([], [Write::put("a", vec![0; MAX_COMMIT_BYTES - 1])]);
    assert_eq!(store.commit(largest).await, Ok(2));
}

async fn keys_and_duplicates(store: Arc<dyn Store>) {
    let longest = "k".repeat(MAX_KEY_BYTES);
    assert_eq!(put(&store, &longest, "").await, 1);
    assert_eq!(put(&store, " ~", "").await, 2);
    let too_long = "k".repeat(MAX_KEY_BYTES + 1);
    for key in ["", "a\nb", "é", "a\0", too_long.as_str()] {
        let writing = store.commit(commit([], [Write::put(key, "")])).await;
        assert!(matches!(writing, Err(CommitError::InvalidKey { .. })), "{key:?}: {writing:?}");
        let comparing = store.commit(commit([Compare::absent(key)], [])).await;
        assert!(matches!(comparing, Err(CommitError::InvalidKey { .. })), "{key:?}");
        assert_eq!(store.get(key).await, Ok(None));
    }
    let twice = commit([], [Write::put("a", ""), Write::delete("a")]);
    let expected = CommitError::DuplicateKey { key: "a".to_owned() };
    assert_eq!(store.commit(twice).await, Err(expected));
}

async fn one_of_many_wins_a_claim(store: Arc<dyn Store>) {
    let tasks = (0..32).map(|nth: u64| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let own = format!("item/{nth}");
            let claim = Write::put("claim/vlan/101", own.as_str());
            let writes = [claim, Write::put(own, "")];
            store.commit(commit([Compare::absent("claim/vlan/101")], writes)).await
        })
    });
    let mut won = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        match task.await.unwrap() {
            Ok(revision) => won.push(revision),
            Err(error) => assert_eq!(error, CommitError::Conflict { compare: 0 }),
        }
    }
    assert_eq!(won, [1]);
    let left = store.scan("item/", None, 100).await.unwrap().items;
    let (_, winner) = read(&store, "claim/vlan/101").await.unwrap();
    assert_eq!(left.into_iter().map(|(key, _)| key).collect::<Vec<_>>(), [winner]);
}

async fn no_update_of_a_counter_is_lost(store: Arc<dyn Store>) {
    let tasks = (0..8).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut done = 0;
            while done < 25 {
                let (version, count) = match read(&store, "counter").await {
                    Some((version, text)) => (version, text.parse::<u64>().unwrap()),
                    None => (0, 0),
                };
                let next = Write::put("counter", (count + 1).to_string());
                match store.commit(commit([Compare::version("counter", version)], [next])).await {
                    Ok(revision) => {
                        assert!(revision > version);
                        // What was acknowledged is seen by a read that starts after it.
                        assert!(read(&store, "counter").await.unwrap().0 >= revision);
                        done += 1;
                    }
                    Err(error) => assert_eq!(error, CommitError::Conflict { compare: 0 }),
                }
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(read(&store, "counter").await, Some((200, "200".into())));
}

async fn reads_of_several_records_are_of_one_moment(store: Arc<dyn Store>) {
    const NAMES: [&str; 4] = ["pair/a", "pair/b", "pair/c", "pair/d"];
    let writing = tokio::spawn({
        let store = Arc::clone(&store);
        async move {
            for round in 0..300 {
                // Two of four exist at a time, and both hold the same number.
                let writes = NAMES.iter().enumerate().map(|(at, name)| match (at + round) % 4 {
                    0 | 1 => Write::put(*name, round.to_string()),
                    _ => Write::delete(*name),
                });
                store.commit(commit([], writes)).await.unwrap();
            }
        }
    });
    let mut rounds = 0;
    while !writing.is_finished() || rounds < 100 {
        let many = store.get_many(&NAMES).await.unwrap();
        let many: Vec<_> = many.records.into_iter().flatten().collect();
        let page = store.scan("pair/", None, 10).await.unwrap();
        let page: Vec<_> = page.items.into_iter().map(|(_, found)| found).collect();
        for seen in [many, page] {
            assert!(seen.is_empty() || (seen.len() == 2 && seen[0] == seen[1]), "{seen:?}");
        }
        rounds += 1;
        tokio::task::yield_now().await;
    }
    writing.await.unwrap();
}

/// Whatever is kept in memory of what was read: a read that begins after a commit was answered sees it.
async fn a_read_never_falls_behind_an_answer(store: Arc<dyn Store>) {
    const KEYS: usize = 4;
    let answered: Arc<[AtomicUsize; KEYS]> = Arc::default();
    let writing = tokio::spawn({
        let (store, answered) = (Arc::clone(&store), Arc::clone(&answered));
        async move {
            for round in 1..=600 {
                let at = round % KEYS;
                put(&store, &format!("key/{at}"), &round.to_string()).await;
                answered[at].store(round, Ordering::SeqCst);
            }
        }
    });
    let reading = (0..3).map(|nth| {
        let (store, answered) = (Arc::clone(&store), Arc::clone(&answered));
        tokio::spawn(async move {
            let number = |found: Option<(Revision, String)>| -> usize {
                found.map_or(0, |(_, text)| text.parse().unwrap())
            };
            loop {
                for at in 0..KEYS {
                    let at_least = answered[at].load(Ordering::SeqCst);
                    let key = format!("key/{at}");
                    let seen = match nth {
                        0 => number(read(&store, &key).await),
                        1 => {
                            let many = store.get_many(&["key/none", &key]).await.unwrap();
                            let found = many.records[1].as_ref();
                            let text = found.map(|found| String::from_utf8(found.value.clone()));
                            text.map_or(0, |text| text.unwrap().parse().unwrap())
                        }
                        _ => {
                            let page = store.scan(&key, None, 1).await.unwrap();
                            let text = page.items.first().map(|(_, found)| found.value.clone());
                            text.map_or(0, |text| String::from_utf8(text).unwrap().parse().unwrap())
                        }
                    };
                    assert!(seen >= at_least, "{key}: {seen} after {at_least}");
                    if at_least > 590 {
                        return;
                    }
                }
            }
        })
    });
    for task in reading.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    writing.await.unwrap();
}
