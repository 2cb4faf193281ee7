//! The states of the scenario's three resources, as they change.
//!
//! A thread polls the server with the operator's key several times a second; each change is a row of
//! the table on the terminal and of the report. A state that cannot follow the one before is an
//! error; one that lasts less than the interval may be missed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::clients::Clients;
use super::scenario::round;
use super::terminal::Terminal;

const INTERVAL: Duration = Duration::from_millis(200);

/// A resource that has a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Resource {
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

const RESOURCES: [Resource; 3] = [Resource::Connection, Resource::Interface, Resource::Bgp];

impl Resource {
    /// The order in which its states may be observed; any may be missed.
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

/// A state, and when it was first observed.
#[derive(Clone, Debug, Serialize)]
pub struct StateChange {
    /// The resource.
    pub resource: Resource,
    /// The state, as the API names it.
    pub state: String,
    /// When it was observed.
    pub at: Timestamp,
    /// Seconds since the demo began.
    pub second: f64,
}

#[derive(Default)]
struct Observed {
    changes: Vec<StateChange>,
    /// The position of each resource on its path.
    positions: [Option<usize>; 3],
    problem: Option<String>,
    is_done: bool,
}

impl Observed {
    /// Records a state, if it may follow the ones before.
    fn observe(
        &mut self,
        resource: Resource,
        state: &str,
        at: Timestamp,
        second: f64,
    ) -> Result<(), String> {
        if let Some(position) = self.step(resource, state)? {
            self.positions[resource as usize] = Some(position);
            self.changes.push(StateChange { resource, state: state.to_owned(), at, second });
        }
        Ok(())
    }

    /// The position on its path of this state; `None`: the resource has it already.
    fn step(&self, resource: Resource, state: &str) -> Result<Option<usize>, String> {
        let path = resource.path();
        let position = self.positions[resource as usize];
        if position.is_some_and(|position| path[position] == state) {
            return Ok(None);
        }
        let from = position.map_or(0, |position| position + 1);
        let found = path[from..].iter().position(|step| *step == state);
        found.map(|found| Some(from + found)).ok_or_else(|| {
            let before = position.map_or("nothing", |position| path[position]);
            format!("the {} is {state} after {before}", resource.name())
        })
    }
}

/// The states that were observed so far.
#[derive(Clone)]
pub struct States {
    shared: Arc<(Mutex<Observed>, Condvar)>,
    terminal: Terminal,
}

impl States {
    /// Starts the polling thread.
    pub fn watch(clients: Clients, terminal: Terminal) -> Self {
        let states = Self { shared: Arc::default(), terminal };
        let watching = states.clone();
        thread::spawn(move || {
            while !watching.lock().is_done {
                // A poll that fails is repeated; whoever waits for a state has a time limit.
                watching.observe(&poll(&clients).unwrap_or_default());
                thread::sleep(INTERVAL);
            }
        });
        states
    }

    fn lock(&self) -> MutexGuard<'_, Observed> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the result of one poll; what has changed is one row.
    fn observe(&self, found: &[(Resource, String)]) {
        let mut record = self.lock();
        let (at, second) = (Timestamp::now(), round(self.terminal.elapsed().as_secs_f64()));
        let was_empty = record.changes.is_empty();
        let known = record.changes.len();
        for (resource, state) in found {
            if let Err(problem) = record.observe(*resource, state, at, second) {
                record.problem.get_or_insert(problem);
            }
        }
        if record.changes.len() > known {
            if was_empty {
                self.terminal.row(HEADER);
            }
            self.terminal.row(&row(second, &record.positions));
        }
        self.shared.1.notify_all();
    }

    /// Waits for a state; when it was observed.
    ///
    /// # Errors
    ///
    /// The state has passed, an impossible one was observed, or the time is over.
    pub fn wait(
        &self,
        resource: Resource,
        state: &str,
        timeout: Duration,
    ) -> anyhow::Result<Instant> {
        let deadline = Instant::now() + timeout;
        let (path, name) = (resource.path(), resource.name());
        let mut record = self.lock();
        loop {
            if let Some(problem) = &record.problem {
                bail!("{problem}");
            }
            let position = record.positions[resource as usize];
            let last = position.map_or("unseen", |position| path[position]);
            if last == state {
                return Ok(Instant::now());
            }
            let from = position.map_or(0, |position| position + 1);
            ensure!(path[from..].contains(&state), "the {name} is {last} already, not {state}");
            let left = deadline.saturating_duration_since(Instant::now());
            let seconds = timeout.as_secs();
            ensure!(!left.is_zero(), "the {name} is {last}, not {state}, after {seconds} s");
            record = self
                .shared
                .1
                .wait_timeout(record, left)
                .map_or_else(|poisoned| poisoned.into_inner().0, |(record, _)| record);
        }
    }

    /// Ends the polling thread.
    pub fn end(&self) {
        self.lock().is_done = true;
    }

    /// All changes so far, in order.
    pub fn changes(&self) -> Vec<StateChange> {
        self.lock().changes.clone()
    }

    /// The table of all changes, a row for each moment.
    pub fn table(&self) -> String {
        let mut record = Observed::default();
        let mut table = HEADER.to_owned();
        for moment in self.changes().chunk_by(|one, next| one.at == next.at) {
            for StateChange { resource, state, at, second } in moment {
                // It was recorded before, so it cannot fail.
                let _ = record.observe(*resource, state, *at, *second);
            }
            table.push('\n');
            table.push_str(&row(moment[0].second, &record.positions));
        }
        table
    }
}

const HEADER: &str = "  second   connection   virtual interface   BGP session";

fn row(second: f64, positions: &[Option<usize>; 3]) -> String {
    let now = RESOURCES.map(|resource| {
        positions[resource as usize].map_or("-", |position| resource.path()[position])
    });
    format!("{second:8.1}   {:<10}   {:<17}   {}", now[0], now[1], now[2])
}

/// The states as the server has them.
fn poll(clients: &Clients) -> anyhow::Result<Vec<(Resource, String)>> {
    let connections = clients.quiet_admin(&["connection", "list"])?;
    let interfaces = clients.quiet_admin(&["interface", "list"])?;
    let mut found = Vec::new();
    let mut push = |resource, state: &Value| {
        found.extend(state.as_str().map(|state| (resource, state.to_owned())));
    };
    push(Resource::Connection, &connections[0]["connectionState"]);
    push(Resource::Interface, &interfaces[0]["virtualInterfaceState"]);
    push(Resource::Bgp, &interfaces[0]["bgpPeers"][0]["bgpStatus"]);
    Ok(found)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::{Observed, Resource};

    fn check(resource: Resource, states: &[&str], fails_at: Option<&str>) {
        let mut record = Observed::default();
        for state in states {
            if record.observe(resource, state, Timestamp::UNIX_EPOCH, 0.0).is_err() {
                return assert_eq!(Some(*state), fails_at, "{states:?}");
            }
        }
        assert_eq!(None, fails_at, "{states:?}");
    }

    #[test]
    fn states_come_in_order() {
        check(Resource::Connection, &["requested", "requested", "available", "deleted"], None);
        check(Resource::Connection, &["available", "requested"], Some("requested"));
        check(Resource::Interface, &["confirming", "available", "deleting", "deleted"], None);
        check(Resource::Interface, &["confirming", "rejected"], Some("rejected"));
        check(Resource::Interface, &["available", "down"], Some("down"));
        check(Resource::Bgp, &["down", "up", "up", "down"], None);
        check(Resource::Bgp, &["down", "up", "down", "up"], Some("up"));
    }
}
