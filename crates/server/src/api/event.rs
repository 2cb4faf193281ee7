//! The audit log as the operator reads it: changes from the store, and on request reads and refusals from the journal,
//! merged in the order of time.

use std::sync::Arc;
use std::time::Duration;

use linkway_domain::Fault;
use linkway_domain::Time;
use linkway_domain::fault::shown;
use linkway_domain::key;
use linkway_wire::error::WireError;
use linkway_wire::operator::{EventKind, EventPage, ListEvents};

use super::{Answered, Api, Call, internal, page};
use crate::audit::event::AuditEvent;
use crate::audit::journal::Cursor;
use crate::audit::record;
use crate::clock;
use crate::records::Failure;

/// How long after its time a change may still be on its way into the store: a decision is dated, then committed. What is
/// younger is left for the next page, or a reader who follows the log could miss it.
const SETTLES: Duration = Duration::from_millis(250);

/// How long reading waits for the journal to be written.
const JOURNAL: Duration = Duration::from_millis(500);

/// How many events of the journal are read at a time where they are passed over.
const SKIPPED: usize = 1000;

/// Where a reader of the audit log stands: after this key of the store, and at this place of the journal.
#[derive(Clone, Debug, Default)]
struct Place {
    stored: Option<String>,
    journal: Cursor,
}

impl Place {
    fn parse(token: Option<&str>) -> Result<Self, Fault> {
        let Some(token) = token else { return Ok(Self::default()) };
        let bad = || {
            let rule = "is not a token that ListEvents gave";
            Fault::client(format!("nextToken \"{}\" {rule}.", shown(token)))
        };
        let (journal, stored) = token.split_once('|').ok_or_else(bad)?;
        let plain = stored.len() <= 200 && stored.bytes().all(|b| b.is_ascii_graphic());
        if !plain {
            return Err(bad());
        }
        Ok(Self {
            stored: (!stored.is_empty()).then(|| format!("{}{stored}", key::all("audit"))),
            journal: journal.parse().map_err(|_| bad())?,
        })
    }

    fn token(&self) -> String {
        let range = key::all("audit");
        let stored = self
            .stored
            .as_deref()
            .and_then(|key| key.strip_prefix(range.as_str()))
            .unwrap_or_default();
        format!("{}|{stored}", self.journal)
    }
}

impl Api {
    pub(super) async fn list_events(&self, _: &Call, request: ListEvents) -> Answered<EventPage> {
        let limit = page::operators_limit(request.max_results)?;
        let mut place = Place::parse(request.next_token.as_deref())?;
        if let (Some(start), None) = (request.start_time, &request.next_token) {
            let start = u64::try_from(start.as_millisecond()).unwrap_or_default();
            self.skip_to(Time::from_millis(start), &mut place)?;
        }
        let asked = clock::now();
        tokio::time::sleep(SETTLES).await;
        let mut stored = self.stored_events(&place, limit).await?;
        stored.retain(|(_, event)| event.time <= asked);
        let events = match request.kind.unwrap_or_default() {
            EventKind::Changes => {
                place.stored = stored.last().map(|(key, _)| key.clone()).or(place.stored);
                stored.into_iter().map(|(_, event)| event).collect()
            }
            EventKind::All => {
                let journal = Arc::clone(&self.journal);
                // Late is no error: what is not written yet comes with the next page.
                let _ = tokio::task::spawn_blocking(move || journal.flush(JOURNAL)).await;
                self.merged(stored, &mut place, limit)?
            }
        };
        Ok(EventPage { events, next_token: place.token() })
    }

    /// Moves a place at the beginning to the first event of a time.
    fn skip_to(&self, start: Time, place: &mut Place) -> Result<(), WireError> {
        place.stored = Some(key::audit(start, "").into_string());
        let read = |from: Cursor, limit: usize| {
            self.journal.read(Some(from), limit).map_err(|error| {
                tracing::error!(%error, "the journal cannot be read");
                internal()
            })
        };
        loop {
            let (events, end) = read(place.journal, SKIPPED)?;
            let earlier = events.iter().take_while(|event| event.time < start).count();
            if earlier < SKIPPED {
                // A cursor is behind an event: of none there is nothing to skip.
                if earlier > 0 {
                    place.journal = read(place.journal, earlier)?.1;
                }
                return Ok(());
            }
            place.journal = end;
        }
    }

    async fn stored_events(
        &self,
        place: &Place,
        limit: usize,
    ) -> Result<Vec<(String, AuditEvent<'static>)>, WireError> {
        let range = key::all("audit");
        let page = self.records.store().scan(range.as_str(), place.stored.as_deref(), limit).await;
        let page = page.map_err(Failure::from)?;
        let events = page.items.into_iter().filter_map(|(key, value)| {
            match record::decode(&key, &value.value) {
                Ok(event) => Some((key, event)),
                Err(error) => {
                    tracing::error!(key, %error, "an audit record cannot be read");
                    None
                }
            }
        });
        Ok(events.collect())
    }

    /// Takes the earliest of both, up to `limit`, and moves the place behind them.
    fn merged(
        &self,
        stored: Vec<(String, AuditEvent<'static>)>,
        place: &mut Place,
        limit: usize,
    ) -> Result<Vec<AuditEvent<'static>>, WireError> {
        let read = |from: Cursor, limit: usize| {
            self.journal.read(Some(from), limit).map_err(|error| {
                tracing::error!(%error, "the journal cannot be read");
                internal()
            })
        };
        let (journaled, end) = read(place.journal, limit)?;
        let mut events = Vec::with_capacity(limit);
        let (mut stored, mut journaled_left) =
            (stored.into_iter().peekable(), journaled.iter().peekable());
        let mut taken = 0;
        while events.len() < limit {
            let from_journal = match (stored.peek(), journaled_left.peek()) {
                (None, None) => break,
                (Some(_), None) => false,
                (None, Some(_)) => true,
                (Some((_, change)), Some(read)) => read.time < change.time,
            };
            if from_journal {
                taken += 1;
                events.extend(journaled_left.next().cloned());
            } else if let Some((key, event)) = stored.next() {
                place.stored = Some(key);
                events.push(event);
            }
        }
        // The journal's cursor is a place in a file: behind a part of what was read it must be asked for.
        place.journal = if taken == journaled.len() { end } else { read(place.journal, taken)?.1 };
        Ok(events)
    }
}
