//! What an edge router must make true, and what it says of it.
//!
//! [`project`] depends on nothing but the current records, so that a restart, a replay and a second server give the same
//! configuration. The types here are the feed's own form on the wire (JSON, camelCase).

use std::collections::HashSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::connection::Connection;
use crate::id::{ConnectionId, EdgeId, PortName, VirtualGatewayId, VirtualInterfaceId};
use crate::net::{
    AddressFamily, Asn, AuthKey, GatewayAsn, Mtu, NextHop, PeerAddresses, Prefix, Vlan,
};
use crate::virtual_gateway::Gateway;
use crate::virtual_interface::{Phase, VirtualInterface, bounded_text};

/// The whole desired configuration of one edge router. Gateways and interfaces are shared with the configurations before and
/// after it in which they are the same, so that what has changed is found without comparing the rest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeConfig {
    /// Which router.
    pub edge_id: EdgeId,
    /// Which life of the store the generation belongs to: a store that was restored from a copy counts anew under a later
    /// epoch (milliseconds of its first start, Unix time).
    #[serde(default)]
    pub epoch: u64,
    /// The version of this configuration within the epoch; an edge refuses one older than it has.
    pub generation: u64,
    /// The ports in use, by connection.
    pub ports: Vec<PortConfig>,
    /// The gateways, a VRF each, in the order of their ids.
    pub gateways: Vec<Arc<GatewayConfig>>,
    /// The interfaces, in the order of their ids.
    pub interfaces: Vec<Arc<InterfaceConfig>>,
}

/// Which configuration, in the order in which an edge must take them: a later epoch first, then a later generation. The
/// default is that of an edge that has none.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "camelCase")]
pub struct ConfigVersion {
    /// Which life of the store the generation belongs to.
    #[serde(default)]
    pub epoch: u64,
    /// The version within the epoch.
    #[serde(default)]
    pub generation: u64,
}

impl EdgeConfig {
    /// Which configuration this is.
    #[must_use]
    pub const fn version(&self) -> ConfigVersion {
        ConfigVersion { epoch: self.epoch, generation: self.generation }
    }
}

/// A port in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortConfig {
    /// The router's interface.
    pub interface: PortName,
    /// The connection that has it.
    pub connection_id: ConnectionId,
}

/// A gateway with an interface on this router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GatewayConfig {
    /// The gateway.
    pub virtual_gateway_id: VirtualGatewayId,
    /// Our AS number.
    pub amazon_side_asn: GatewayAsn,
    /// What is announced.
    pub cidrs: Vec<Prefix>,
    /// Where the VPC is reached from this router.
    pub handoffs: Vec<HandoffConfig>,
}

/// A way from this router into the cloud's fabric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandoffConfig {
    /// The router's interface towards the fabric.
    pub interface: PortName,
    /// The next hop of the VPC's prefixes.
    pub next_hop: NextHop,
}

/// An accepted interface.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceConfig {
    /// The interface.
    pub virtual_interface_id: VirtualInterfaceId,
    /// The port it is on.
    pub interface: PortName,
    /// Its VLAN there.
    pub vlan: Vlan,
    /// Its MTU.
    pub mtu: Mtu,
    /// The gateway it leads to.
    pub virtual_gateway_id: VirtualGatewayId,
    /// The session's addresses.
    pub addresses: PeerAddresses,
    /// The customer's AS number.
    pub asn: Asn,
    /// The session's key.
    pub auth_key: AuthKey,
    /// How often the operator has asked for the session to be started anew. An edge makes a new session of each number,
    /// which is what brings one back that was shut for too many prefixes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub session_resets: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What an edge says: the whole of it, each time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeStatus {
    /// The epoch of the configuration that this is about.
    #[serde(default)]
    pub epoch: u64,
    /// The generation of the configuration that this is about.
    pub generation: u64,
    /// The report's number: higher than in every earlier report of this edge. The first report of a run takes the
    /// edge's clock in milliseconds (or one more than the last number that the server knows, if that is higher), and each
    /// one that is *sent* after it, answered or not, takes the next number: so a server sees that nothing went past it.
    pub sequence: u64,
    /// Each port of the configuration.
    pub ports: Vec<PortStatus>,
    /// Each interface that is, or shall be, on the router.
    pub interfaces: Vec<InterfaceStatus>,
}

