//! What `events` reads: the audit trail, and for one account also what happened to what it has, merged in the order of time.

use std::borrow::Cow;
use std::collections::VecDeque;

use jiff::Timestamp;
use linkway_domain::time::Time;
use linkway_wire::operator::{
    AccountEvent, AccountEventPage, AuditEvent, EventKind, EventPage, ListAccountEvents, ListEvents,
};

use super::client::Client;
use super::failure::Failure;

const PAGE: usize = 100;

/// Events from some moment on, oldest first.
pub struct Trail<'a> {
    client: &'a Client,
    kind: Option<EventKind>,
    start_time: Option<Timestamp>,
    calls: Source,
    /// What an account was told; its own calls are all that is shown of the audit trail then.
    told: Option<(&'a str, Source)>,
}

/// Where in a list the next page starts, and what was read of it and not shown yet.
#[derive(Default)]
struct Source {
    next_token: Option<String>,
    read: VecDeque<AuditEvent<'static>>,
    /// Whether the last page reached the present: only then is it short.
    is_at_end: bool,
}

impl Source {
    fn take(&mut self, events: Vec<AuditEvent<'static>>, next_token: String) {
        self.is_at_end = events.len() < PAGE;
        self.read.extend(events);
        self.next_token = Some(next_token);
    }

    /// Whether everything is shown that there was when it was last asked for.
    fn is_done(&self) -> bool {
        self.is_at_end && self.read.is_empty()
    }

    /// Whether its first event, if it has one, comes before all that the other still has.
    fn is_first(&self, other: &Self) -> bool {
        match (self.read.front(), other.read.front()) {
            (Some(own), Some(others)) => own.time <= others.time,
            (Some(_), None) => other.is_at_end,
            (None, _) => false,
        }
    }
}

impl<'a> Trail<'a> {
    /// From a moment on, or from the beginning; of everybody, or about one account.
    pub fn new(
        client: &'a Client,
        kind: Option<EventKind>,
        start_time: Option<Timestamp>,
        account: Option<&'a str>,
    ) -> Self {
        let told = account.map(|account| (account, Source::default()));
        Self { client, kind, start_time, calls: Source::default(), told }
    }

    /// Whether a server has answered before.
    pub fn has_begun(&self) -> bool {
        self.calls.next_token.is_some()
    }

    /// Some more events, maybe none, and whether they reach the present.
    pub fn page(&mut self) -> Result<(Vec<AuditEvent<'static>>, bool), Failure> {
        if self.calls.read.is_empty() {
            self.read_calls()?;
        }
        self.read_told()?;
        let Some((_, told)) = &mut self.told else {
            return Ok((self.calls.read.drain(..).collect(), self.calls.is_at_end));
        };
        let mut events = Vec::new();
        loop {
            let from = if told.is_first(&self.calls) {
                &mut *told
            } else if self.calls.is_first(told) {
                &mut self.calls
            } else {
                break;
            };
            events.extend(from.read.pop_front());
        }
        Ok((events, told.is_done() && self.calls.is_done()))
    }

    fn read_calls(&mut self) -> Result<(), Failure> {
        let EventPage { events, next_token } = self.client.call(&ListEvents {
            kind: self.kind,
            start_time: self.start_time,
            max_results: Some(PAGE as i64),
            next_token: self.calls.next_token.clone(),
        })?;
        self.calls.take(events, next_token);
        if let Some((account, _)) = self.told {
            self.calls.read.retain(|event| event.account_id.as_deref() == Some(account));
        }
        Ok(())
    }

    fn read_told(&mut self) -> Result<(), Failure> {
        let Some((account, told)) = self.told.as_mut().filter(|(_, told)| told.read.is_empty())
        else {
            return Ok(());
        };
        let AccountEventPage { events, next_token } = self.client.call(&ListAccountEvents {
            account_id: (*account).to_owned(),
            start_time: self.start_time,
            max_results: Some(PAGE as i64),
            next_token: told.next_token.clone(),
        })?;
        told.take(events.into_iter().map(as_call).collect(), next_token);
        Ok(())
    }
}

/// An event in the columns of a call: what happened stands for the operation.
fn as_call(event: AccountEvent) -> AuditEvent<'static> {
    let data = event.data;
    let millis = u64::try_from(event.timestamp.as_millisecond()).unwrap_or_default();
    let is_lent = data.lender_account != data.owner_account;
    let parties =
        is_lent.then(|| format!("lent by {} to {}", data.lender_account, data.owner_account));
    let expiry = data.expires_at.map(|expires| format!("expires {expires:.0}"));
    let message: Vec<String> = parties.into_iter().chain(expiry).collect();
    let resources = data.virtual_interface_id.into_iter().chain([data.connection_id]);
    AuditEvent {
        time: Time::from_millis(millis),
        request_id: Cow::Owned(event.id),
        principal: Cow::Borrowed("linkway"),
        account_id: Some(Cow::Owned(data.account_id)),
        access_key_id: None,
        source_address: Cow::Borrowed(""),
        operation: Cow::Owned(event.kind),
        resources: resources.collect(),
        outcome: Cow::Borrowed("ok"),
        message: (!message.is_empty()).then(|| Cow::Owned(message.join(", "))),
        parameters: None,
        count: None,
    }
}
