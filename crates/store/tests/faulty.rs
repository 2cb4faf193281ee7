//! The store that fails on purpose.

use linkway_store::{
    Commit, CommitError, Compare, Fault, Faulty, MemoryStore, Schedule, Store, StoreError, Write,
};

fn put(key: &str) -> Commit {
    Commit {
        compares: vec![Compare::absent(key)],
        writes: vec![Write::put(key, "")],
        read_at: None,
    }
}

#[tokio::test]
async fn a_fault_is_before_or_after_the_commit() {
    let schedule = Schedule::new([(1, Fault::Before), (2, Fault::After)]);
    let store = Faulty::new(MemoryStore::new(), schedule);
    assert_eq!(store.commit(put("a")).await, Ok(1));
    for (key, there) in [("b", false), ("c", true)] {
        let failed = store.commit(put(key)).await;
        assert!(
            matches!(failed, Err(CommitError::Store(StoreError::Unavailable(_)))),
            "{key}: {failed:?}"
        );
        assert_eq!(store.get(key).await.unwrap().is_some(), there, "{key}");
    }
    assert_eq!(store.commit(put("c")).await, Err(CommitError::Conflict { compare: 0 }));
    assert_eq!(store.commit(put("b")).await, Ok(3));
}

#[test]
fn a_seed_decides_the_whole_schedule() {
    assert_eq!(Schedule::seeded(1, 1000, 20), Schedule::seeded(1, 1000, 20));
    assert_ne!(Schedule::seeded(1, 1000, 20), Schedule::seeded(2, 1000, 20));
    assert_eq!(Schedule::seeded(1, 1000, 0), Schedule::default());
}
