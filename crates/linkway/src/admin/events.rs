//! `linkway admin events`: the audit trail, to its present end or on and on.

use std::collections::VecDeque;
use std::thread;
use std::time::Duration;

use jiff::Timestamp;
use linkway_wire::operator::{AuditEvent, EventKind};

use super::client::Client;
use super::failure::Failure;
use super::output::{Form, List, Width, row};
use super::trail::Trail;
use super::words::EventsArgs;

/// How soon a follower sees what happened.
const EVERY: Duration = Duration::from_secs(1);

/// How far `--last` looks back at first; each further look goes this many times as far, and the last one to the beginning.
const LOOK_BACK: Duration = Duration::from_secs(600);
const LOOKS: u32 = 5;
const FURTHER: u32 = 10;

/// Prints what the trail holds, oldest first.
pub fn run(client: &Client, form: Form, width: Width, args: &EventsArgs) -> Result<(), Failure> {
    let mut list = List::new(form).of_width(width);
    if let Some(count) = args.last {
        list.page(last(client, args, count)?)?;
        return list.end();
    }
    let mut trail = trail(client, args, args.since);
    let mut left = args.count.unwrap_or(u64::MAX);
    if args.follow {
        drop(list);
        return follow(&mut trail, form, left);
    }
    loop {
        let (events, is_end) = trail.page()?;
        let events = at_most(&mut left, events);
        list.page(events)?;
        if is_end || left == 0 {
            return list.end();
        }
    }
}

/// What the words ask for, from a moment on.
fn trail<'a>(client: &'a Client, args: &'a EventsArgs, start: Option<Timestamp>) -> Trail<'a> {
    let kind = args.all.then_some(EventKind::All);
    Trail::new(client, kind, start, args.account.as_deref())
}

/// The last so many events: looks back further and further until there are enough.
fn last(
    client: &Client,
    args: &EventsArgs,
    count: usize,
) -> Result<VecDeque<AuditEvent<'static>>, Failure> {
    let now = Timestamp::now();
    let moment = |look: u32| now.checked_sub(LOOK_BACK * FURTHER.pow(look)).ok();
    let looks = (0..LOOKS).map(moment).chain([None]);
    let mut found = VecDeque::new();
    for start in looks {
        let is_whole = start <= args.since;
        let start = if is_whole { args.since } else { start };
        found = last_since(&mut trail(client, args, start), count)?;
        if is_whole || found.len() == count {
            break;
        }
    }
    Ok(found)
}

fn last_since(
    trail: &mut Trail<'_>,
    count: usize,
) -> Result<VecDeque<AuditEvent<'static>>, Failure> {
    let mut found = VecDeque::new();
    loop {
        let (events, is_end) = trail.page()?;
        found.extend(events);
        found.drain(..found.len().saturating_sub(count));
        if is_end {
            return Ok(found);
        }
    }
}

/// A moment: so long ago, or an RFC 3339 time.
pub fn since(text: &str) -> Result<Timestamp, String> {
    const FORM: &str = "neither a time ago, as 90s, 30m, 12h or 7d, nor an RFC 3339 time";
    if let Ok(moment) = text.parse() {
        return Ok(moment);
    }
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(FORM)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(FORM.to_owned()),
    };
    let number: u32 = number.parse().map_err(|_| FORM)?;
    let ago = Duration::from_secs(u64::from(number) * seconds);
    Timestamp::now().checked_sub(ago).map_err(|error| error.to_string())
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
            Err(Failure::Unreachable(why)) if trail.has_begun() => {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_a_time_or_so_long_ago() {
        let ago =
            |text: &str| since(text).map(|then| Timestamp::now().duration_since(then).as_secs());
        for (text, seconds) in
            [("0s", 0), ("90s", 90), ("30m", 1800), ("12h", 43_200), ("7d", 604_800)]
        {
            let found = ago(text).expect("a time");
            assert!((seconds..seconds + 5).contains(&found), "{text}: {found}");
        }
        let exact = since("2026-11-23T10:00:00Z").expect("a time").to_string();
        assert_eq!(exact, "2026-11-23T10:00:00Z");
        for text in ["", "h", "1", "-1h", "1w", "1.5h", "é", "2026-11-23", "99999999999s"] {
            assert!(since(text).is_err(), "{text}");
        }
    }
}
