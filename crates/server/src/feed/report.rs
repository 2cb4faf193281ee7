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
use linkway_domain::bgp_peer::BgpPeer;
use linkway_domain::connection::{Connection, ConnectionPhase};
use linkway_domain::decide::{Command as _, Context};
use linkway_domain::edge::give_up::{GiveUpPart, Part};
use linkway_domain::edge::report::{
    ReportAssociation, ReportConnection, ReportHead, ReportInterface, ReportSeen, is_plausible,
};
use linkway_domain::edge::{ConfigVersion, EdgeStatus, InterfaceStatus};
use linkway_domain::gateway_association::Association;
use linkway_domain::id::{
    AccessKeyId, AssociationId, BgpPeerId, ConnectionId, EdgeId, VirtualInterfaceId,
};
use linkway_domain::index::Index;
use linkway_domain::key::{self, Key};
use linkway_domain::record::Record;
use linkway_domain::seed::Seed;
use linkway_domain::view::View;
use linkway_domain::virtual_interface::{InterfaceReport, Phase, VirtualInterface};
use linkway_store::Versioned;
use tokio::task::JoinSet;

use super::Feed;
use super::held::Heard;
use crate::clock;
use crate::records::{Failure, Records};

/// How many keys are read at a time.
const CHUNK: usize = 100;

/// How many items of a report are committed at a time.
const AT_ONCE: usize = 64;

/// The most routing domains with handoffs that an edge has because of one interface: a Direct Connect gateway's own, and those
/// that it may be associated with.
const DOMAINS_OF_INTERFACE: usize = 61;

/// What this server remembers of an edge's reports, to leave out what is known. One report at a time has it.
#[derive(Default)]
pub(super) struct Memory {
    /// The number of the last report that was wholly taken here.
    last: Option<u64>,
    /// The access key that signed it.
    access_key: Option<AccessKeyId>,
    /// The number that the store had after it.
    stored: u64,
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
    versions: Versions,
    said: Said,
    connection: Option<ConnectionId>,
}

/// What a report says of one record.
#[derive(Clone, PartialEq, Eq)]
enum Said {
    Carrier(Option<bool>),
    /// The second: the peers that are up with their new keys.
    Interface(Option<InterfaceReport>, Vec<BgpPeerId>),
    /// Nothing but which configuration the edge has.
    Heard,
}

/// The versions of an item's records: what was decided, and for an interface what was last said of it.
type Versions = (u64, u64);

struct Item {
    key: Key,
    /// Where what was last said is kept, if that is a record of its own.
    status: Option<Key>,
    said: Said,
    change: Change,
}

/// What an item may change.
enum Change {
    Connection(ReportConnection),
    Interface(ReportInterface),
    Association(ReportAssociation),
    GivenUp(GiveUpPart),
}

impl Change {
    /// Whether it would write something. Whatever cannot be told from what was read would: what is to be written asks for
    /// the edge's last report, which was not read.
    fn would_write(&self, view: &View, context: &Context<'_>) -> bool {
        match self {
            Self::Connection(report) => report.decide(view, context).map(|d| d.writes),
            Self::Interface(report) => report.decide(view, context).map(|d| d.writes),
            Self::Association(report) => report.decide(view, context).map(|d| d.writes),
            Self::GivenUp(part) => part.decide(view, context).map(|d| d.writes),
        }
        .map_or(true, |writes| !writes.is_empty())
    }

    async fn carry_out(self, records: &Records, principal: &Principal) -> Result<(), Failure> {
        match self {
            Self::Connection(report) => records.run(principal, &report, None).await?,
            Self::Interface(report) => records.run(principal, &report, None).await?,
            Self::Association(report) => records.run(principal, &report, None).await?,
            Self::GivenUp(part) => {
                records.run(principal, &part, None).await?;
                return Ok(());
            }
        };
        Ok(())
    }
}

impl Memory {
    /// Forgets the last number where another key's numbers begin, and where the store's number has gone back: the operator has
    /// reset the edge, or made it anew.
    fn compare(&mut self, stored: u64, access_key: Option<&AccessKeyId>) {
        if stored < self.stored || self.access_key.as_ref() != access_key {
            self.last = None;
        }
    }

