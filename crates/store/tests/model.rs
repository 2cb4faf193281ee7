//! Random commands against the sqlite engine and the reference model: every answer is the same.

#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the test")]

use std::sync::Arc;

use linkway_store::{
    Changes, Commit, Compare, MemoryStore, Revision, SqliteOptions, SqliteStore, Store, Write,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const CHANGES: usize = 20;

#[derive(Debug, Clone)]
enum Command {
    /// Compares name a key and how far its version is from the one it has.
    Commit {
        compares: Vec<(u8, i64)>,
        empty: Vec<u8>,
        writes: Vec<(u8, Option<usize>)>,
    },
    /// Several commits at once: none depends on another.
    Together(Vec<Vec<(u8, Option<usize>)>>),
    /// So many records that merging them takes several slices.
    Fill(u8),
    GetMany(Vec<u8>),
    /// A commit that says at which revision its compares held: at the command of this kind before it.
    Held {
        keys: Vec<u8>,
        empty: Vec<u8>,
        writes: Vec<(u8, Option<usize>)>,
    },
    Scan {
        prefix: u8,
        after: Option<u8>,
        limit: usize,
    },
    Changes {
        back: u64,
    },
    Reopen,
}

/// Few keys that are prefixes of one another, so that commands meet.
fn key(nth: u8) -> String {
    let (kind, rest) = (nth % 3, nth / 3);
    format!("{}{}", ["a/", "a/b/", "c/"][usize::from(kind)], "x".repeat(usize::from(rest) % 5))
}

fn writes() -> impl Strategy<Value = Vec<(u8, Option<usize>)>> {
    let size = prop_oneof![Just(None), select(vec![0, 5, 128, 129, 900, 9000]).prop_map(Some)];
    vec((0..15u8, size), 0..6)
}

fn command() -> impl Strategy<Value = Command> {
    let compares = vec((0..15u8, select(vec![0, 0, 0, 0, 0, 0, -1, 1])), 0..3);
    let empty = prop_oneof![4 => Just(vec![]), 1 => vec(0..15u8, 1..2)];
    prop_oneof![
        8 => (compares, empty, writes())
            .prop_map(|(compares, empty, writes)| Command::Commit { compares, empty, writes }),
        1 => vec(writes(), 1..4).prop_map(Command::Together),
        1 => (0..15u8).prop_map(Command::Fill),
        2 => vec(0..15u8, 0..6).prop_map(Command::GetMany),
        3 => (vec(0..15u8, 0..4), vec(0..15u8, 0..2), writes())
            .prop_map(|(keys, empty, writes)| Command::Held { keys, empty, writes }),
        2 => (0..15u8, proptest::option::of(0..15u8), select(vec![0, 1, 3, 7, 200]))
            .prop_map(|(prefix, after, limit)| Command::Scan { prefix, after, limit }),
        2 => (0..12u64).prop_map(|back| Command::Changes { back }),
        1 => Just(Command::Reopen),
    ]
}

fn to_writes(writes: &[(u8, Option<usize>)]) -> Vec<Write> {
    let mut list: Vec<Write> = Vec::new();
    for (nth, size) in writes {
        let key = key(*nth);
        if list.iter().all(|write| write.key != key) {
            list.push(Write { key, value: size.map(|size| vec![*nth; size]) });
        }
    }
    list
}

struct Pair {
    memory: MemoryStore,
    sqlite: Option<Arc<SqliteStore>>,
    path: std::path::PathBuf,
    recent_bytes: usize,
    /// Revision of the last reopening: what is before it is no longer remembered.
    floor: Revision,
    /// The first and the last revision of commits that may have become visible together.
    together: Vec<(Revision, Revision)>,
    /// What a commit of [`Command::Held`] rests on: several commands old.
    read: Option<(Revision, Vec<(String, Revision)>)>,
}

impl Pair {
    fn open(&mut self) -> &Arc<SqliteStore> {
        let (path, recent_bytes) = (&self.path, self.recent_bytes);
        self.sqlite.get_or_insert_with(|| {
            let options =
                SqliteOptions { changes: CHANGES, recent_bytes, ..SqliteOptions::default() };
            Arc::new(SqliteStore::open(path, options).unwrap())
        })
    }

    async fn run(&mut self, command: Command) -> Result<(), TestCaseError> {
        let sqlite = Arc::clone(self.open());
        let memory = &self.memory;
        match command {
            Command::Commit { compares, empty, writes } => {
                let mut list = Vec::new();
                for (nth, off) in compares {
                    let version = memory.get(&key(nth)).await.unwrap().map_or(0, |v| v.version);
                    list.push(Compare::version(key(nth), version.saturating_add_signed(off)));
                }
                list.extend(empty.into_iter().map(|nth| Compare::empty(key(nth))));
                let commit = Commit { compares: list, writes: to_writes(&writes), read_at: None };
                prop_assert_eq!(memory.commit(commit.clone()).await, sqlite.commit(commit).await);
            }
            Command::Held { keys, empty, writes } => {
                let (read_at, versions) = match self.read.take() {
                    Some(read) => read,
                    None => read_all(&sqlite).await,
                };
                let of = |nth: u8| versions.iter().find(|(key_of, _)| *key_of == key(nth));
                let version = |nth: u8| of(nth).map_or(0, |(_, version)| *version);
                let mut list: Vec<Compare> =
                    keys.iter().map(|nth| Compare::version(key(*nth), version(*nth))).collect();
                // Only what held when it was read may be claimed.
                let was_empty = |nth: &u8| !versions.iter().any(|(k, _)| k.starts_with(&key(*nth)));
                let empty = empty.into_iter().filter(was_empty);
                list.extend(empty.map(|nth| Compare::empty(key(nth))));
                let writes = to_writes(&writes);
                let commit = Commit { compares: list, writes, read_at: Some(read_at) };
                prop_assert_eq!(memory.commit(commit.clone()).await, sqlite.commit(commit).await);
                self.read = Some(read_all(&sqlite).await);
            }
            Command::Together(commits) => {
                let first = *memory.watch().borrow() + 1;
                self.together(&sqlite, &commits).await?;
                self.together.push((first, *self.memory.watch().borrow()));
            }
            Command::Fill(nth) => {
                let filler = |at| Write::put(format!("{}{at:03}", key(nth)), vec![nth; at]);
                let commit = Commit { writes: (0..128).map(filler).collect(), ..Commit::default() };
                prop_assert_eq!(memory.commit(commit.clone()).await, sqlite.commit(commit).await);
            }
            Command::GetMany(keys) => {
                let keys: Vec<String> = keys.into_iter().map(key).collect();
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                prop_assert_eq!(memory.get_many(&keys).await, sqlite.get_many(&keys).await);
                for key in keys {
                    prop_assert_eq!(memory.get(key).await, sqlite.get(key).await);
                }
            }
            Command::Scan { prefix, after, limit } => {
                let (prefix, after) = (key(prefix), after.map(key));
                let after = after.as_deref();
                let expected = memory.scan(&prefix, after, limit).await;
                prop_assert_eq!(expected, sqlite.scan(&prefix, after, limit).await);
            }
            Command::Changes { back } => {
                let latest = *memory.watch().borrow();
                let after = latest.saturating_sub(back);
                let expected = match memory.changes(after).await.unwrap() {
                    Changes::Since { revision, .. } if after < self.floor => {
                        Changes::Compacted { revision }
                    }
                    known => known,
                };
                let found = sqlite.changes(after).await;
                // What became visible together is forgotten together: amid it SQLite may know less than the model.
                let amid =
                    self.together.iter().any(|(first, last)| (*first..*last).contains(&after));
                let less = Ok(Changes::Compacted { revision: latest });
                prop_assert!(
                    Ok(&expected) == found.as_ref() || amid && found == less,
                    "{:?} {:?}",
                    expected,
                    found
                );
                prop_assert_eq!(latest, *sqlite.watch().borrow());
            }
            Command::Reopen => {
                self.floor = *memory.watch().borrow();
                self.sqlite = None;
                drop(sqlite);
            }
        }
        Ok(())
    }

    /// Sends commits to sqlite at the same time, then to the model in the order that sqlite chose.
    async fn together(
        &self,
        sqlite: &Arc<SqliteStore>,
        commits: &[Vec<(u8, Option<usize>)>],
    ) -> Result<(), TestCaseError> {
        // Puts only: a delete that changes nothing has no place in the order.
        let commits = commits.iter().map(|writes| {
            let mut writes = to_writes(writes);
            writes.retain(|write| write.value.is_some());
            Commit { writes, ..Commit::default() }
        });
        let tasks: Vec<_> = commits
            .filter(|commit| !commit.writes.is_empty())
            .map(|commit| {
                let (sqlite, sent) = (Arc::clone(sqlite), commit.clone());
                (tokio::spawn(async move { sqlite.commit(sent).await.unwrap() }), commit)
            })
            .collect();
        let mut done = Vec::new();
        for (task, commit) in tasks {
            done.push((task.await.unwrap(), commit));
        }
        done.sort_by_key(|(revision, _)| *revision);
        for (revision, commit) in done {
            prop_assert_eq!(self.memory.commit(commit).await, Ok(revision));
        }
        Ok(())
    }

    async fn same_in_the_end(&mut self) -> Result<(), TestCaseError> {
        let sqlite = Arc::clone(self.open());
        prop_assert_eq!(self.memory.scan("", None, 1000).await, sqlite.scan("", None, 1000).await);
        prop_assert_eq!(sqlite.check(), Ok(vec![]));
        Ok(())
    }
}

/// All versions, and the revision at which they were read.
async fn read_all(sqlite: &SqliteStore) -> (Revision, Vec<(String, Revision)>) {
    let page = sqlite.scan("", None, 10_000).await.unwrap();
    let versions = page.items.into_iter().map(|(key, found)| (key, found.version));
    (page.revision, versions.collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// `recent_bytes` decides what is merged when: always, after some commits, never.
    #[test]
    fn sqlite_answers_like_the_model(
        commands in vec(command(), 1..120),
        recent_bytes in select(vec![0, 600, 3000, 60_000, 1 << 20]),
    ) {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("db");
        let memory = MemoryStore::with_changes(CHANGES);
        let mut pair = Pair { memory, sqlite: None, path, recent_bytes, floor: 0, together: Vec::new(), read: None };
        runtime.block_on(async {
            for command in commands {
                pair.run(command).await?;
            }
            pair.same_in_the_end().await?;
            pair.run(Command::Reopen).await?;
            pair.same_in_the_end().await
        })?;
    }
}
