//! The states of the three things that the story is about, as they change.
//!
//! A thread asks the server, as the operator sees it, several times a second; each change is a row
//! of the table on the terminal and of the report. A state that cannot follow the one before is an
//! error; one that lasted a moment may be missed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::clients::Clients;
use super::story::round;
use super::terminal::Terminal;

const PAUSE: Duration = Duration::from_millis(200);

/// What has a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Thing {
    /// The lender's connection.
    #[serde(rename = "connection")]
    Connection,
    /// The virtual interface on it.
    #[serde(rename = "virtual interface")]
    Interface,
    /// The BGP session of the interface.
    #[serde(rename = "BGP")]
    Bgp,
}

const THINGS: [Thing; 3] = [Thing::Connection, Thing::Interface, Thing::Bgp];

impl Thing {
    /// The order in which its states may be seen; any may be missed.
    const fn path(self) -> &'static [&'static str] {
        match self {
            Self::Connection => &["requested", "pending", "available", "deleting", "deleted"],
            Self::Interface => {
                &["confirming", "pending", "down", "available", "deleting", "deleted"]
            }
            Self::Bgp => &["down", "up", "down"],
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::Interface => "virtual interface",
            Self::Bgp => "BGP session",
        }
    }
}

/// A state, and when it was first seen.
#[derive(Clone, Debug, Serialize)]
pub struct Seen {
    /// Of what.
    pub resource: Thing,
    /// As the API names it.
    pub state: String,
    /// The moment.
    pub at: Timestamp,
    /// Seconds since the story began.
    pub second: f64,
}

#[derive(Default)]
struct Record {
    seen: Vec<Seen>,
    /// Where each thing is on its path.
    places: [Option<usize>; 3],
    problem: Option<String>,
    is_over: bool,
}

impl Record {
    /// Takes a state that the thing may have by now.
    fn saw(&mut self, thing: Thing, state: &str, at: Timestamp, second: f64) -> Result<(), String> {
        if let Some(place) = self.step(thing, state)? {
            self.places[thing as usize] = Some(place);
            self.seen.push(Seen { resource: thing, state: state.to_owned(), at, second });
        }
        Ok(())
    }

    /// Where in its path the thing gets by this state; `None`: it is there already.
    fn step(&self, thing: Thing, state: &str) -> Result<Option<usize>, String> {
        let path = thing.path();
        let place = self.places[thing as usize];
        if place.is_some_and(|place| path[place] == state) {
            return Ok(None);
        }
        let from = place.map_or(0, |place| place + 1);
        let found = path[from..].iter().position(|step| *step == state);
        found.map(|found| Some(from + found)).ok_or_else(|| {
            let before = place.map_or("nothing", |place| path[place]);
            format!("the {} is {state} after {before}", thing.name())
        })
    }
}

/// What has been seen so far.
#[derive(Clone)]
pub struct States {
    shared: Arc<(Mutex<Record>, Condvar)>,
    terminal: Terminal,
}

impl States {
    /// Begins to watch.
    pub fn watch(clients: Clients, terminal: Terminal) -> Self {
        let states = Self { shared: Arc::default(), terminal };
        let watching = states.clone();
        thread::spawn(move || {
            while !watching.lock().is_over {
                // One look that fails is made up for by the next; who waits has a bound of time.
                watching.saw(&look(&clients).unwrap_or_default());
                thread::sleep(PAUSE);
            }
        });
        states
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what one look has found; what has changed is one row.
    fn saw(&self, found: &[(Thing, String)]) {
        let mut record = self.lock();
        let (at, second) = (Timestamp::now(), round(self.terminal.elapsed().as_secs_f64()));
        let was_empty = record.seen.is_empty();
        let known = record.seen.len();
        for (thing, state) in found {
            if let Err(problem) = record.saw(*thing, state, at, second) {
                record.problem.get_or_insert(problem);
            }
        }
        if record.seen.len() > known {
            if was_empty {
                self.terminal.row(HEADER);
            }
            self.terminal.row(&row(second, &record.places));
        }
        self.shared.1.notify_all();
    }

    /// Waits for a state; the moment at which it was known here. Fails at once if it has passed.
    pub fn wait(&self, thing: Thing, state: &str, patience: Duration) -> anyhow::Result<Instant> {
        let deadline = Instant::now() + patience;
        let (path, name) = (thing.path(), thing.name());
        let mut record = self.lock();
        loop {
            if let Some(problem) = &record.problem {
                bail!("{problem}");
            }
            let place = record.places[thing as usize];
            let last = place.map_or("unseen", |place| path[place]);
            if last == state {
                return Ok(Instant::now());
            }
            let from = place.map_or(0, |place| place + 1);
            ensure!(path[from..].contains(&state), "the {name} is {last} already, not {state}");
            let left = deadline.saturating_duration_since(Instant::now());
            let seconds = patience.as_secs();
            ensure!(!left.is_zero(), "the {name} is {last}, not {state}, after {seconds} s");
            record = self
                .shared
                .1
                .wait_timeout(record, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(record, _)| record);
        }
    }

    /// Ends watching.
    pub fn end(&self) {
        self.lock().is_over = true;
    }

    /// All that was seen.
    pub fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// The table of what was seen, a row for each moment.
    pub fn table(&self) -> String {
        let mut record = Record::default();
        let mut table = HEADER.to_owned();
        for moment in self.seen().chunk_by(|one, next| one.at == next.at) {
            for Seen { resource, state, at, second } in moment {
                // It was accepted once.
                let _ = record.saw(*resource, state, *at, *second);
            }
            table.push('\n');
            table.push_str(&row(moment[0].second, &record.places));
        }
        table
    }
}

const HEADER: &str = "  second   connection   virtual interface   BGP session";

fn row(second: f64, places: &[Option<usize>; 3]) -> String {
    let now = THINGS.map(|thing| places[thing as usize].map_or("-", |place| thing.path()[place]));
    format!("{second:8.1}   {:<10}   {:<17}   {}", now[0], now[1], now[2])
}

/// What the server says now.
fn look(clients: &Clients) -> anyhow::Result<Vec<(Thing, String)>> {
    let connections = clients.quiet_admin(&["connection", "list"])?;
    let interfaces = clients.quiet_admin(&["interface", "list"])?;
    let mut found = Vec::new();
    let mut push = |thing, state: &Value| {
        found.extend(state.as_str().map(|state| (thing, state.to_owned())));
    };
    push(Thing::Connection, &connections[0]["connectionState"]);
    push(Thing::Interface, &interfaces[0]["virtualInterfaceState"]);
    push(Thing::Bgp, &interfaces[0]["bgpPeers"][0]["bgpStatus"]);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Record, Thing};

    fn check(thing: Thing, states: &[&str], fails_at: Option<&str>) {
        let mut record = Record::default();
        for state in states {
            if record.saw(thing, state, Timestamp::UNIX_EPOCH, 0.0).is_err() {
                return assert_eq!(Some(*state), fails_at, "{states:?}");
            }
        }
        assert_eq!(None, fails_at, "{states:?}");
    }

    #[test]
    fn states_come_in_order() {
        check(Thing::Connection, &["requested", "requested", "available", "deleted"], None);
        check(Thing::Connection, &["available", "requested"], Some("requested"));
        check(Thing::Interface, &["confirming", "available", "deleting", "deleted"], None);
        check(Thing::Interface, &["confirming", "rejected"], Some("rejected"));
        check(Thing::Interface, &["available", "down"], Some("down"));
        check(Thing::Bgp, &["down", "up", "up", "down"], None);
        check(Thing::Bgp, &["down", "up", "down", "up"], Some("up"));
    }
}