    fn in_order(&self, sequence: u64) -> Result<(), Fault> {
        match self.last.filter(|last| is_plausible(*last, clock::now())) {
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
    pub async fn report(
        &self,
        edge: &EdgeId,
        access_key: Option<&AccessKeyId>,
        mut status: EdgeStatus,
    ) -> Result<(), Failure> {
        let slot = self.slot(edge);
        // Whoever asked waits; what becomes of the rest of the report is another matter.
        slot.inquiries.answer(std::mem::take(&mut status.answers));
        let mut memory = slot.memory.lock().await;
        let head = ReportHead {
            edge: edge.clone(),
            version: status.version(),
            sequence: status.sequence,
            access_key: access_key.cloned(),
        };
        head.plausible(clock::now())?;
        let stored = self.seen(edge).await?.map_or(0, |seen| seen.sequence);
        memory.compare(stored, access_key);
        memory.in_order(status.sequence)?;
        let mut status = status.bounded();
        let items = self.items(&head, &mut status).await?;
        let (changes, settled, basis) = self.changes(&head, items, &memory).await?;
        let follows = memory.last.is_some_and(|last| last.checked_add(1) == Some(head.sequence));
        let quiet = changes.is_empty() && follows;
        let principal = Principal::Edge(edge.clone());
        let sequence = head.sequence;
        let seen = ReportSeen { head, quiet };
        let is_written = self.records.run(&principal, &seen, None).await?.changed;
        self.carry_out(&principal, changes).await?;
        let connections = connections(&settled);
        let stored = if is_written { sequence } else { stored };
        let access_key = access_key.cloned();
        *memory = Memory {
            last: Some(sequence),
            access_key: access_key.clone(),
            stored,
            basis: Some(basis),
            settled,
        };
        slot.hear(Heard { at: clock::now(), access_key, stored, status, connections });
        Ok(())
    }

    /// The records that an edge holds of which something is being deleted, and those that are accepted and no more.
    pub async fn held_by(&self, edge: &EdgeId) -> Result<(Vec<Part>, Vec<Part>), Failure> {
        let (connections, interfaces) = self.records_of(edge).await?;
        let deleting = connections.iter().filter(|it| it.phase == ConnectionPhase::Deleting);
        let mut ending: Vec<_> = deleting.map(|it| Part::Connection(it.id.clone())).collect();
        let mut accepted = Vec::new();
        for interface in interfaces {
            let leaves = matches!(interface.phase, Phase::Deleting | Phase::Moving);
            if leaves || !interface.peers.iter().all(BgpPeer::is_live) {
                ending.push(Part::Interface(interface.id));
            } else {
                accepted.push(Part::Status(interface.id));
            }
        }
        let leaving = self.records.all(&Index::<Association>::of_edge(edge)).await?;
        ending.extend(leaving.into_iter().map(|it| Part::Association(it.id)));
        Ok((ending, accepted))
    }

    /// Carries out what is no change by the operator, but follows from one: what an edge that is given up said of accepted
    /// interfaces is forgotten, in the store and here.
    pub async fn give_up(
        &self,
        edge: &EdgeId,
        principal: &Principal,
        parts: Vec<GiveUpPart>,
    ) -> Result<(), Failure> {
        self.carry_out(principal, parts.into_iter().map(Change::GivenUp).collect()).await?;
        self.forget(edge);
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
        for key in self.records.targets(&Index::<Connection>::of_edge(edge)).await? {
            let Ok(connection) = ConnectionId::parse(last_part(&key)) else { continue };
            let carrier = ports.remove(&connection);
            let report = ReportConnection { head: head.clone(), connection, carrier };
            let (said, change) = (Said::Carrier(carrier), Change::Connection(report));
            items.push(Item { key, status: None, said, change });
        }
        let strange_ports: HashSet<ConnectionId> = ports.into_keys().cloned().collect();
        let mut interfaces = by_id(&status.interfaces, |item| (&item.virtual_interface_id, item));
        for key in self.records.targets(&Index::<VirtualInterface>::of_edge(edge)).await? {
            let Ok(interface) = VirtualInterfaceId::parse(last_part(&key)) else { continue };
            let found = interfaces.remove(&interface);
            let with_new_keys = found.map(InterfaceStatus::with_new_keys).unwrap_or_default();
            let report = found.map(InterfaceStatus::report);
            let status = Some(key::interface_status(&interface));
            let said = Said::Interface(report.clone(), with_new_keys.clone());
            let head = head.clone();
            let change =
                Change::Interface(ReportInterface { head, interface, report, with_new_keys });
            items.push(Item { key, status, said, change });
        }
        for at in self.records.targets(&Index::<Association>::of_edge(edge)).await? {
            let Ok(association) = AssociationId::parse(last_part(&at)) else { continue };
            let key = key::edge_association(edge, &association);
            let change = Change::Association(ReportAssociation { head: head.clone(), association });
            items.push(Item { key, status: None, said: Said::Heard, change });
        }
        let strange: HashSet<VirtualInterfaceId> = interfaces.into_keys().cloned().collect();
        status.ports.retain(|port| !strange_ports.contains(&port.connection_id));
        status.interfaces.retain(|item| !strange.contains(&item.virtual_interface_id));
        // Each interface is in a routing domain that may reach others, each with a session of either family at most.
        status.fabric_sessions.truncate(2 * DOMAINS_OF_INTERFACE * status.interfaces.len());
        Ok(items)
    }

    /// What would write something, and what is settled without.
    async fn changes(
        &self,
        head: &ReportHead,
        items: Vec<Item>,
        memory: &Memory,
    ) -> Result<(Vec<Change>, HashMap<String, Settled>, Basis), Failure> {
        let mut keys = vec![key::edge_generation(&head.edge), key::epoch(head.version.epoch)];
        keys.extend(
            items.iter().flat_map(|item| {
                [Some(item.key.clone()), item.status.clone()].into_iter().flatten()
            }),
        );
        let mut found = self.raw(&keys).await?.into_iter();
        let mut next = || found.next().flatten();
        let version = |found: &Option<Versioned>| found.as_ref().map_or(0, |found| found.version);
        let basis =
            Basis { about: head.version, generation: version(&next()), epoch: version(&next()) };
        let known = (memory.basis == Some(basis)).then_some(&memory.settled);
        let (mut changes, mut settled) = (Vec::new(), HashMap::with_capacity(items.len()));
        for item in items {
            let found = (next(), item.status.as_ref().and_then(|_| next()));
            let versions = (version(&found.0), version(&found.1));
            let before = known.and_then(|known| known.get(item.key.as_str()));
            if let Some(before) = before.filter(|b| b.versions == versions && b.said == item.said) {
                let connection = before.connection.clone();
                let kept = Settled { versions, said: item.said, connection };
                settled.insert(item.key.into_string(), kept);
                continue;
            }
            let view = self.view(head, &item, basis, found)?;
            let connection = match view.get(&item.key) {
                Ok(Some(Record::VirtualInterface(interface))) => Some(interface.connection.clone()),
                Ok(_) | Err(_) => None,
            };
            let mut kept = Settled { versions, said: item.said.clone(), connection };
            let context = Context {
                principal: Principal::Edge(head.edge.clone()),
                now: clock::now(),
                seed: Seed::new([0; 32]),
                settings: self.records.settings(),
            };
            if item.change.would_write(&view, &context) {
                // Settled at a version that the record does not have yet: the next report looks again.
                kept.versions = (u64::MAX, u64::MAX);
                changes.push(item.change);
            }
            settled.insert(item.key.into_string(), kept);
        }
        Ok((changes, settled, basis))
    }

    /// What was read about an item.
    fn view(
        &self,
        head: &ReportHead,
        item: &Item,
        basis: Basis,
        (record, status): (Option<Versioned>, Option<Versioned>),
    ) -> Result<View, Failure> {
        let mut view = View::default();
        let mark = |version: u64| (version > 0).then_some(Record::Mark);
        view.load(key::edge_generation(&head.edge), basis.generation, mark(basis.generation));
        view.load(key::epoch(head.version.epoch), basis.epoch, mark(basis.epoch));
        for (key, found) in [(Some(&item.key), record), (item.status.as_ref(), status)] {
            let Some(key) = key else { continue };
            let version = found.as_ref().map_or(0, |found| found.version);
            let decoded = found.map(|found| self.records.decode(key.as_str(), &found));
            view.load(key.clone(), version, decoded.transpose()?);
        }
        Ok(view)
    }

    /// Several at a time, so that they share the store's syncs; they are about different records.
    async fn carry_out(&self, principal: &Principal, changes: Vec<Change>) -> Result<(), Failure> {
        let mut running = JoinSet::new();
        let mut changes = changes.into_iter();
        loop {
            while running.len() < AT_ONCE
                && let Some(change) = changes.next()
            {
                let (records, principal) = (Arc::clone(&self.records), principal.clone());
                running.spawn(async move { change.carry_out(&records, &principal).await });
            }
            match running.join_next().await {
                None => return Ok(()),
                Some(Ok(done)) => done?,
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

fn last_part(key: &Key) -> &str {
    key.as_str().rsplit('/').next().unwrap_or_default()
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
