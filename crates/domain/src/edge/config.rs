//! The configuration of an edge router, and what the router reports of it.
//!
//! [`project`] depends on nothing but the current records, so that a restart, a replay and a second server give the same
//! configuration. The types here are the feed's own form on the wire (JSON, camelCase); [`FORMAT`] is its version.

use std::collections::HashSet;
use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::bgp_peer::BgpPeer;
use crate::connection::Connection;
use crate::fault::Fault;
use crate::id::{BgpPeerId, ConnectionId, EdgeId, PortName, RoutingDomainId, VirtualInterfaceId};
use crate::net::{
    AddressFamily, Asn, AuthKey, GatewayAsn, Mtu, NextHop, PeerAddresses, Prefix, Vlan,
};
use crate::virtual_gateway::Gateway;
use crate::virtual_interface::{
    InterfaceReport, PeerReport, Phase, VirtualInterface, bounded_text,
};

pub use crate::virtual_interface::InterfaceKind;

/// The version of the form of [`EdgeConfig`] and [`EdgeStatus`]. Another number whenever a build with the form before would
/// misread them: an edge's agent and its server must have the same. 1 had `gateways`, and one BGP session an interface.
pub const FORMAT: u32 = 2;

/// What a message without a format has.
const fn format_before_numbers() -> u32 {
    1
}

/// The whole desired configuration of one edge router. Routing domains and interfaces are shared with the configurations
/// before and after it in which they are the same, so that what has changed is found without comparing the rest.
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
    /// The routing domains, a VRF each, in the order of their ids.
    pub routing_domains: Vec<Arc<RoutingDomainConfig>>,
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

/// A routing domain: what interfaces that may reach one another share. Of today's kinds of gateways each is one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RoutingDomainConfig {
    /// The id, which names the VRF device.
    pub routing_domain_id: RoutingDomainId,
    /// The API's id of what the domain serves, for people who look at the router; absent where it is the same text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alias: Option<String>,
    /// Our AS number.
    pub amazon_side_asn: GatewayAsn,
    /// The prefixes that are announced to customers.
    pub cidrs: Vec<Prefix>,
    /// Where these are reached from this router.
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
    /// What it leads to.
    pub kind: InterfaceKind,
    /// The port it is on.
    pub interface: PortName,
    /// Its VLAN there.
    pub vlan: Vlan,
    /// The MTU of the VLAN, in bytes.
    pub mtu: Mtu,
    /// The routing domain it is in.
    pub routing_domain_id: RoutingDomainId,
    /// The BGP peers on the VLAN.
    pub peers: PeerConfigs,
}

/// A BGP peer of an interface: the customer's router, as one address family sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerConfig {
    /// The peer; absent in a configuration that an edge has kept from the form before this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bgp_peer_id: Option<BgpPeerId>,
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

/// The BGP peers of an interface: none, one, or one of each address family, IPv4 first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<PeerConfig>")]
pub struct PeerConfigs(Vec<PeerConfig>);

impl PeerConfigs {
    /// The peer of a family.
    #[must_use]
    pub fn of(&self, family: AddressFamily) -> Option<&PeerConfig> {
        self.0.iter().find(|peer| peer.addresses.family() == family)
    }
}

impl Deref for PeerConfigs {
    type Target = [PeerConfig];

    fn deref(&self) -> &[PeerConfig] {
        &self.0
    }
}

/// Of two peers of one family, the first counts.
impl FromIterator<PeerConfig> for PeerConfigs {
    fn from_iter<I: IntoIterator<Item = PeerConfig>>(peers: I) -> Self {
        let mut peers: Vec<PeerConfig> = peers.into_iter().collect();
        peers.sort_by_key(|peer| peer.addresses.family());
        peers.dedup_by_key(|peer| peer.addresses.family());
        Self(peers)
    }
}

impl TryFrom<Vec<PeerConfig>> for PeerConfigs {
    type Error = Fault;

