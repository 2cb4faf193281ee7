//! Taking an edge's report in: what it changes is decided and committed item by item, and a report that changes nothing
//! costs a few reads.
//!
//! What makes it cheap must not make it wrong. An item is left out only if the same was said when the store's record had
//! the same version, under the same epoch and generation: another server's commit, a confirmation or a deletion gives the
//! record another version. What is not left out is decided on what was read, and whatever would be written is decided again
//! by [`Records::run`], on what it reads itself.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;
use std::sync::Arc;

use linkway_domain::Fault;
use linkway_domain::access_key::Principal;
use linkway_domain::decide::{
    Command, Context, ReportConnection, ReportHead, ReportInterface, ReportSeen, decide,
};
use linkway_domain::edge::{ConfigVersion, EdgeStatus};
use linkway_domain::id::{ConnectionId, EdgeId, VirtualInterfaceId};
use linkway_domain::key::{self, Key};
use linkway_domain::record::Record;
use linkway_domain::seed::Seed;
use linkway_domain::view::View;
use linkway_domain::virtual_interface::Reported;
use linkway_store::Versioned;
use tokio::task::JoinSet;

use super::held::Heard;
use super::{CHUNK, Feed};
use crate::clock;
use crate::records::Failure;

/// How many items of a report are committed at a time.
const AT_ONCE: usize = 64;

/// What this server remembers of an edge's reports, to leave out what is known. One report at a time has it.
#[derive(Default)]
pub(super) struct Memory {
    /// The number of the last report that was wholly taken here.
    last: Option<u64>,
    /// What the settled items were decided under.
    basis: Option<Basis>,
    /// Items of which the last report said nothing that the store did not have.
    settled: HashMap<String, Settled>,
}

/// What the decision about an item rests on besides the item and its record.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Basis {
    about: ConfigVersion,
    /// The versions of the edge's generation and of the report's epoch in the store.
    generation: u64,
    epoch: u64,
}

struct Settled {
    version: u64,
    said: Said,
    connection: Option<ConnectionId>,
}

/// What a report says of one record.
#[derive(Clone, PartialEq, Eq)]
enum Said {
    Carrier(Option<bool>),
    Interface(Option<Reported>),
}

struct Item {
    key: Key,
    said: Said,
    command: Command,
}

