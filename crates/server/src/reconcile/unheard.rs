//! Counts the edges that have never reported: what was made but never started, or cannot reach the server.

use std::sync::Arc;
use std::time::Duration;

use linkway_domain::edge::Edge;
use linkway_domain::index::Index;
use linkway_domain::key;
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::CancellationToken;

use crate::records::{Failure, Records};

/// How often they are counted: edges are few, and a scraper asks about as often.
const PAUSE: Duration = Duration::from_secs(10);

/// Records that are asked for at once.
const AT_ONCE: usize = 100;

/// Brings the gauge up to date until the server closes.
pub async fn run(records: Arc<Records>, gauge: Gauge, closing: CancellationToken) {
    let work = async {
        loop {
            match count(&records).await {
                Ok(count) => {
                    gauge.set(count);
                }
                Err(error) => tracing::warn!(%error, "edges that never reported are not counted"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = work => {}
    }
}

async fn count(records: &Records) -> Result<i64, Failure> {
    let edges = records.all(&Index::<Edge>::everything()).await?;
    let real: Vec<_> = edges.iter().filter(|edge| !edge.simulated).collect();
    let mut unheard = 0;
    for some in real.chunks(AT_ONCE) {
        let keys: Vec<_> = some.iter().map(|edge| key::edge_seen(&edge.id)).collect();
        unheard += records.get_many(&keys).await?.iter().filter(|seen| seen.is_none()).count();
    }
    Ok(i64::try_from(unheard).unwrap_or(i64::MAX))
}
