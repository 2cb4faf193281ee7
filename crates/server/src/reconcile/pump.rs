//! Tells the parts of this server what has changed in the store, whoever changed it.

use std::sync::Arc;

use linkway_domain::key;
use linkway_store::Changes;
use tokio_util::sync::CancellationToken;

use super::deadlines::Alarm;
use crate::api::Api;
use crate::feed::Feed;
use crate::records::Records;

/// Runs until the server closes.
pub async fn run(
    records: Arc<Records>,
    api: Arc<Api>,
    feed: Arc<Feed>,
    deadlines: Arc<Alarm>,
    closing: CancellationToken,
) {
    let store = Arc::clone(records.store());
    let mut latest = store.watch();
    let mut known = *latest.borrow_and_update();
    loop {
        tokio::select! {
            () = closing.cancelled() => return,
            changed = latest.changed() => if changed.is_err() { return },
        }
        let (revision, keys) = match store.changes(known).await {
            Ok(Changes::Since { revision, keys }) => (revision, Some(keys)),
            Ok(Changes::Compacted { revision }) => (revision, None),
            Err(error) => {
                tracing::warn!(%error, "the store's changes cannot be read");
                tokio::time::sleep(super::AFTER_FAILURE).await;
                continue;
            }
        };
        known = revision;
        let touched = |kind: &str| match &keys {
            // More has changed than the store remembers: everything may have.
            None => true,
            Some(keys) => keys.iter().any(|(_, key)| key.starts_with(kind)),
        };
        if touched("edge-generation/") || touched("epoch/") {
            feed.tick();
        }
        match &keys {
            None => deadlines.changed(None),
            Some(keys) => {
                let due = keys.iter().filter_map(|(_, key)| key::parse_due(key));
                if let Some(earliest) = due.map(|(at, _)| at).min() {
                    deadlines.changed(Some(earliest));
                }
            }
        }
        if touched("key/") {
            api.access_keys_changed();
        }
    }
}
