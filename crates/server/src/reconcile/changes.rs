//! Tells the parts of this server what has changed in the store, whoever changed it.

use std::sync::Arc;

use linkway_domain::deadline::Deadline;
use linkway_domain::record::{Kind, Wakes};
use linkway_store::{Changes, Keys};
use tokio_util::sync::CancellationToken;

use super::unheard::EdgesChanged;
use super::{deadlines, webhooks};
use crate::api::Api;
use crate::feed::Feed;
use crate::records::Records;

/// Runs until the server closes.
pub async fn run(
    records: Arc<Records>,
    api: Arc<Api>,
    feed: Arc<Feed>,
    deadlines: Arc<deadlines::Alarm>,
    webhooks: Arc<webhooks::Alarm>,
    edges_changed: EdgesChanged,
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
        // More may have changed than the store remembers: then everything may have.
        let all = keys.is_none();
        let (mut edges, mut configs, mut access_keys) = (all, all, all);
        let mut due = None;
        for (_, key) in keys.iter().flat_map(Keys::iter) {
            match Kind::of(key).map_or(Wakes::Nobody, |kind| kind.wakes) {
                Wakes::Nobody => {}
                Wakes::Feed => configs = true,
                Wakes::Edges => edges = true,
                Wakes::Credentials => access_keys = true,
                Wakes::Webhooks => webhooks.changed(Some(key)),
                Wakes::Deadlines => {
                    let at = Deadline::parse(key).map(|deadline| deadline.at);
                    due = due.into_iter().chain(at).min();
                }
            }
        }
        if all {
            webhooks.changed(None);
        }
        if configs {
            feed.tick();
        }
        if edges {
            edges_changed.tell();
        }
        if keys.is_none() || due.is_some() {
            deadlines.changed(due);
        }
        if access_keys {
            api.access_keys_changed();
        }
    }
}
