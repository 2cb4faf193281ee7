//! Counts the edges that have never reported: what was made but never started, or cannot reach the server.
//!
//! An edge that was heard stays heard for as long as it is there. So all edges are read only after one was made or deleted;
//! between, only those that were not heard the last time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use linkway_domain::edge::Edge;
use linkway_domain::id::EdgeId;
use linkway_domain::index::Index;
use linkway_domain::key::{self, Key};
use prometheus_client::metrics::gauge::Gauge;
use tokio_util::sync::CancellationToken;

use crate::records::{Failure, Records};

/// How often they are counted: a scraper asks about as often.
const PAUSE: Duration = Duration::from_secs(10);

/// Records that are asked for at once.
const AT_ONCE: usize = 100;

/// Whether an edge was made or deleted since somebody asked.
#[derive(Clone, Default)]
pub struct EdgesChanged(Arc<AtomicBool>);

impl EdgesChanged {
    /// One was made or deleted, or may have been.
    pub fn tell(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }
}

/// Brings the gauge up to date until the server closes.
pub async fn run(
    records: Arc<Records>,
    changed: EdgesChanged,
    gauge: Gauge,
    closing: CancellationToken,
) {
    changed.tell();
    let work = async {
        let mut unheard = Vec::new();
        loop {
            match update(&records, &changed, &mut unheard).await {
                Ok(()) => {
                    gauge.set(i64::try_from(unheard.len()).unwrap_or(i64::MAX));
                }
                Err(error) => {
                    changed.tell();
                    tracing::warn!(%error, "edges that never reported are not counted");
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    tokio::select! {
        () = closing.cancelled() => {}
        () = work => {}
    }
}

async fn update(
    records: &Records,
    changed: &EdgesChanged,
    unheard: &mut Vec<EdgeId>,
) -> Result<(), Failure> {
    if changed.take() {
        let edges = records.all(&Index::<Edge>::everything()).await?.into_iter();
        *unheard = edges.filter(|edge| !edge.simulated).map(|edge| edge.id).collect();
    }
    let mut left = Vec::with_capacity(unheard.len());
    for some in unheard.chunks(AT_ONCE) {
        let keys: Vec<Key> = some.iter().map(key::edge_seen).collect();
        let seen = records.get_many(&keys).await?;
        left.extend(
            some.iter().zip(seen).filter(|(_, seen)| seen.is_none()).map(|(id, _)| id.clone()),
        );
    }
    *unheard = left;
    Ok(())
}

#[cfg(test)]
mod tests {
    use linkway_domain::access_key::Principal;
    use linkway_domain::edge::ConfigVersion;
    use linkway_domain::edge::decide::{CreateEdge, DeleteEdge};
    use linkway_domain::edge::report::{ReportHead, ReportSeen};
    use linkway_domain::location::decide::CreateLocation;
    use linkway_domain::settings::Settings;
    use linkway_store::MemoryStore;
    use linkway_store::seal::Sealer;

    use super::*;

    fn create(id: &str) -> CreateEdge {
        CreateEdge { id: id.to_owned(), location: "PAR1".to_owned() }
    }

    fn seen(id: &str) -> ReportSeen {
        let edge = EdgeId::parse(id).expect("an edge's id");
        let version = ConfigVersion { epoch: 1, generation: 1 };
        let head = ReportHead { edge, version, sequence: 1, access_key: None };
        ReportSeen { head, quiet: false }
    }

    #[tokio::test]
    async fn all_edges_are_read_only_after_one_was_made_or_deleted() {
        let store = Arc::new(MemoryStore::new());
        let records = Records::new(store, Sealer::new([7; 32]), Settings::default());
        let operator = &Principal::Operator;
        for (code, simulated) in [("PAR1", false), ("SIM1", true)] {
            let (code, name) = (code.to_owned(), code.to_owned());
            let location = CreateLocation { code, name, simulated };
            records.run(operator, &location, None).await.expect("it is made");
        }
        let made = async |id: &str| {
            records.run(operator, &create(id), None).await.expect("it is made");
        };
        let heard = async |id: &str| {
            records.run(operator, &seen(id), None).await.expect("a report");
        };
        let (changed, mut unheard) = (EdgesChanged::default(), Vec::new());
        let mut count = async || {
            update(&records, &changed, &mut unheard).await.expect("they are counted");
            unheard.len()
        };
        made("a").await;
        made("b").await;
        assert_eq!(count().await, 0, "nobody has told of them");
        changed.tell();
        assert_eq!(count().await, 2, "the built-in edge does not count");
        heard("a").await;
        assert_eq!(count().await, 1);
        made("c").await;
        assert_eq!(count().await, 1);
        changed.tell();
        assert_eq!(count().await, 2);
        records.run(operator, &DeleteEdge("b".to_owned()), None).await.expect("it is deleted");
        changed.tell();
        assert_eq!(count().await, 1);
        heard("c").await;
        assert_eq!([count().await, count().await], [0, 0]);
    }
}