impl EdgeStatus {
    /// Which configuration this is about.
    #[must_use]
    pub const fn version(&self) -> ConfigVersion {
        ConfigVersion { epoch: self.epoch, generation: self.generation }
    }

    /// With texts of bounded length and without control characters, which end up in terminals, and with each thing at
    /// most once: of a port, an interface or an address family that is named twice, the first counts.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.ports.sort_by(|a, b| a.connection_id.cmp(&b.connection_id));
        self.ports.dedup_by(|b, a| a.connection_id == b.connection_id);
        self.interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
        self.interfaces.dedup_by(|b, a| a.virtual_interface_id == b.virtual_interface_id);
        for port in &mut self.ports {
            port.error = port.error.take().map(|text| bounded_text(&text));
        }
        for interface in &mut self.interfaces {
            interface.reported.error =
                interface.reported.error.take().map(|text| bounded_text(&text));
            interface.peers.sort_by_key(|peer| peer.address_family.as_str());
            interface.peers.dedup_by_key(|peer| peer.address_family.as_str());
            for peer in &mut interface.peers {
                peer.last_error = peer.last_error.take().map(|text| bounded_text(&text));
            }
        }
        self
    }
}

/// A port as the edge sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PortStatus {
    /// The connection.
    pub connection_id: ConnectionId,
    /// Whether the link is up.
    pub carrier: bool,
    /// What the port's counters say, all VLANs together.
    #[serde(default)]
    pub traffic: Traffic,
    /// Why the port cannot be used, in the router's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An interface as the edge sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct InterfaceStatus {
    /// The interface.
    pub virtual_interface_id: VirtualInterfaceId,
    /// What there is of it.
    #[serde(flatten)]
    pub reported: Reported,
    /// Its BGP sessions; none while it is not programmed.
    #[serde(default)]
    pub peers: Vec<PeerStatus>,
    /// What has passed since the router made it.
    #[serde(default)]
    pub traffic: Traffic,
}

/// What an edge says of an interface: a part of the feed's own form, hence camelCase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reported {
    /// Whether VLAN, VRF, addresses and session are in place.
    pub programmed: bool,
    /// Whether the BGP session is established.
    pub bgp_up: bool,
    /// Why it is not programmed or not up, in the router's words.
    #[serde(default)]
    pub error: Option<String>,
}

/// A BGP session as the edge's daemon sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerStatus {
    /// The family of its addresses and routes.
    pub address_family: AddressFamily,
    /// Where the session is.
    pub state: SessionState,
    /// How many prefixes the customer's router announces and the import rules let in.
    #[serde(default)]
    pub prefixes_accepted: u32,
    /// How many prefixes the customer's router announces that the import rules turn away.
    #[serde(default)]
    pub prefixes_rejected: u32,
    /// How many prefixes are announced to the customer's router.
    #[serde(default)]
    pub prefixes_advertised: u32,
    /// What last went wrong, in the daemon's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

/// The state of a BGP session (RFC 4271, section 8.2.2), and what an edge adds to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SessionState {
    /// Not trying: the daemon does not have it, or not yet.
    Idle,
    /// Trying to reach the customer's router.
    Connect,
    /// Waiting for the customer's router.
    Active,
    /// Connected, the opening message is sent.
    OpenSent,
    /// The opening messages agree.
    OpenConfirm,
    /// Up.
    Established,
    /// Shut for too many prefixes until the operator resets it.
    PrefixLimit,
}

impl SessionState {
    /// As it is written.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Connect => "connect",
            Self::Active => "active",
            Self::OpenSent => "openSent",
            Self::OpenConfirm => "openConfirm",
            Self::Established => "established",
            Self::PrefixLimit => "prefixLimit",
        }
    }
}

