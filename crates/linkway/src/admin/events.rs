//! `linkway admin events`: the audit trail, to its present end or on and on.

use std::thread;
use std::time::Duration;

use linkway_wire::operator::{AuditEvent, EventKind, EventPage, ListEvents};

use super::client::Client;
use super::failure::Failure;
use super::output::{Form, List, Width, row};
use super::words::EventsArgs;

const PAGE: usize = 100;
/// How soon a follower sees what happened.
const EVERY: Duration = Duration::from_secs(1);

/// Prints what the trail holds, oldest first.
pub fn run(client: &Client, form: Form, width: Width, args: &EventsArgs) -> Result<(), Failure> {
    let mut trail = Trail { client, kind: args.all.then_some(EventKind::All), next_token: None };
    let mut left = args.count.unwrap_or(u64::MAX);
    if args.follow {
        return follow(&mut trail, form, left);
    }
    let mut list = List::new(form, width);
    loop {
        let (events, is_end) = trail.page()?;
        let events = at_most(&mut left, events);
        list.page(events)?;
        if is_end || left == 0 {
            return list.end();
        }
    }
}

fn follow(trail: &mut Trail<'_>, form: Form, mut left: u64) -> Result<(), Failure> {
    let mut is_cut_off = false;
    while left > 0 {
        let is_end = match trail.page() {
            Ok((events, is_end)) => {
                is_cut_off = false;
                for event in at_most(&mut left, events) {
                    row(form, &event)?;
                }
                is_end
            }
            // A server that restarts has not ended the trail; one that was never there has none.
            Err(Failure::Unreachable(why)) if trail.next_token.is_some() => {
                if !is_cut_off {
                    eprintln!("warning: {why}\ntrying again");
                }
                is_cut_off = true;
                true
            }
            Err(failure) => return Err(failure),
        };
        if is_end && left > 0 {
            thread::sleep(EVERY);
        }
    }
    Ok(())
}

fn at_most(left: &mut u64, mut events: Vec<AuditEvent<'static>>) -> Vec<AuditEvent<'static>> {
    events.truncate(usize::try_from(*left).unwrap_or(usize::MAX));
    *left -= events.len() as u64;
    events
}

/// Where in the trail the next page starts.
struct Trail<'a> {
    client: &'a Client,
    kind: Option<EventKind>,
    next_token: Option<String>,
}

impl Trail<'_> {
    /// The next page, and whether it reaches the present: only then is it short.
    fn page(&mut self) -> Result<(Vec<AuditEvent<'static>>, bool), Failure> {
        let EventPage { events, next_token } = self.client.call(&ListEvents {
            kind: self.kind,
            max_results: Some(PAGE as i64),
            next_token: self.next_token.clone(),
        })?;
        self.next_token = Some(next_token);
        let is_end = events.len() < PAGE;
        Ok((events, is_end))
    }
}
