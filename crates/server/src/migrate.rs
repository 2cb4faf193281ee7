//! Brings the records of an earlier build to this build's form, once, before anything is served.
//!
//! What an earlier version kept within a record becomes records of its own, so reading alone does not do. Every step is one
//! commit that compares what it read, and steps can be repeated: a start that was interrupted is finished by the next one.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;

use linkway_domain::key::{self, Key};
use linkway_domain::quota::{Count, Recount};
use linkway_domain::record::{self, Holds, Record};
use linkway_domain::version::Migrated;
use linkway_store::{Commit, CommitError, Compare, Versioned, Write};

use crate::codec;
use crate::records::{Failure, Records};

/// The form that this build gives to records. Rises whenever a version of a record gives some of it records of their own, and
/// whenever a record gets an index entry that it did not have, or something else is counted than before.
const FORM: u32 = 6;

/// The kinds of records that got index entries since the first form.
const NEWLY_INDEXED: [&str; 2] = ["connection", "edge"];

/// Records read at a time.
const PAGE: usize = 1000;

/// Records migrated in one commit: each becomes up to five writes, and etcd takes 128 in a transaction.
const AT_ONCE: usize = 20;

/// Counters written in one commit; etcd takes 128 in a transaction.
const COUNTERS_AT_ONCE: usize = 100;

/// Migrates what an earlier build has written; does nothing if that was done.
///
/// # Errors
///
/// If the store fails or a record cannot be read; what was migrated stays so.
pub async fn records(records: &Records) -> Result<(), Failure> {
    let done = key::format(FORM);
    let earlier = marks_of_earlier_forms();
    let marks: Vec<&str> = [&done].into_iter().chain(&earlier).map(Key::as_str).collect();
    let found = records.store().get_many(&marks).await?.records;
    let (is_marked, was_served_since) =
        (found[0].is_some(), found[1..].iter().any(Option::is_some));
    match (is_marked, was_served_since) {
        (true, false) => return Ok(()),
        // Not done until it is done again.
        (true, true) => {
            let writes = vec![Write::delete(done.as_str())];
            records.store().commit(Commit { writes, ..Commit::default() }).await?;
        }
        (false, _) => {}
    }
    let mut migrated = 0_u64;
    for kind in record::kinds().filter(|kind| codec::has_earlier_versions(kind)) {
        migrated += all_of(records, &key::all(kind.prefix)).await?;
    }
    for kind in NEWLY_INDEXED {
        index_all_of(records, &key::all(kind)).await?;
    }
    if recount(records, &done).await?.is_break() {
        return Ok(());
    }
    if migrated > 0 {
        tracing::info!(records = migrated, "records of an earlier build were migrated");
    }
    let unmarked = earlier.iter().map(|mark| Write::delete(mark.as_str()));
    let writes = unmarked.chain([records.put(&done, &Record::Mark)]).collect();
    records.store().commit(Commit { writes, ..Commit::default() }).await?;
    Ok(())
}

/// Whether a directory with these records has been brought to this build's form.
pub(crate) fn is_done(records: &BTreeMap<String, Record>) -> bool {
    let has = |mark: &Key| records.contains_key(mark.as_str());
    has(&key::format(FORM)) && !marks_of_earlier_forms().iter().any(has)
}

/// The marks that earlier builds leave. One of them beside this build's own says that an earlier build has served the directory
/// since, which counts nothing.
fn marks_of_earlier_forms() -> Vec<Key> {
    (1..FORM).map(key::format).collect()
}

