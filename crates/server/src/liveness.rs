//! Whether an edge has been silent for too long. Asked for each accepted interface that is shown, so the answer is kept
//! for a moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use linkway_domain::Time;
use linkway_domain::edge::EdgeSeen;
use linkway_domain::id::EdgeId;
use linkway_domain::key;
use linkway_domain::record::Record;

use crate::clock;
use crate::records::{Failure, Records};

/// How long an answer is kept.
const FRESH: Duration = Duration::from_millis(500);

/// When each edge was last heard.
pub struct Liveness {
    records: Arc<Records>,
    started: Time,
    seen: Mutex<HashMap<EdgeId, (Instant, Option<Time>)>>,
}

impl Liveness {
    /// Over the records. The time that this server was not there counts for no edge.
    #[must_use]
    pub fn new(records: Arc<Records>) -> Self {
        Self { records, started: clock::now(), seen: Mutex::default() }
    }

    /// Whether the edge is silent.
    pub async fn is_silent(&self, edge: &EdgeId) -> Result<bool, Failure> {
        let now = clock::now();
        // A moment in the future is from before the clock was set back and says nothing.
        let heard = self.heard(edge).await?.filter(|at| *at <= now).unwrap_or_default();
        Ok(now.since(heard.max(self.started)) > self.records.settings().silence)
    }

    /// How long this server has been there to hear edges.
    #[must_use]
    pub fn listens_for(&self) -> Duration {
        clock::now().since(self.started)
    }

    async fn heard(&self, edge: &EdgeId) -> Result<Option<Time>, Failure> {
        let kept = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(edge).copied();
        if let Some((asked, heard)) = kept
            && asked.elapsed() < FRESH
        {
            return Ok(heard);
        }
        let heard = match self.records.get(&key::edge_seen(edge)).await? {
            Some(Record::EdgeSeen(EdgeSeen { at, .. })) => Some(at),
            Some(_) | None => None,
        };
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.insert(edge.clone(), (Instant::now(), heard));
        Ok(heard)
    }
}
