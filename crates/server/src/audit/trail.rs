//! What the trail keeps of calls that changed nothing, and where: evidence in the store, the refusals of strangers in a file
//! of their own, everything else in the journal. Nobody can push out what another did by calling often: strangers write
//! to their own file, and evidence is written once for all like calls of an hour or a day, with their count.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use linkway_domain::access_key::Principal;
use linkway_domain::key;
use linkway_store::{Commit, Write};
use tokio_util::sync::CancellationToken;

use super::event::AuditEvent;
use super::journal::{Cursor, Journal};
use super::record::{self, Change, Entry};
use super::tally::{Rules, Tally};
use crate::clock;
use crate::http::RequestId;
use crate::limits::source::place;
use crate::records::{Failure, Records};

/// How often counts of windows that have ended are written.
const SETTLE: Duration = Duration::from_secs(20);

/// Refusals of strangers: the first of each source and error code in a minute.
const STRANGERS: Rules = Rules { window: Duration::from_secs(60), first: 3, kinds: 256, groups: 1 };

/// Denials and uses of disabled keys: one of each key, operation and resources in an hour, of at most 20 such in an hour for
/// each principal, or its records would be as many as it likes.
const DENIALS: Rules =
    Rules { window: Duration::from_secs(3600), first: 1, kinds: 20, groups: 65_536 };

/// Reads of the feed: one of each key and address in a day.
const FEED: Rules =
    Rules { window: Duration::from_secs(24 * 3600), first: 1, kinds: 20, groups: 65_536 };

/// A call that the store keeps though it changed nothing.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The call's request id.
    pub request_id: RequestId,
    /// Who called.
    pub principal: Principal,
    /// Which operator, if it is one with a name.
    pub operator: Option<String>,
    /// The key that signed.
    pub access_key_id: String,
    /// Where it came from.
    pub source: IpAddr,
    /// The operation.
    pub operation: &'static str,
    /// Whose resources, or which.
    pub resources: Vec<String>,
    /// The error's code and text.
    pub refused: Option<(&'static str, String)>,
}

impl Evidence {
    fn entry(&self, count: u64) -> Entry<'_> {
        Entry {
            change: Change {
                principal: self.principal.clone(),
                access_key_id: &self.access_key_id,
                source: self.source,
                operation: self.operation,
                resources: self.resources.iter().map(|id| id.as_str().into()).collect(),
                parameters: None,
            },
            operator: self.operator.as_deref(),
            refused: self.refused.as_ref().map(|(code, text)| (*code, text.as_str())),
            count,
        }
    }
}

/// What makes two calls one kind of evidence.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Kind {
    access_key_id: String,
    /// Of a read of the feed.
    source: Option<IpAddr>,
    operation: &'static str,
    resources: Vec<String>,
}

type Tallied = Mutex<Tally<Principal, Kind, Evidence>>;

/// The trail of calls that changed nothing. One for the life of a server.
pub struct Trail {
    records: Arc<Records>,
    journal: Arc<Journal>,
    strangers: Arc<Journal>,
    sampled: Mutex<Tally<(), (String, String), AuditEvent<'static>>>,
    denials: Tallied,
    feed: Tallied,
}

impl Trail {
    /// Over the store and two journals: everybody's, and the strangers'.
    #[must_use]
    pub fn new(records: Arc<Records>, journal: Arc<Journal>, strangers: Arc<Journal>) -> Self {
        Self {
            records,
            journal,
            strangers,
            sampled: Mutex::new(Tally::new(STRANGERS)),
            denials: Mutex::new(Tally::new(DENIALS)),
            feed: Mutex::new(Tally::new(FEED)),
        }
    }

    /// A read, or a refusal, of a known caller. Never waits.
    pub fn record(&self, event: &AuditEvent<'_>) {
        self.journal.record(event);
    }