/// Writes the counters of quotas as a recount gives them; `Break` if another server has done so and goes on counting.
///
/// Every commit compares that the mark of this form is not there yet: nothing is served before it is, so nothing changes while
/// this counts.
async fn recount(records: &Records, done: &Key) -> Result<ControlFlow<()>, Failure> {
    let mut recount = Recount::default();
    for kind in record::kinds().filter(|kind| matches!(kind.holds, Holds::Record(_))) {
        let (range, mut after) = (key::all(kind.prefix), None);
        loop {
            let (found, more) = records.range(&range, after.as_deref(), PAGE).await?;
            found.iter().for_each(|(_, record)| recount.add(record));
            if !more {
                break;
            }
            after = found.into_iter().next_back().map(|(at, _)| at);
        }
    }
    let mut counters: BTreeMap<String, Option<Count>> = BTreeMap::new();
    let mut after = None;
    loop {
        let (found, more) = records.keys(&key::all("count"), after.as_deref(), PAGE).await?;
        after = found.last().cloned();
        counters.extend(found.into_iter().map(|at| (at, None)));
        if !more {
            break;
        }
    }
    counters.extend(recount.counters().into_iter().map(|(at, count)| (at, Some(count))));
    let writes = counters.into_iter().map(|(at, count)| match count {
        Some(count) => records.put(&Key::from_stored(at), &count.into()),
        None => Write::delete(at),
    });
    for some in writes.collect::<Vec<_>>().chunks(COUNTERS_AT_ONCE) {
        let compares = vec![Compare::absent(done.as_str())];
        let commit = Commit { compares, writes: some.to_vec(), ..Commit::default() };
        match records.store().commit(commit).await {
            Ok(_) => {}
            Err(CommitError::Conflict { .. }) => return Ok(ControlFlow::Break(())),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(ControlFlow::Continue(()))
}

async fn all_of(records: &Records, range: &Key) -> Result<u64, Failure> {
    let (mut after, mut migrated): (Option<String>, u64) = (None, 0);
    loop {
        let page = records.store().scan(range.as_str(), after.as_deref(), PAGE).await?;
        let is_old = |(at, value): &&(String, Versioned)| !codec::is_current(at, &value.value);
        let old: Vec<_> = page.items.iter().filter(is_old).collect();
        let mut overtaken = false;
        for some in old.chunks(AT_ONCE) {
            match records.store().commit(commit(records, some)?).await {
                Ok(_) => migrated += some.len() as u64,
                // Another server was faster: what it wrote is read again.
                Err(CommitError::Conflict { .. }) => overtaken = true,
                Err(error) => return Err(error.into()),
            }
        }
        if overtaken {
            continue;
        }
        if !page.more {
            return Ok(migrated);
        }
        after = page.items.last().map(|(at, _)| at.clone());
    }
}

/// Adds the index entries that earlier builds did not write.
async fn index_all_of(records: &Records, range: &Key) -> Result<(), Failure> {
    let mut after: Option<String> = None;
    loop {
        let page = records.store().scan(range.as_str(), after.as_deref(), PAGE).await?;
        let mut overtaken = false;
        for some in page.items.chunks(AT_ONCE) {
            let commit = index(records, some).await?;
            if commit.writes.is_empty() {
                continue;
            }
            match records.store().commit(commit).await {
                Ok(_) => {}
                Err(CommitError::Conflict { .. }) => overtaken = true,
                Err(error) => return Err(error.into()),
            }
        }
        if overtaken {
            continue;
        }
        if !page.more {
            return Ok(());
        }
        after = page.items.last().map(|(at, _)| at.clone());
    }
}

/// The commit that adds what is missing because of some records.
async fn index(records: &Records, some: &[(String, Versioned)]) -> Result<Commit, Failure> {
    let mut commit = Commit::default();
    for (at, value) in some {
        let record = records.decode(at, value)?;
        let expected = new_entries(&record);
        let keys: Vec<&str> = expected.iter().map(Key::as_str).collect();
        let found = records.store().get_many(&keys).await?.records;
        let missing = expected.iter().zip(found).filter(|(_, found)| found.is_none());
        let writes: Vec<Write> = missing.map(|(at, _)| records.put(at, &Record::Mark)).collect();
        if !writes.is_empty() {
            commit.compares.push(Compare::version(at.as_str(), value.version));
            commit.writes.extend(writes);
        }
    }
    Ok(commit)
}

/// The index entries of a record that earlier builds did not write.
pub(crate) fn new_entries(record: &Record) -> Vec<Key> {
    let entries = record::derived(record).into_iter().map(|(key, _)| key);
    entries.filter(|key| key.kind() == "at").collect()
}

/// The commit that migrates some records.
fn commit(records: &Records, old: &[&(String, Versioned)]) -> Result<Commit, Failure> {
    let mut commit = Commit::default();
    let mut generations: BTreeSet<Key> = BTreeSet::new();
    for (at, value) in old {
        add(records, at, value, &mut commit, &mut generations)?;
    }
    let marks = generations.into_iter().map(|at| records.put(&at, &Record::Mark));
    commit.writes.extend(marks);
    Ok(commit)
}

/// Adds what becomes of one record to a commit.
fn add(
    records: &Records,
    at: &str,
    value: &Versioned,
    commit: &mut Commit,
    generations: &mut BTreeSet<Key>,
) -> Result<(), Failure> {
    let failed = |error| Failure::Codec { key: at.to_owned(), error };
    let Migrated { record, moved } =
        codec::decode_any(records.sealer(), at, &value.value).map_err(failed)?;
    // An edge's word that something is gone counts only under a generation as new as the record.
    generations.extend(edge_of(&record));
    commit.compares.push(Compare::version(at, value.version));
    for record in [record].into_iter().chain(moved.into_iter().map(Record::from)) {
        let at = record.key().expect("only records of their own have earlier versions");
        commit.writes.push(records.put(&at, &record));
    }
    Ok(())
}

/// The generation of the edge that knows of a record, or still holds something of it.
fn edge_of(record: &Record) -> Option<Key> {
    let edge = match record {
        Record::VirtualInterface(i) if !i.phase.is_terminal() => {
            i.attachment.as_ref().map(|_| &i.edge)
        }
        Record::Connection(c) if !c.phase.is_terminal() => c.port.as_ref().map(|port| &port.edge),
        _ => None,
    };
    edge.map(key::edge_generation)
}
