//! The forms that earlier builds stored interfaces in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{
    Attachment, GatewayId, InterfaceKind, InterfaceReport, Options, PeerReport, Phase,
    VirtualInterface, VirtualInterfaceStatus,
};
use crate::bgp_peer::{BgpPeer, PeerPhase};
use crate::connection::Ended;
use crate::id::{
    AccountId, BgpPeerId, ConnectionId, EdgeId, LocationCode, PortName, RoutingDomainId,
    VirtualGatewayId, VirtualInterfaceId,
};
use crate::net::{Asn, AuthKey, GatewayAsn, Mtu, PeerAddresses, Vlan};
use crate::tag::{ResourceTags, TaggedResource, Tags};
use crate::time::Time;
use crate::version::{Migrated, Moved};

/// Version 2, and version 1 in JSON: one peer, with tags and what the edge said in the same record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the members are those of the records that it becomes")]
pub struct VirtualInterface2 {
    pub id: VirtualInterfaceId,
    pub name: String,
    pub lender: AccountId,
    pub owner: AccountId,
    pub connection: ConnectionId,
    pub location: LocationCode,
    pub edge: EdgeId,
    pub port: PortName,
    pub jumbo: bool,
    pub simulated: bool,
    pub vlan: Vlan,
    pub peer: BgpPeerId,
    pub asn: Asn,
    pub auth_key: AuthKey,
    pub addresses: PeerAddresses,
    pub mtu: Mtu,
    pub tags: BTreeMap<AccountId, Tags>,
    pub gateway: Option<AttachedGateway2>,
    pub phase: Phase,
    pub created: Time,
    pub expires: Option<Time>,
    pub ended: Option<Ended>,
    pub reported: Option<Reported2>,
    #[serde(default)]
    pub session_resets: u32,
}

/// The gateway that an interface leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the members are those of the records that it becomes")]
pub struct AttachedGateway2 {
    pub id: VirtualGatewayId,
    pub asn: GatewayAsn,
}

/// What an edge said of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs, reason = "the members are those of the records that it becomes")]
pub struct Reported2 {
    pub programmed: bool,
    pub bgp_up: bool,
    #[serde(default)]
    pub error: Option<String>,
}

/// Version 3: without what can be chosen of an interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the members are those of the record that it becomes")]
pub struct VirtualInterface3 {
    pub id: VirtualInterfaceId,
    pub name: String,
    pub kind: InterfaceKind,
    pub lender: AccountId,
    pub owner: AccountId,
    pub connection: ConnectionId,
    pub location: LocationCode,
    pub edge: EdgeId,
    pub port: PortName,
    pub jumbo: bool,
    pub simulated: bool,
    pub vlan: Vlan,
    pub mtu: Mtu,
    pub peers: Vec<BgpPeer3>,
    pub attachment: Option<Attachment>,
    pub phase: Phase,
    pub created: Time,
    pub expires: Option<Time>,
    pub ended: Option<Ended>,
}

/// A peer without a key that is to take the place of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[allow(missing_docs, reason = "the members are those of the peer that it becomes")]
pub struct BgpPeer3 {
    pub id: BgpPeerId,
    pub asn: Asn,
    pub auth_key: AuthKey,
    pub addresses: PeerAddresses,
    pub phase: PeerPhase,
    pub session_resets: u32,
}

impl From<BgpPeer3> for BgpPeer {
    fn from(peer: BgpPeer3) -> Self {
        let BgpPeer3 { id, asn, auth_key, addresses, phase, session_resets } = peer;
        Self { id, asn, auth_key, rotation: None, addresses, phase, session_resets }
    }
}

impl VirtualInterface3 {
    /// The interface, with nothing chosen.
    #[must_use]
    pub fn migrate(self) -> Migrated<VirtualInterface> {
        let Self { id, name, kind, lender, owner, connection, location, edge, port, .. } = self;
        let Self { jumbo, simulated, vlan, mtu, peers, attachment, phase, .. } = self;
        let Self { created, expires, ended, .. } = self;
        let options = Options::default();
        VirtualInterface {
            id,
            name,
            kind,
            lender,
            owner,
            connection,
            location,
            edge,
            port,
            jumbo,
            simulated,
            vlan,
            mtu,
            options,
            peers: peers.into_iter().map(BgpPeer::from).collect(),
            attachment,
            phase,
            created,
            expires,
            ended,
            test: None,
            moving: None,
        }
        .into()
    }
}

impl VirtualInterface2 {
    /// The interface, and the records that its tags and its status are.
    #[must_use]
    pub fn migrate(self) -> Migrated<VirtualInterface3> {
        let mut moved = Vec::new();
        for (account, tags) in self.tags.into_iter().filter(|(_, tags)| !tags.is_empty()) {
            let resource = TaggedResource::VirtualInterface(self.id.clone());
            moved.push(Moved::Tags(ResourceTags { resource, account, tags }));
        }
        if let Some(reported) = self.reported.filter(|_| self.phase == Phase::Accepted) {
            let Reported2 { programmed, bgp_up, error } = reported;
            let family = self.addresses.family();
            let peers = vec![PeerReport { family, established: bgp_up }];
            let report = InterfaceReport { programmed, peers, error };
            moved.push(Moved::Status(VirtualInterfaceStatus { id: self.id.clone(), report }));
        }
        let record = VirtualInterface3 {
            id: self.id,
            name: self.name,
            kind: InterfaceKind::Private,
            lender: self.lender,
            owner: self.owner,
            connection: self.connection,
            location: self.location,
            edge: self.edge,
            port: self.port,
            jumbo: self.jumbo,
            simulated: self.simulated,
            vlan: self.vlan,
            mtu: self.mtu,
            peers: vec![BgpPeer3 {
                id: self.peer,
                asn: self.asn,
                auth_key: self.auth_key,
                addresses: self.addresses,
                phase: PeerPhase::Live,
                session_resets: self.session_resets,
            }],
            attachment: self.gateway.map(|gateway| Attachment {
                routing_domain: RoutingDomainId::of_virtual_gateway(&gateway.id),
                gateway: GatewayId::Virtual(gateway.id),
                asn: gateway.asn,
            }),
            phase: self.phase,
            created: self.created,
            expires: self.expires,
            ended: self.ended,
        };
        Migrated { record, moved }
    }
}