impl Memory {
    fn in_order(&self, sequence: u64) -> Result<(), Fault> {
        match self.last {
            Some(known) if sequence <= known => {
                let rule = format!("is not newer than the last report's, {known}");
                Err(Fault::field("sequence", sequence, rule))
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Feed {
    /// Takes an edge's report in. A refusal leaves nothing behind; a failure may leave a part, which the next report
    /// completes.
    pub async fn report(&self, edge: &EdgeId, status: EdgeStatus) -> Result<(), Failure> {
        let slot = self.slot(edge);
        let mut memory = slot.memory.lock().await;
        memory.in_order(status.sequence)?;
        let mut status = status.bounded();
        let head =
            ReportHead { edge: edge.clone(), version: status.version(), sequence: status.sequence };
        let items = self.items(&head, &mut status).await?;
        let (changes, settled, basis) = self.changes(&head, items, &memory).await?;
        let follows = memory.last.is_some_and(|last| last.checked_add(1) == Some(head.sequence));
        let quiet = changes.is_empty() && follows;
        let principal = Principal::Edge(edge.clone());
        let sequence = head.sequence;
        let seen = Command::ReportSeen(ReportSeen { head, quiet });
        self.records.run(&principal, &seen, None).await?;
        self.carry_out(&principal, changes).await?;
        let connections = connections(&settled);
        *memory = Memory { last: Some(sequence), basis: Some(basis), settled };
        slot.hear(Heard { at: clock::now(), status, connections });
        Ok(())
    }

    /// One item for each record that the edge's indexes name, reported or not; drops from the report what they do not name.
    async fn items(
        &self,
        head: &ReportHead,
        status: &mut EdgeStatus,
    ) -> Result<Vec<Item>, Failure> {
        let edge = &head.edge;
        let mut items = Vec::new();
        let mut ports = by_id(&status.ports, |port| (&port.connection_id, port.carrier));
        for id in self.ids(&key::edge_connections(edge)).await? {
            let Ok(connection) = ConnectionId::parse(&id) else { continue };
            let carrier = ports.remove(&connection);
            let key = key::connection(&connection);
            let report = ReportConnection { head: head.clone(), connection, carrier };
            let command = Command::ReportConnection(report);
            items.push(Item { key, said: Said::Carrier(carrier), command });
        }
        let strange_ports: HashSet<ConnectionId> = ports.into_keys().cloned().collect();
        let mut interfaces =
            by_id(&status.interfaces, |item| (&item.virtual_interface_id, item.reported()));
        for id in self.ids(&key::edge_interfaces(edge)).await? {
            let Ok(interface) = VirtualInterfaceId::parse(&id) else { continue };
            let reported = interfaces.remove(&interface);
            let key = key::interface(&interface);
            let said = Said::Interface(reported.clone());
            let report = ReportInterface { head: head.clone(), interface, reported };
            items.push(Item { key, said, command: Command::ReportInterface(report) });
        }
        let strange: HashSet<VirtualInterfaceId> = interfaces.into_keys().cloned().collect();
        status.ports.retain(|port| !strange_ports.contains(&port.connection_id));
        status.interfaces.retain(|item| !strange.contains(&item.virtual_interface_id));
        Ok(items)
    }

    /// The commands that would write something, and what is settled without.
    async fn changes(
        &self,
        head: &ReportHead,
        items: Vec<Item>,
        memory: &Memory,
    ) -> Result<(Vec<Command>, HashMap<String, Settled>, Basis), Failure> {
        let mut keys = vec![key::edge_generation(&head.edge), key::epoch(head.version.epoch)];
        keys.extend(items.iter().map(|item| item.key.clone()));
        let mut found = self.raw(&keys).await?.into_iter();
        let mut mark = || found.next().flatten().map_or(0, |found| found.version);
        let basis = Basis { about: head.version, generation: mark(), epoch: mark() };
        let known = (memory.basis == Some(basis)).then_some(&memory.settled);
        let (mut commands, mut settled) = (Vec::new(), HashMap::with_capacity(items.len()));
        for (item, found) in items.into_iter().zip(found) {
            let version = found.as_ref().map_or(0, |found| found.version);
            let before = known.and_then(|known| known.get(item.key.as_str()));
            if let Some(before) = before.filter(|b| b.version == version && b.said == item.said) {
                let kept =
                    Settled { version, said: item.said, connection: before.connection.clone() };
                settled.insert(item.key.into_string(), kept);
                continue;
            }
            let record = match &found {
                Some(found) => Some(self.records.decode(item.key.as_str(), found)?),
                None => None,
            };
            let connection = match &record {
                Some(Record::VirtualInterface(interface)) => Some(interface.connection.clone()),
                _ => None,
            };
            let mut kept = Settled { version, said: item.said.clone(), connection };
            if self.would_change(head, &item, basis, (version, record)) {
                // Settled at a version that the record does not have yet: the next report looks again.
                kept.version = u64::MAX;
                commands.push(item.command);
            }
            settled.insert(item.key.into_string(), kept);
        }
        Ok((commands, settled, basis))
    }

    /// Whether a command would write something. Whatever cannot be told from what was read would.
    fn would_change(
        &self,
        head: &ReportHead,
        item: &Item,
        basis: Basis,
        (version, record): (u64, Option<Record>),
    ) -> bool {
        let mut view = View::default();
        let mark = |version: u64| (version > 0).then_some(Record::Mark);
        view.load(key::edge_generation(&head.edge), basis.generation, mark(basis.generation));
        view.load(key::epoch(head.version.epoch), basis.epoch, mark(basis.epoch));
        view.load(item.key.clone(), version, record);
        let context = Context {
            principal: Principal::Edge(head.edge.clone()),
            now: clock::now(),
            seed: Seed::new([0; 32]),
            settings: self.records.settings(),
        };
        match decide(&view, &item.command, &context) {
            Ok(decision) => !decision.writes.is_empty(),
            // What is to be written asks for the edge's last report, which was not read.
            Err(_) => true,
        }
    }

    /// Several at a time, so that they share the store's syncs; they are about different records.
    async fn carry_out(&self, principal: &Principal, changes: Vec<Command>) -> Result<(), Failure> {
        let mut running = JoinSet::new();
        let mut changes = changes.into_iter();
        loop {
            while running.len() < AT_ONCE
                && let Some(command) = changes.next()
            {
                let (records, principal) = (Arc::clone(&self.records), principal.clone());
                running.spawn(async move { records.run(&principal, &command, None).await });
            }
            match running.join_next().await {
                None => return Ok(()),
                Some(Ok(decided)) => drop(decided?),
                Some(Err(error)) => return Err(Failure::Refused(error.to_string())),
            }
        }
    }

    async fn raw(&self, keys: &[Key]) -> Result<Vec<Option<Versioned>>, Failure> {
        let mut found = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(CHUNK) {
            let texts: Vec<&str> = chunk.iter().map(Key::as_str).collect();
            found.extend(self.records.store().get_many(&texts).await?.records);
        }
        Ok(found)
    }
}

fn by_id<'a, T, K: Eq + Hash, V>(items: &'a [T], entry: impl Fn(&'a T) -> (K, V)) -> HashMap<K, V> {
    items.iter().map(entry).collect()
}

/// The connection of each interface.
fn connections(settled: &HashMap<String, Settled>) -> HashMap<VirtualInterfaceId, ConnectionId> {
    let named = settled.iter().filter_map(|(key, settled)| {
        let id = VirtualInterfaceId::parse(key.rsplit('/').next()?).ok()?;
        Some((id, settled.connection.clone()?))
    });
    named.collect()
}