    /// A refusal of somebody who is not known, or who calls too often. Never waits.
    pub fn stranger(&self, event: AuditEvent<'_>, source: IpAddr, now: Instant) {
        // A known key stands for itself wherever it calls from.
        let who = match &event.access_key_id {
            Some(id) if event.principal != "anonymous" => id.to_string(),
            Some(_) | None => place(source).to_string(),
        };
        let kind = (who, event.outcome.to_string());
        let mut sampled = self.sampled.lock().unwrap_or_else(PoisonError::into_inner);
        if sampled.note((), kind, now, || event.clone().into_owned()) {
            self.strangers.record(&event);
        }
    }

    /// A refused call that is about what is another's, or a disabled key's. Whether it was written down; if not, it is
    /// counted, and the count is written when the hour ends.
    pub async fn denied(&self, evidence: Evidence) -> bool {
        self.tallied(&self.denials, evidence, None).await
    }

    /// A read of the feed by an edge.
    pub async fn feed_read(&self, evidence: Evidence) {
        let source = Some(evidence.source);
        self.tallied(&self.feed, evidence, source).await;
    }

    /// A call that is written down however often it is made.
    ///
    /// # Errors
    ///
    /// If the store fails.
    pub async fn disclosed(&self, evidence: &Evidence) -> Result<(), Failure> {
        self.keep(evidence, 0).await
    }

    async fn tallied(&self, tally: &Tallied, evidence: Evidence, source: Option<IpAddr>) -> bool {
        let kind = Kind {
            access_key_id: evidence.access_key_id.clone(),
            source,
            operation: evidence.operation,
            resources: evidence.resources.clone(),
        };
        let principal = evidence.principal.clone();
        let is_first = {
            let mut tally = tally.lock().unwrap_or_else(PoisonError::into_inner);
            tally.note(principal, kind, Instant::now(), || evidence.clone())
        };
        if is_first && let Err(error) = self.keep(&evidence, 0).await {
            tracing::error!(%error, request_id = %evidence.request_id, "evidence could not be stored");
            return false;
        }
        is_first
    }

    async fn keep(&self, evidence: &Evidence, count: u64) -> Result<(), Failure> {
        let at = key::audit(clock::now(), evidence.request_id.as_str());
        let write = Write::put(at.into_string(), record::encode(&evidence.entry(count)));
        let commit = Commit { writes: vec![write], ..Commit::default() };
        self.records.store().commit(commit).await?;
        Ok(())
    }

    /// Writes the counts of the windows that have ended, until the server closes.
    pub async fn run(self: Arc<Self>, closing: CancellationToken) {
        while closing.run_until_cancelled(tokio::time::sleep(SETTLE)).await.is_some() {
            self.settle(false).await;
        }
    }

    /// Writes the counts of the windows that have ended, or of all.
    pub async fn settle(&self, all: bool) {
        let now = Instant::now();
        let sampled = self.sampled.lock().unwrap_or_else(PoisonError::into_inner).ended(now, all);
        for (event, count) in sampled {
            let event = AuditEvent { time: clock::now(), count: Some(count), ..event };
            self.strangers.record(&event);
        }
        for tally in [&self.denials, &self.feed] {
            let ended = tally.lock().unwrap_or_else(PoisonError::into_inner).ended(now, all);
            for (evidence, count) in ended {
                if let Err(error) = self.keep(&evidence, count).await {
                    tracing::error!(%error, count, "a count of evidence could not be stored");
                }
            }
        }
    }

    /// Waits until what was recorded before can be read, at most `limit` for each journal.
    pub fn flush(&self, limit: Duration) {
        // Late is no error: what is not written yet comes with the next page.
        self.journal.flush(limit);
        self.strangers.flush(limit);
    }

    /// Events of the journal after a place, at most `limit`.
    pub fn journaled(
        &self,
        after: Cursor,
        limit: usize,
    ) -> io::Result<(Vec<AuditEvent<'static>>, Cursor)> {
        self.journal.read(Some(after), limit)
    }

    /// Events of strangers after a place, at most `limit`.
    pub fn of_strangers(
        &self,
        after: Cursor,
        limit: usize,
    ) -> io::Result<(Vec<AuditEvent<'static>>, Cursor)> {
        self.strangers.read(Some(after), limit)
    }
}