    /// # Errors
    /// When two are of one family.
    fn try_from(peers: Vec<PeerConfig>) -> Result<Self, Fault> {
        let given = peers.len();
        let peers: Self = peers.into_iter().collect();
        if peers.len() < given {
            return Err(Fault::field("peers", given, "has two peers of one address family"));
        }
        Ok(peers)
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

/// What an edge reports: the whole of it, each time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeStatus {
    /// The form of this report, [`FORMAT`].
    #[serde(default = "format_before_numbers")]
    pub format: u32,
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
    /// Each interface that is on the router or to be there.
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
            interface.error = interface.error.take().map(|text| bounded_text(&text));
            interface.peers.sort_by_key(|peer| peer.address_family);
            interface.peers.dedup_by_key(|peer| peer.address_family);
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
    /// Whether VLAN and VRF are in place, and of its peers, if it has any, at least one.
    pub programmed: bool,
    /// Why it is not programmed or a session not up, in the router's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The BGP peers whose addresses and session are in place, and those that are to go and have not gone yet.
    #[serde(default)]
    pub peers: Vec<PeerStatus>,
    /// What has passed since the router made it.
    #[serde(default)]
    pub traffic: Traffic,
}

impl InterfaceStatus {
    /// What of it decides about states.
    #[must_use]
    pub fn report(&self) -> InterfaceReport {
        let peers = self.peers.iter().map(|peer| PeerReport {
            family: peer.address_family,
            established: peer.state == SessionState::Established,
        });
        InterfaceReport {
            programmed: self.programmed,
            peers: peers.collect(),
            error: self.error.clone(),
        }
    }
}

/// A BGP session as the edge's daemon sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerStatus {
    /// The peer; absent where the edge does not know the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bgp_peer_id: Option<BgpPeerId>,
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
    let known: HashSet<RoutingDomainId> =
        gateways.iter().map(|g| RoutingDomainId::of_virtual_gateway(&g.id)).collect();
    let mut interfaces: Vec<Arc<InterfaceConfig>> = interfaces
        .iter()
        .filter(|i| i.edge == *edge)
        .filter_map(InterfaceConfig::of)
        .filter(|i| known.contains(&i.routing_domain_id))
        .map(Arc::new)
        .collect();
    interfaces.sort_by(|a, b| a.virtual_interface_id.cmp(&b.virtual_interface_id));
    let used: HashSet<&RoutingDomainId> = interfaces.iter().map(|i| &i.routing_domain_id).collect();
    let mut routing_domains: Vec<Arc<RoutingDomainConfig>> = gateways
        .iter()
        .map(|g| routing_domain(edge, g))
        .filter(|domain| used.contains(&domain.routing_domain_id))
        .map(Arc::new)
        .collect();
    routing_domains.sort_by(|a, b| a.routing_domain_id.cmp(&b.routing_domain_id));
    EdgeConfig { edge_id: edge.clone(), epoch, generation, ports, routing_domains, interfaces }
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
        let attachment =
            interface.attachment.as_ref().filter(|_| interface.phase == Phase::Accepted)?;
        let peers = interface.peers.iter().filter(|peer| peer.is_live());
        Some(Self {
            virtual_interface_id: interface.id.clone(),
            kind: interface.kind,
            interface: interface.port.clone(),
            vlan: interface.vlan,
            mtu: interface.mtu,
            routing_domain_id: attachment.routing_domain.clone(),
            peers: peers.map(PeerConfig::of).collect(),
        })
    }
}

impl PeerConfig {
    fn of(peer: &BgpPeer) -> Self {
        Self {
            bgp_peer_id: Some(peer.id.clone()),
            addresses: peer.addresses,
            asn: peer.asn,
            auth_key: peer.auth_key.clone(),
            session_resets: peer.session_resets,
        }
    }
}

fn routing_domain(edge: &EdgeId, gateway: &Gateway) -> RoutingDomainConfig {
    let handoffs = gateway.handoffs.iter().filter(|handoff| handoff.edge == *edge);
    RoutingDomainConfig {
        routing_domain_id: RoutingDomainId::of_virtual_gateway(&gateway.id),
        alias: None,
        amazon_side_asn: gateway.asn,
        cidrs: gateway.cidrs.clone(),
        handoffs: handoffs
            .map(|h| HandoffConfig { interface: h.interface.clone(), next_hop: h.next_hop })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_routing_domains_id_names_a_link() {
        for name in ["vgw-1a2b3c4d", "dxgw-0123456789", "public-0", "a-1"] {
            assert!(RoutingDomainId::parse(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "vgw",
            "vgw-",
            "-1a2b",
            "Vgw-1",
            "vgw-A",
            "vgw_1",
            "vgw-1-2",
            "v1-2",
            "vgw-1/2",
            "dxvif-ffaabbcc",
            "dxgw-01234567890",
            "eth0",
            "vgw-1.2",
        ] {
            assert!(RoutingDomainId::parse(name).is_err(), "{name}");
        }
    }

    #[test]
    fn an_interface_has_one_peer_of_a_family_at_most_ipv4_first() {
        let four = |host: u8| {
            json!({
                "addresses": { "amazon": format!("169.254.0.{host}/30"), "customer": format!("169.254.0.{}/30", host + 1) },
                "asn": 65_000, "authKey": "fjord-Secret-1",
            })
        };
        let six = json!({
            "addresses": { "amazon": "fd6c:696e:6b77::1/125", "customer": "fd6c:696e:6b77::2/125" },
            "asn": 65_000, "authKey": "fjord-Secret-2",
        });
        let read = |peers: serde_json::Value| serde_json::from_value::<PeerConfigs>(peers);
        let both = read(json!([six, four(1)])).expect("one of each");
        let families: Vec<_> = both.iter().map(|peer| peer.addresses.family()).collect();
        assert_eq!(families, [AddressFamily::Ipv4, AddressFamily::Ipv6]);
        assert!(read(json!([])).expect("none").is_empty());
        let error = read(json!([four(1), four(5)])).expect_err("two of one family").to_string();
        assert!(
            error.contains("two peers of one address family") && !error.contains("fjord"),
            "{error}"
        );
    }
}