/// Packets and bytes; *in* is from the customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Traffic {
    /// Packets from the customer.
    pub packets_in: u64,
    /// Bytes from the customer.
    pub bytes_in: u64,
    /// Packets to the customer.
    pub packets_out: u64,
    /// Bytes to the customer.
    pub bytes_out: u64,
    /// Packets that the interface could not take or give, both ways.
    #[serde(default)]
    pub errors: u64,
}

/// The configuration of an edge, from the records that its indexes name. `connections` and `interfaces` may hold more than
/// belongs there: what is not to be on the router, or lacks its gateway, is left out. The order of the arguments' items
/// does not matter.
#[must_use]
pub fn project(
    edge: &EdgeId,
    (epoch, generation): (u64, u64),
    connections: &[Connection],
    interfaces: &[VirtualInterface],
    gateways: &[Gateway],
) -> EdgeConfig {
    let here = |c: &&Connection| c.port.as_ref().is_some_and(|port| port.edge == *edge);
    let mut ports: Vec<PortConfig> =
        connections.iter().filter(here).filter_map(PortConfig::of).collect();
    ports.sort_by(|a, b| a.interface.cmp(&b.interface));
    let known: HashSet<&VirtualGatewayId> = gateways.iter().map(|g| &g.id).collect();
    let mut interfaces: Vec<Arc<InterfaceConfig>> = interfaces
        .iter()
        .filter(|i| i.edge == *edge)
        .filter_map(InterfaceConfig::of)
        .filter(|i| known.contains(&i.virtual_gateway_id))
        .map(Arc::new)
        .collect();
    interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
    let used: HashSet<&VirtualGatewayId> =
        interfaces.iter().map(|i| &i.virtual_gateway_id).collect();
    let mut gateways: Vec<Arc<GatewayConfig>> = gateways
        .iter()
        .filter(|g| used.contains(&g.id))
        .map(|g| Arc::new(gateway(edge, g)))
        .collect();
    gateways.sort_by(|a, b| a.virtual_gateway_id.cmp(&b.virtual_gateway_id));
    EdgeConfig { edge_id: edge.clone(), epoch, generation, ports, gateways, interfaces }
}

impl PortConfig {
    /// What a connection puts on the router that has its port; `None` if nothing.
    #[must_use]
    pub fn of(connection: &Connection) -> Option<Self> {
        let port = connection.port.as_ref().filter(|_| connection.phase.is_on_edge())?;
        Some(Self { interface: port.name.clone(), connection_id: connection.id.clone() })
    }
}

impl InterfaceConfig {
    /// What an interface puts on its router; `None` unless it was accepted.
    #[must_use]
    pub fn of(interface: &VirtualInterface) -> Option<Self> {
        if interface.phase != Phase::Accepted {
            return None;
        }
        let attachment = interface.attachment.as_ref()?;
        let peer = interface.peers.iter().find(|peer| peer.is_live())?;
        Some(Self {
            virtual_interface_id: interface.id.clone(),
            interface: interface.port.clone(),
            vlan: interface.vlan,
            mtu: interface.mtu,
            virtual_gateway_id: attachment.gateway.virtual_gateway()?.clone(),
            addresses: peer.addresses,
            asn: peer.asn,
            auth_key: peer.auth_key.clone(),
            session_resets: peer.session_resets,
        })
    }
}

fn gateway(edge: &EdgeId, gateway: &Gateway) -> GatewayConfig {
    let handoffs = gateway.handoffs.iter().filter(|handoff| handoff.edge == *edge);
    GatewayConfig {
        virtual_gateway_id: gateway.id.clone(),
        amazon_side_asn: gateway.asn,
        cidrs: gateway.cidrs.clone(),
        handoffs: handoffs
            .map(|h| HandoffConfig { interface: h.interface.clone(), next_hop: h.next_hop })
            .collect(),
    }
}
