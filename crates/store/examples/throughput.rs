//! How fast the sqlite engine commits and reads, with little and with much in it.
//!
//! `cargo run --release -p linkway-store --example throughput -- DIR [SECONDS [RECORDS ...]]`
//!
//! For each number of records (by default 5,000 and 5,000,000) it fills a database in DIR (a large
//! one that an earlier run left there is used again) and prints one line: 64 concurrent committers
//! (4 compares and 7 writes each, random keys), one committer at a time, then point reads.

#![allow(clippy::unwrap_used, reason = "a failure here is a failure of the measurement")]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use linkway_store::{Commit, Compare, SqliteOptions, SqliteStore, Store, Write};

const COMMITTERS: u64 = 64;

/// The records that one commit creates: the beginnings of their keys and the sizes of their values.
const KINDS: [(&str, usize); 7] = [
    ("item/x-", 700),
    ("name/of/y-", 0),
    ("by-group/123456789012/", 0),
    ("by-parent/y-", 20),
    ("event/", 300),
    ("name/number/", 0),
    ("by-place/par1/", 20),
];

fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

/// Key of about 40 bytes of the `nth` group of records.
fn key(kind: usize, nth: u64) -> String {
    let hash = mix(nth * 7 + kind as u64);
    format!("{}{hash:016x}{:08x}", KINDS[kind].0, hash >> 7 & 0xffff_ffff)
}

fn group(nth: u64) -> impl Iterator<Item = Write> {
    (0..KINDS.len()).map(move |kind| Write::put(key(kind, nth), vec![b'x'; KINDS[kind].1]))
}

async fn fill(store: &Arc<SqliteStore>, groups: u64) {
    let next = Arc::new(AtomicU64::new(0));
    let fillers = (0..COMMITTERS).map(|_| {
        let (store, next) = (Arc::clone(store), Arc::clone(&next));
        tokio::spawn(async move {
            loop {
                let first = next.fetch_add(16, Ordering::Relaxed);
                if first >= groups {
                    break;
                }
                let writes = (first..groups.min(first + 16)).flat_map(group).collect();
                store.commit(Commit { writes, ..Commit::default() }).await.unwrap();
            }
        })
    });
    for filler in fillers.collect::<Vec<_>>() {
        filler.await.unwrap();
    }
}

/// Commits new groups from `committers` tasks for a while; answers with the number of commits.
async fn commit(store: &Arc<SqliteStore>, committers: u64, groups: u64, time: Duration) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1 << 40);
    let end = Instant::now() + time;
    let tasks = (0..committers).map(|_| {
        let store = Arc::clone(store);
        tokio::spawn(async move {
            let mut done = 0;
            while Instant::now() < end {
                // The clock keeps runs on the same file apart.
                let nth =
                    NEXT.fetch_add(1, Ordering::Relaxed) ^ u64::from(std::process::id()) << 44;
                let other = mix(nth) % groups;
                let known = store.get(&key(0, other)).await.unwrap().unwrap().version;
                let compares = vec![
                    Compare::absent(key(0, nth)),
                    Compare::absent(key(1, nth)),
                    Compare::version(key(0, other), known),
                    Compare::version(key(3, other), known),
                ];
                store
                    .commit(Commit { compares, writes: group(nth).collect(), read_at: None })
                    .await
                    .unwrap();
                done += 1;
            }
            done
        })
    });
    let mut total = 0;
    for task in tasks.collect::<Vec<_>>() {
        total += task.await.unwrap();
    }
    total
}

async fn read(store: &SqliteStore, groups: u64, spread: u64, count: u64) -> f64 {
    let keys: Vec<String> = (0..100_000).map(|nth| key(3, mix(nth) % groups.min(spread))).collect();
    let began = Instant::now();
    for nth in 0..count {
        assert!(store.get(&keys[nth as usize % keys.len()]).await.unwrap().is_some());
    }
    began.elapsed().as_secs_f64() / count as f64 * 1e6
}

/// CPU time of the threads of this process whose name begins with `name`, in seconds.
fn cpu(name: &str) -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let of = |path: &Path| -> Option<f64> {
        let comm = std::fs::read_to_string(path.join("comm")).ok()?;
        let spent = std::fs::read_to_string(path.join("schedstat")).ok()?;
        let nanos = spent.split(' ').next()?.parse::<f64>().ok()?;
        comm.starts_with(name).then_some(nanos * 1e-9)
    };
    threads.filter_map(|thread| of(&thread.ok()?.path())).sum()
}

fn resident_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}

async fn measure(directory: &Path, records: u64, time: Duration) {
    let path = directory.join(format!("{records}.db"));
    let groups = records / KINDS.len() as u64;
    if records < 1_000_000 && path.exists() {
        // What earlier runs added would make it another size.
        std::fs::remove_file(&path).unwrap();
    }
    if !path.exists() {
        let began = Instant::now();
        let store = Arc::new(SqliteStore::open(&path, SqliteOptions::default()).unwrap());
        fill(&store, groups).await;
        drop(store);
        eprintln!("filled {records} in {:.1} s", began.elapsed().as_secs_f64());
    }
    let began = Instant::now();
    let store = Arc::new(SqliteStore::open(&path, SqliteOptions::default()).unwrap());
    let opened = began.elapsed();
    let (began, before) = (Instant::now(), ["store-writer", "store-check", ""].map(cpu));
    let done = commit(&store, COMMITTERS, groups, time).await;
    let elapsed = began.elapsed().as_secs_f64();
    let spent = ["store-writer", "store-check", ""].map(cpu);
    let micros = |at: usize| (spent[at] - before[at]) / done as f64 * 1e6;
    let batch = done as f64 / store.stats().batches as f64;
    let alone = commit(&store, 1, groups, time / 4).await as f64 / (time / 4).as_secs_f64();
    read(&store, groups, 100, 1000).await;
    println!(
        "{records} records: open {:.0} ms; {:.0} commits/s in batches of {batch:.0}; a commit costs \
         the writer {:.1} us, the checkpointer {:.1} us, the process {:.1} us of CPU; \
         alone {alone:.0}/s; get warm {:.2} us, random {:.2} us; {} MiB resident",
        opened.as_secs_f64() * 1e3,
        done as f64 / elapsed,
        micros(0),
        micros(1),
        micros(2),
        read(&store, groups, 100, 200_000).await,
        read(&store, groups, u64::MAX, 100_000).await,
        resident_mib(),
    );
    let began = Instant::now();
    drop(store);
    eprintln!("closed in {:.0} ms", began.elapsed().as_secs_f64() * 1e3);
}

#[tokio::main]
async fn main() {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().expect("the first argument is a directory");
    let seconds = arguments.next().map_or(8, |text| text.parse().expect("SECONDS is a number"));
    let mut records: Vec<u64> =
        arguments.map(|text| text.parse().expect("RECORDS is a number")).collect();
    if records.is_empty() {
        records = vec![5_000, 5_000_000];
    }
    std::fs::create_dir_all(&directory).expect("DIR can be created");
    for records in records {
        measure(Path::new(&directory), records, Duration::from_secs(seconds)).await;
    }
}
