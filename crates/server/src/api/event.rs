//! The audit trail as the operator reads it: changes and evidence from the store, and on request reads and refusals from the
//! journal and the file of strangers, merged in the order of time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use linkway_domain::Fault;
use linkway_domain::Time;
use linkway_domain::fault::shown;
use linkway_domain::key;
use linkway_wire::error::WireError;
use linkway_wire::operator::{EventKind, EventPage, ListEvents};

use super::{Answered, Api, Call, failure, internal, page};
use crate::audit::event::AuditEvent;
use crate::audit::journal::Cursor;
use crate::audit::record;
use crate::clock;
use crate::records::Failure;

/// How long after its time a change may still be on its way into the store: a decision is dated, then committed. What is
/// younger is left for the next page, or a reader who follows the log could miss it.
pub(super) const SETTLES: Duration = Duration::from_millis(250);

/// How long reading waits for the journal to be written.
const JOURNAL: Duration = Duration::from_millis(500);

/// How many events of the journal are read at a time where they are passed over.
const SKIPPED: usize = 1000;

/// Where a reader of the audit trail stands: after this key of the store, and at these places of the two journals.
#[derive(Clone, Debug, Default)]
struct Place {
    stored: Option<String>,
    journal: Cursor,
    strangers: Cursor,
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
        // Tokens of earlier builds have no place among the strangers.
        let (journal, strangers) = journal.split_once('+').unwrap_or((journal, "0:0"));
        Ok(Self {
            strangers: strangers.parse().map_err(|_| bad())?,
            stored: (!stored.is_empty()).then(|| format!("{}{stored}", key::all("audit"))),
            journal: journal.parse().map_err(|_| bad())?,
        })
    }

    /// The time from which on events are asked for, as long as the store has none of that time or later.
    fn start(&self) -> Option<Time> {
        let (time, request_id) = key::parse_audit(self.stored.as_deref()?)?;
        request_id.is_empty().then_some(time)
    }

    fn token(&self) -> String {
        let range = key::all("audit");
        let stored = self
            .stored
            .as_deref()
            .and_then(|key| key.strip_prefix(range.as_str()))
            .unwrap_or_default();
        format!("{}+{}|{stored}", self.journal, self.strangers)
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
        let kind = request.kind.unwrap_or_default();
        let settled = clock::now().minus(SETTLES);
        let mut after = place.clone();
        let events = self.events(kind, &mut after, limit, settled).await?;
        if events.len() == limit {
            return Ok(EventPage { events, next_token: after.token() });
        }
        let asked = clock::now();
        tokio::time::sleep(SETTLES).await;
        let events = self.events(kind, &mut place, limit, asked).await?;
        Ok(EventPage { events, next_token: place.token() })
    }

    /// The events behind a place, which moves behind them: at most `limit`, of the store none that is later than `until`.
    async fn events(
        &self,
        kind: EventKind,
        place: &mut Place,
        limit: usize,
        until: Time,
    ) -> Result<Vec<AuditEvent<'static>>, WireError> {
        let mut stored = self.stored_events(place, limit).await?;
        stored.retain(|(_, event)| event.time <= until);
        match kind {
            EventKind::Changes => {
                place.stored = stored.last().map(|(key, _)| key.clone()).or(place.stored.take());
                Ok(stored.into_iter().map(|(_, event)| event).collect())
            }
            EventKind::All => {
                self.trail.settle(false).await;
                let trail = Arc::clone(&self.trail);
                let _ = tokio::task::spawn_blocking(move || trail.flush(JOURNAL)).await;
                // A journal's place is a place in a file, and what is written next may be earlier than a start to come.
                let start = place.start();
                let mut events = self.merged(stored, place, limit)?;
                events.retain(|event| start.is_none_or(|start| event.time >= start));
                Ok(events)
            }
        }
    }

    /// Moves a place at the beginning to the first event of a time.
    fn skip_to(&self, start: Time, place: &mut Place) -> Result<(), WireError> {
        let unreadable = |error: io::Error| {
            tracing::error!(%error, "the journal cannot be read");
            internal()
        };
        place.stored = Some(key::audit(start, "").into_string());
        let journal = |from, limit| self.trail.journaled(from, limit).map_err(unreadable);
        place.journal = skipped(start, place.journal, journal)?;
        let strangers = |from, limit| self.trail.of_strangers(from, limit).map_err(unreadable);
        place.strangers = skipped(start, place.strangers, strangers)?;
        Ok(())
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
                    tracing::error!(request_id = failure::request_id(), key, %error, "an audit record cannot be read");
                    None
                }
            }
        });
        Ok(events.collect())
    }

    /// Takes the earliest of all three, up to `limit`, and moves the place behind them.
    fn merged(
        &self,
        stored: Vec<(String, AuditEvent<'static>)>,
        place: &mut Place,
        limit: usize,
    ) -> Result<Vec<AuditEvent<'static>>, WireError> {
        let unreadable = |error: io::Error| {
            tracing::error!(request_id = failure::request_id(), %error, "the journal cannot be read");
            internal()
        };
        let journal = |from, limit| self.trail.journaled(from, limit).map_err(unreadable);
        let strangers = |from, limit| self.trail.of_strangers(from, limit).map_err(unreadable);
        let (journaled, journal_end) = journal(place.journal, limit)?;
        let (strange, strangers_end) = strangers(place.strangers, limit)?;
        let (of_journal, of_strangers) = (journaled.len(), strange.len());
        let mut stored = stored.into_iter().peekable();
        let mut journaled = journaled.into_iter().peekable();
        let mut strange = strange.into_iter().peekable();
        let mut events = Vec::with_capacity(limit);
        while events.len() < limit {
            // At one moment the store comes first, then the journal.
            let next = [
                stored.peek().map(|(_, event)| (event.time, 0)),
                journaled.peek().map(|event| (event.time, 1)),
                strange.peek().map(|event| (event.time, 2)),
            ];
            match next.into_iter().flatten().min() {
                None => break,
                Some((_, 0)) => events.extend(stored.next().map(|(key, event)| {
                    place.stored = Some(key);
                    event
                })),
                Some((_, 1)) => events.extend(journaled.next()),
                Some(_) => events.extend(strange.next()),
            }
        }
        // A cursor is a place in a file: behind a part of what was read it must be asked for.
        place.journal = match journaled.len() {
            0 => journal_end,
            left => journal(place.journal, of_journal - left)?.1,
        };
        place.strangers = match strange.len() {
            0 => strangers_end,
            left => strangers(place.strangers, of_strangers - left)?.1,
        };
        Ok(events)
    }
}

/// The place in a journal of the first event of a time.
fn skipped(
    start: Time,
    mut from: Cursor,
    read: impl Fn(Cursor, usize) -> Result<(Vec<AuditEvent<'static>>, Cursor), WireError>,
) -> Result<Cursor, WireError> {
    loop {
        let (events, end) = read(from, SKIPPED)?;
        match events.iter().take_while(|event| event.time < start).count() {
            // A cursor is behind an event: of none there is nothing to skip.
            0 => return Ok(from),
            SKIPPED => from = end,
            earlier => return Ok(read(from, earlier)?.1),
        }
    }
}
