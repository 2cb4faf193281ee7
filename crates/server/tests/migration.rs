//! A migration that ends anywhere is finished by the next start, with what an undisturbed one makes.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;

use linkway_domain::record::Record;
use linkway_domain::settings::Settings;
use linkway_server::boot::{self, DataDir};
use linkway_server::migrate;
use linkway_server::records::Records;
use linkway_store::seal::Sealer;
use linkway_store::{Fault, Faulty, Schedule, SqliteStore, Store};
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
    for schema in ["schema-1", "schema-4", "schema-5"] {
        let whole = copy(schema);
        let (ended, goal) = migrated(whole.path(), Schedule::default()).await;
        assert!(!ended && goal.len() > 10, "{schema}: {} records", goal.len());
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
    assert!(interrupted >= 12, "only {interrupted} migrations were interrupted");
}
