//! Work that never hurries: counting things by state, and purging old audit records and notices.

use std::sync::Arc;
use std::time::Duration;

use linkway_domain::key::{self, Key};
use linkway_domain::record;
use linkway_domain::time::Time;
use tokio_util::sync::CancellationToken;

use super::webhooks;
use crate::clock;
use crate::records::{Failure, Records};

/// Records read between two pauses of the count, and the pause: a fifth of one core at most.
const PAGE: usize = 1000;
pub(super) const PAUSE: Duration = Duration::from_millis(25);

/// How often things are counted again, and old audit records are looked for.
const HOURLY: Duration = Duration::from_secs(3600);

/// How long accounts' events are kept, and how many of each account: what flaps for a year must not fill the store.
const NOTICES: Duration = Duration::from_secs(30 * 24 * 3600);
const NOTICES_OF_ACCOUNT: usize = 1000;

/// Counts what is there and looks for old audit records, again and again until the server closes.
pub async fn run(records: Arc<Records>, audit_retention: Duration, closing: CancellationToken) {
    let work = async {
        loop {
            if let Err(error) = count_all(&records).await {
                tracing::warn!(%error, "the count by state is incomplete");
            }
            if let Err(error) = purge(&records, audit_retention).await {
                tracing::warn!(%error, "old audit records could not be removed");
            }
            let before = clock::now().minus(NOTICES);
            if let Err(error) = webhooks::purge(&records, before, NOTICES_OF_ACCOUNT).await {
                tracing::warn!(%error, "old events of accounts could not be removed");
            }
            tokio::time::sleep(HOURLY).await;
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = work => {}
    }
}

async fn count_all(records: &Records) -> Result<(), Failure> {
    records.state_counts().begin();
    // In the order of keys, as the counts want the pages.
    let mut ranges: Vec<Key> =
        record::kinds().filter(|kind| kind.counted).map(|kind| key::all(kind.prefix)).collect();
    ranges.sort();
    for range in ranges {
        count(records, &range).await?;
    }
    records.state_counts().end();
    Ok(())
}

async fn count(records: &Records, range: &Key) -> Result<(), Failure> {
    let mut after: Option<String> = None;
    loop {
        let page = records.store().scan(range.as_str(), after.as_deref(), PAGE).await?;
        let decoded: Vec<_> = page
            .items
            .iter()
            .map(|(key, value)| records.decode(key, value))
            .collect::<Result<_, _>>()?;
        // `~` sorts after everything that an id is made of: the last page reaches to the end of its range.
        let end = format!("{range}~");
        let last = if page.more { page.items.last().map(|(key, _)| key.clone()) } else { None };
        records.state_counts().walked(last.as_deref().unwrap_or(&end), page.revision, &decoded);
        if !page.more {
            return Ok(());
        }
        after = last;
        tokio::time::sleep(PAUSE).await;
    }
}

async fn purge(records: &Records, retention: Duration) -> Result<(), Failure> {
    let kept = u64::try_from(retention.as_millis()).unwrap_or(u64::MAX);
    let before = Time::from_millis(clock::now().millis().saturating_sub(kept));
    while records.purge_audit(before).await? > 0 {
        tokio::time::sleep(PAUSE).await;
    }
    Ok(())
}
