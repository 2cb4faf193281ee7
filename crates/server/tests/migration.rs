//! A migration that ends anywhere is finished by the next start, with what an undisturbed one makes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use linkway_domain::check;
use linkway_domain::key::Key;
use linkway_domain::quota::Count;
use linkway_domain::record::Record;
use linkway_domain::settings::Settings;
use linkway_server::boot::{self, DataDir};
use linkway_server::records::Records;
use linkway_server::{codec, migrate};
use linkway_store::seal::Sealer;
use linkway_store::{Commit, Fault, Faulty, Schedule, SqliteStore, Store, Write};
use tempfile::TempDir;

/// A copy of the directory that an earlier build has left.
fn copy(schema: &str) -> TempDir {
    let temp = TempDir::new().expect("a temporary directory");
    let old = Path::new(env!("CARGO_MANIFEST_DIR")).join("../linkway/tests/data").join(schema);
    for entry in fs::read_dir(old).expect("it is there") {
        let entry = entry.expect("an entry");
        let to = temp.path().join(entry.file_name());
        fs::copy(entry.path(), &to).expect("copied");
        // A checkout does not keep who may read a file.
        fs::set_permissions(to, fs::Permissions::from_mode(0o600)).expect("set");
    }
    temp
}

/// Migrates with this commit failing; whether that ended it, and what is there.
async fn migrated(dir: &Path, schedule: Schedule) -> (bool, BTreeMap<String, Record>) {
    let files = DataDir::new(dir);
    let store = SqliteStore::open(files.database(), boot::existing()).expect("it opens");
    let store: Arc<dyn Store> = Arc::new(Faulty::new(store, schedule));
    let sealer = Sealer::load(&files.key_file()).expect("the key file");
    let records = Records::new(Arc::clone(&store), sealer, Settings::default());
    let ended = migrate::records(&records).await.is_err();
    let page = store.scan("", None, 10_000).await.expect("it is read");
    let decoded = page.items.iter().filter_map(|(key, value)| {
        // What is not migrated yet cannot be read as a record of this build.
        Some((key.clone(), records.decode(key, value).ok()?))
    });
    let all = decoded.collect();
    (ended, all)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupted_migration_is_finished_by_the_next_start() {
    let mut interrupted = 0;
    for schema in ["schema-1", "schema-4", "schema-5", "schema-6"] {
        let whole = copy(schema);
        let (ended, goal) = migrated(whole.path(), Schedule::default()).await;
        assert!(!ended && goal.len() > 10, "{schema}: {} records", goal.len());
        assert_eq!(check::violations(&goal), Vec::<String>::new(), "{schema}");
        assert!(goal.keys().any(|at| at.starts_with("count/vif/")), "{schema}");
        let has_tags = goal.keys().any(|at| at.starts_with("tags/"));
        let has_bytes = goal.keys().any(|at| at.starts_with("count/tag-bytes/"));
        assert_eq!(has_tags, has_bytes, "{schema}");
        for nth in 0..4 {
            for fault in [Fault::Before, Fault::After] {
                let dir = copy(schema);
                let (ended, _) = migrated(dir.path(), Schedule::new([(nth, fault)])).await;
                interrupted += usize::from(ended);
                let (failed, found) = migrated(dir.path(), Schedule::default()).await;
                assert!(!failed, "{schema}: the second start");
                assert_eq!(found, goal, "{schema}: {fault:?} at commit {nth}");
            }
        }
    }
    assert!(interrupted >= 16, "only {interrupted} migrations were interrupted");
}

/// An earlier build knows no counters, and marks a directory of this build as its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_earlier_build_did_since_is_counted_when_this_one_is_back() {
    let dir = copy("schema-6");
    let (_, goal) = migrated(dir.path(), Schedule::default()).await;
    let counter =
        goal.keys().find(|at| at.starts_with("count/vif/")).expect("a connection is used");
    let files = DataDir::new(dir.path());
    let store = SqliteStore::open(files.database(), boot::existing()).expect("it opens");
    let sealer = Sealer::load(&files.key_file()).expect("the key file");
    let put = |at: &str, record: &Record| {
        let key = Key::from_stored(at.to_owned());
        Write::put(at, codec::encode(&sealer, &key, record))
    };
    let nothing = Record::Count(Count { total: 7, transit: 0 });
    let writes = vec![
        put("format/3", &Record::Mark),
        put("count/vif/dxcon-fzzzzzzz", &nothing),
        Write::delete(counter.as_str()),
    ];
    store.commit(Commit { writes, ..Commit::default() }).await.expect("written");
    drop(store);
    let (_, found) = migrated(dir.path(), Schedule::default()).await;
    assert_eq!(found, goal);
    // And then it is done: another start changes nothing.
    let (_, found) = migrated(dir.path(), Schedule::new([(0, Fault::Before)])).await;
    assert_eq!(found, goal);
}
