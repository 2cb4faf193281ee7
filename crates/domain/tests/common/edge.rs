//! An edge router that programs at once whatever it is given, and reports it.

use std::collections::{BTreeMap, BTreeSet};

use linkway_domain::Time;
use linkway_domain::access_key::Principal;
use linkway_domain::edge::report::{
    ReportAssociation, ReportConnection, ReportHead, ReportInterface, ReportSeen,
};
use linkway_domain::edge::{ConfigVersion, EdgeConfig, InterfaceConfig};
use linkway_domain::id::{
    AccessKeyId, AssociationId, BgpPeerId, ConnectionId, EdgeId, VirtualInterfaceId,
};
use linkway_domain::key;
use linkway_domain::virtual_interface::{InterfaceReport, PeerReport};

use super::command::Command;
use super::{Call, World};

/// A router.
#[derive(Clone, Debug)]
pub struct Router {
    pub id: EdgeId,
    /// What it has programmed; nothing before its first configuration.
    pub held: Option<EdgeConfig>,
    pub sequence: u64,
}

/// A report on its way.
#[derive(Clone, Debug)]
pub struct Report {
    pub edge: EdgeId,
    pub version: ConfigVersion,
    pub sequence: u64,
    /// Who signs it; none at all: the number is compared with every key's.
    pub access_key: Option<AccessKeyId>,
    pub ports: BTreeMap<ConnectionId, bool>,
    pub interfaces: BTreeMap<VirtualInterfaceId, InterfaceReport>,
    /// The peers that are up with the new keys of the configuration.
    pub new_keys: BTreeSet<BgpPeerId>,
}

impl Router {
    pub fn new(id: EdgeId) -> Self {
        Self { id, held: None, sequence: 0 }
    }

    /// Takes a configuration and makes it true; refuses one older than it has.
    pub fn take(&mut self, config: EdgeConfig) {
        if self.held.as_ref().is_none_or(|held| held.version() <= config.version()) {
            self.held = Some(config);
        }
    }

    /// What it would say now, with one link state for all ports and one for all sessions.
    pub fn report(&mut self, carrier: bool, bgp_up: bool) -> Option<Report> {
        let held = self.held.as_ref()?;
        self.sequence += 1;
        let peers = |config: &InterfaceConfig| {
            let families = config.peers.iter().map(|peer| peer.addresses.family());
            families.map(|family| PeerReport { family, established: bgp_up }).collect()
        };
        let report = |config: &InterfaceConfig| InterfaceReport {
            programmed: true,
            peers: peers(config),
            error: None,
        };
        Some(Report {
            edge: self.id.clone(),
            version: held.version(),
            sequence: self.sequence,
            access_key: None,
            ports: held.ports.iter().map(|p| (p.connection_id.clone(), carrier)).collect(),
            interfaces: held
                .interfaces
                .iter()
                .map(|i| (i.virtual_interface_id.clone(), report(i)))
                .collect(),
            // Now and then customers have changed their keys.
            new_keys: match bgp_up && self.sequence.is_multiple_of(3) {
                true => rotating(held).collect(),
                false => BTreeSet::new(),
            },
        })
    }
}

/// The peers for which a new key waits.
fn rotating(config: &EdgeConfig) -> impl Iterator<Item = BgpPeerId> {
    let peers = config.interfaces.iter().flat_map(|one| one.peers.iter());
    peers.filter(|peer| peer.new_key.is_some()).filter_map(|peer| peer.bgp_peer_id.clone())
}

impl Report {
    pub fn head(&self) -> ReportHead {
        ReportHead {
            edge: self.edge.clone(),
            version: self.version,
            sequence: self.sequence,
            access_key: self.access_key.clone(),
        }
    }

    /// One command that the edge was heard, and one for each item of the edge's indexes, reported or not.
    pub fn calls(&self, world: &World, now: Time) -> Vec<Call> {
        let head = self.head();
        let mut commands = Vec::new();
        for id in world.ids_in(&key::edge_connections(&self.edge)) {
            let connection: ConnectionId = id.parse().expect("an index's key");
            let carrier = self.ports.get(&connection).copied();
            let item = ReportConnection { head: head.clone(), connection, carrier };
            commands.push(Command::ReportConnection(item));
        }
        for id in world.ids_in(&key::edge_interfaces(&self.edge)) {
            let interface: VirtualInterfaceId = id.parse().expect("an index's key");
            let report = self.interfaces.get(&interface).cloned();
            let with_new_keys = self.new_keys.iter().cloned().collect();
            let head = head.clone();
            let item = ReportInterface { head, interface, report, with_new_keys };
            commands.push(Command::ReportInterface(item));
        }
        for id in world.ids_in(&key::edge_associations(&self.edge)) {
            let association: AssociationId = id.parse().expect("an index's key");
            let item = ReportAssociation { head: head.clone(), association };
            commands.push(Command::ReportAssociation(item));
        }
        commands.insert(0, Command::ReportSeen(ReportSeen { head, quiet: false }));
        let principal = Principal::Edge(self.edge.clone());
        commands
            .into_iter()
            .map(|command| Call { principal: principal.clone(), now, seed: 0, command })
            .collect()
    }
}
