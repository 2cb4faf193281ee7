//! The process that is ended, and what is heard of it.

use std::collections::BTreeMap;
use std::io::{BufRead, Write as _};
use std::path::Path;
use std::sync::Arc;

use linkway_store::{Commit, Compare, SqliteOptions, SqliteStore, Store, Write};

/// The test that becomes the victim when [`DATABASE`] is set.
pub const NAME: &str = "what_was_answered_survives_every_kill";
/// Says that this process is the one to be ended, and where its database is.
pub const DATABASE: &str = "LINKWAY_STORE_VICTIM";
/// Says that it is to look at what is there, and no more.
pub const LOOK: &str = "LINKWAY_STORE_LOOK";

const WRITERS: u64 = 8;
/// Keys of each writer, so that most writes are not of new keys.
const KEYS: u64 = 300;
/// Memory for what is recent: so little that it is always being merged, and that many a moment is one in which the log changes
/// from one file to another.
const RECENT: usize = 3_000;

/// Looks at what is there, says so, and then commits as fast as it can and says what was answered.
pub fn run(path: &Path) {
    // Ends the line that the test's harness has begun.
    println!();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let options = SqliteOptions { recent_bytes: RECENT, ..SqliteOptions::default() };
    let store = Arc::new(SqliteStore::open(path, options).unwrap());
    runtime.block_on(look(&store));
    if std::env::var_os(LOOK).is_some() {
        return;
    }
    let writers = (0..WRITERS).map(|writer| runtime.spawn(write(Arc::clone(&store), writer)));
    for writer in writers.collect::<Vec<_>>() {
        runtime.block_on(writer).unwrap();
    }
}

fn counter(writer: u64) -> String {
    format!("count/{writer}")
}

/// What a writer's `nth` commit writes; every seventh deletes.
fn entry(writer: u64, nth: u64) -> Write {
    let key = format!("entry/{:03}/{writer}", nth * 7919 % KEYS);
    match nth % 7 {
        0 => Write::delete(key),
        _ => Write::put(key, nth.to_string().repeat(1 + (nth % 100) as usize)),
    }
}

/// What all commits of a writer up to one leave behind.
fn entries(writer: u64, upto: u64) -> BTreeMap<String, Vec<u8>> {
    let mut entries = BTreeMap::new();
    for Write { key, value } in (1..=upto).map(|nth| entry(writer, nth)) {
        match value {
            Some(value) => entries.insert(key, value),
            None => entries.remove(&key),
        };
    }
    entries
}

/// A writer's latest commit, and the revision of that.
async fn latest(store: &SqliteStore, writer: u64) -> (u64, u64) {
    store.get(&counter(writer)).await.unwrap().map_or((0, 0), |found| {
        (String::from_utf8(found.value).unwrap().parse().unwrap(), found.version)
    })
}

fn say(word: &str, writer: u64, nth: u64) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{word} {writer} {nth}").and_then(|()| out.flush()).unwrap();
}

/// Compares what is there with what the counters say.
async fn look(store: &SqliteStore) {
    let mut expected = BTreeMap::new();
    let mut counts = Vec::new();
    for writer in 0..WRITERS {
        let (nth, _) = latest(store, writer).await;
        expected.append(&mut entries(writer, nth));
        counts.push(nth);
    }
    let page = store.scan("entry/", None, 10_000).await.unwrap();
    let found: BTreeMap<_, _> =
        page.items.into_iter().map(|(key, found)| (key, found.value)).collect();
    let wrong: Vec<_> =
        found.iter().filter(|(key, value)| expected.get(*key) != Some(value)).collect();
    assert!(found == expected, "{} for {}, {wrong:?} wrong", found.len(), expected.len());
    assert_eq!(store.check(), Ok(vec![]));
    (0..WRITERS).zip(counts).for_each(|(writer, nth)| say("found", writer, nth));
}

async fn write(store: Arc<SqliteStore>, writer: u64) {
    let (mut nth, mut version) = latest(&store, writer).await;
    loop {
        nth += 1;
        let commit = Commit {
            compares: vec![Compare::version(counter(writer), version)],
            writes: vec![Write::put(counter(writer), nth.to_string()), entry(writer, nth)],
            read_at: None,
        };
        version = store.commit(commit).await.unwrap();
        say("answered", writer, nth);
    }
}

/// What a victim said: the word, the writer, the count.
pub type Said = Vec<(String, u64, u64)>;

/// Reads what it says until it has ended; `answered` is called at each answer. A line that was cut short is none.
pub fn listen(mut out: impl BufRead, mut answered: impl FnMut()) -> Said {
    let mut said = Said::new();
    let mut line = Vec::new();
    while matches!(out.read_until(b'\n', &mut line), Ok(1..)) && line.ends_with(b"\n") {
        let text = String::from_utf8_lossy(&line).into_owned();
        line.clear();
        let words: Vec<&str> = text.split_whitespace().collect();
        let [word @ ("found" | "answered"), writer, nth] = words[..] else {
            // Whatever else it says helps to understand a failure.
            print!("  {text}");
            continue;
        };
        let (Ok(writer), Ok(nth)) = (writer.parse(), nth.parse()) else { continue };
        if word == "answered" {
            answered();
        }
        said.push((word.to_owned(), writer, nth));
    }
    said
}

/// What victims were answered.
#[derive(Debug, Default)]
pub struct Account {
    answered: [u64; WRITERS as usize],
    /// How often somebody has looked at all.
    pub looks: u64,
}

impl Account {
    /// Takes in what one said: it must have found what those before it were answered.
    pub fn take(&mut self, said: &Said) {
        for (word, writer, nth) in said {
            let answered = &mut self.answered[*writer as usize];
            if word == "found" {
                let least = *answered;
                assert!(
                    (least..=least + 1).contains(nth),
                    "writer {writer}: {nth} found, {least} answered"
                );
            }
            // One may be found that was not answered any more.
            *answered = *nth;
        }
        let found = said.iter().filter(|(word, ..)| word == "found").count() as u64;
        assert!(found <= WRITERS, "{found}");
        self.looks += found / WRITERS;
    }

    /// All answers.
    pub fn total(&self) -> u64 {
        self.answered.iter().sum()
    }
}
