//! What an edge router reports: the feed's own form on the wire (JSON, camelCase).

use serde::{Deserialize, Serialize};

use super::config::{ConfigVersion, FabricAddress};
use super::inquiry::InquiryAnswer;
use crate::id::{BgpPeerId, ConnectionId, PortName, RoutingDomainId, VirtualInterfaceId};
use crate::net::AddressFamily;
use crate::virtual_interface::{InterfaceReport, PeerReport, bounded_text};

/// What a message without a format has.
const fn format_before_numbers() -> u32 {
    1
}

/// What an edge reports: the whole of it, each time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeStatus {
    /// The form of this report, [`FORMAT`](super::FORMAT).
    #[serde(default = "format_before_numbers")]
    pub format: u32,
    /// The epoch of the configuration that this is about.
    #[serde(default)]
    pub epoch: u64,
    /// The generation of the configuration that this is about.
    pub generation: u64,
    /// The report's number: higher than in every earlier report of this edge. The first report of a run takes the
    /// edge's clock in milliseconds (or one more than the last number that the server knows, if that is higher), and each
    /// one that is *sent* after it, answered or not, takes the next number: so a server sees that nothing went past it. One that is further
    /// beyond the clock than [`SEQUENCE_AHEAD`](super::report::SEQUENCE_AHEAD) is refused, and the agent counts from its clock again.
    pub sequence: u64,
    /// Each port of the configuration.
    pub ports: Vec<PortStatus>,
    /// Each interface that is on the router or to be there.
    pub interfaces: Vec<InterfaceStatus>,
    /// Each session with the fabric that the configuration has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fabric_sessions: Vec<FabricSessionStatus>,
    /// What was found to inquiries since the last report.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<InquiryAnswer>,
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
        let place = |one: &FabricSessionStatus| (one.routing_domain_id.clone(), one.address_family);
        self.fabric_sessions.sort_by_key(place);
        self.fabric_sessions.dedup_by_key(|one| place(one));
        for session in &mut self.fabric_sessions {
            session.error = session.error.take().map(|text| bounded_text(&text));
        }
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
    /// What its rate limit has dropped since it was set; absent: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policed: Option<Policed>,
}

/// Packets that a rate limit has dropped; *in* is from the customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policed {
    /// Packets from the customer.
    pub packets_in: u64,
    /// Packets to the customer.
    pub packets_out: u64,
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

    /// The peers whose sessions are up with the new key of their configuration.
    #[must_use]
    pub fn with_new_keys(&self) -> Vec<BgpPeerId> {
        let is_up = |peer: &&PeerStatus| peer.state == SessionState::Established;
        let peers = self.peers.iter().filter(|peer| peer.has_new_key).filter(is_up);
        peers.filter_map(|peer| peer.bgp_peer_id.clone()).collect()
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
    /// Whether it has the new key that its configuration has beside the other one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_new_key: bool,
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

/// The BGP session of a handoff as the edge's daemon sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FabricSessionStatus {
    /// The routing domain whose handoff it is.
    pub routing_domain_id: RoutingDomainId,
    /// The family of its addresses and routes: a routing domain has one handoff of each on an edge.
    pub address_family: AddressFamily,
    /// The handoff's interface.
    pub interface: PortName,
    /// The fabric's router.
    pub address: FabricAddress,
    /// Where the session is.
    pub state: SessionState,
    /// Whether the VPC counts as reached over it, so that its prefixes are announced to customers: the session is
    /// established, or a graceful restart of the fabric's router is waited for.
    pub reachable: bool,
    /// How many prefixes of the fabric's router are taken.
    #[serde(default)]
    pub prefixes_accepted: u32,
    /// How many of the customers' prefixes are announced to it.
    #[serde(default)]
    pub prefixes_advertised: u32,
    /// Why the session is not up, in the daemon's or the agent's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
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
