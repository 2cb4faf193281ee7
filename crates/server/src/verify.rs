//! Verifies every invariant of a data directory that no server has open.

use std::collections::BTreeMap;
use std::path::Path;

use linkway_domain::check;
use linkway_domain::key::Key;
use linkway_domain::quota::Recount;
use linkway_domain::record::Record;
use linkway_domain::version::Migrated;
use linkway_store::Store as _;
use serde::Serialize;

use crate::audit;
use crate::boot::{self, BootError, DataDir};
use crate::codec;
use crate::migrate;
use crate::records::Failure;

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many records were read.
    pub records: u64,
    /// What is wrong, a sentence each.
    pub violations: Vec<String>,
}

/// Checks the file itself, that every record can be read, and that all of them fit together.
pub async fn data_dir(path: &Path) -> Result<Report, BootError> {
    let (store, sealer) = boot::open_existing(&DataDir::new(path))?;
    let mut violations = store.check().map_err(Failure::from)?;
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    let mut count = 0;
    let mut after: Option<String> = None;
    loop {
        let page = store.scan("", after.as_deref(), 5000).await.map_err(Failure::from)?;
        after = page.items.last().map(|(key, _)| key.clone());
        for (key, value) in page.items {
            count += 1;
            if key.starts_with("audit/") {
                if let Err(error) = audit::record::decode(&key, &value.value) {
                    violations.push(format!("{key}: is not an audit record: {error}"));
                }
                continue;
            }
            // A directory of an earlier build is checked as what it is migrated to when a server opens it.
            match codec::decode_any(&sealer, &key, &value.value) {
                Ok(Migrated { record, moved }) => {
                    let moved = moved.into_iter().map(Record::from);
                    let moved = moved.filter_map(|r| Some((r.key()?.into_string(), r)));
                    records.extend(moved);
                    records.insert(key, record);
                }
                Err(error) => violations.push(format!("{key}: {error}")),
            }
        }
        if !page.more {
            break;
        }
    }
    if !migrate::is_done(&records) {
        records.retain(|at, _| !at.starts_with("count/"));
        let mut recount = Recount::default();
        records.values().for_each(|record| recount.add(record));
        records.extend(recount.counters().into_iter().map(|(at, count)| (at, count.into())));
        let new = records.values().flat_map(migrate::new_entries).map(Key::into_string);
        records.extend(new.map(|key| (key, Record::Mark)).collect::<Vec<_>>());
    }
    violations.extend(check::violations(&records));
    Ok(Report { records: count, violations })
}
