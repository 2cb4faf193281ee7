//! The configuration of an edge router: the feed's own form on the wire (JSON, camelCase); [`FORMAT`] is its version.

use std::ops::Deref;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::fault::Fault;
use crate::id::{BgpPeerId, ConnectionId, EdgeId, PortName, RoutingDomainId, VirtualInterfaceId};
use crate::net::{
    AddressFamily, Asn, AuthKey, GatewayAsn, Mtu, NextHop, PeerAddresses, Prefix, RateLimit, Vlan,
};
use crate::time::Time;

pub use crate::virtual_gateway::FabricAddress;
pub use crate::virtual_interface::InterfaceKind;

/// The version of the form of [`EdgeConfig`] and [`EdgeStatus`](super::EdgeStatus). Another number whenever a build with the form before would
/// misread them: an edge's agent and its server must have the same. 1 had `gateways`, and one BGP session an interface; 2 knew
/// neither associations nor what can be chosen of an interface.
pub const FORMAT: u32 = 3;

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

/// A routing domain: the VRF of a gateway. A virtual gateway's, a transit gateway's and the public one have handoffs; a Direct
/// Connect gateway's has associations with such ones, and handoffs to the operator's backbone.
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
    /// Where these are reached from this router. Of a Direct Connect gateway's: where the customers are reached that other
    /// routers have on interfaces with SiteLink; there are some only where an interface here has it too.
    pub handoffs: Vec<HandoffConfig>,
    /// Of a Direct Connect gateway's: the routing domains that its customers reach, in the order of their ids. Each is in the
    /// configuration too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub associations: Vec<AssociationConfig>,
}

/// What the customers of a Direct Connect gateway reach in the routing domain of a gateway that is associated with it. Their
/// own prefixes are reached from there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssociationConfig {
    /// The associated gateway's routing domain.
    pub routing_domain_id: RoutingDomainId,
    /// The prefixes that are announced to the customers and reached by them over its handoffs: of a virtual gateway the VPC's
    /// prefixes inside the allowed ones, of a transit gateway the allowed ones themselves.
    pub prefixes: Vec<Prefix>,
}

/// A way from this router into the cloud's fabric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandoffConfig {
    /// The router's interface towards the fabric.
    pub interface: PortName,
    /// The next hop of the VPC's prefixes.
    pub next_hop: NextHop,
    /// The fabric's router to have a BGP session with; absent: none. This needs no other [`FORMAT`]: an agent that does not know
    /// the member goes on as it did without, by the carrier, and its report names no session, which the server shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fabric_peer: Option<FabricPeerConfig>,
}

/// The BGP peer of a handoff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FabricPeerConfig {
    /// Its address, on the link of the handoff.
    pub address: FabricAddress,
    /// Its AS number.
    pub asn: Asn,
    /// The session's key; absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_key: Option<AuthKey>,
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
    /// What passes each way at most; absent: what the port carries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// Whether its customers and those of the other interfaces of its routing domain that have this too reach one another.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub site_link: bool,
    /// Of a public interface: the prefixes that are accepted from the customer.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub route_filter_prefixes: Vec<Prefix>,
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
    /// A key that is to take its place; absent: none. An agent that does not know the member goes on with the other one until the server
    /// has made this the only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub new_key: Option<NewKeyConfig>,
    /// How often the operator has asked for the session to be started anew. An edge makes a new session of each number,
    /// which is what brings one back that was shut for too many prefixes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub session_resets: u32,
    /// How many prefixes the customer's router may announce; absent: as the edge's settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix_limit: Option<u16>,
    /// Until when the session is shut for a failover test, by the edge's clock; absent: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shut_until: Option<Time>,
    /// How far the session is drained; absent: it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<DrainStage>,
}

/// A key that is to take the place of a session's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewKeyConfig {
    /// The key.
    pub auth_key: AuthKey,
    /// From when on it is the only one, by the edge's clock.
    pub until: Time,
}

/// How far a session is drained (RFC 8326).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DrainStage {
    /// What is announced has the community `GRACEFUL_SHUTDOWN`, what is accepted the lowest preference.
    Graceful,
    /// Nothing is announced; what is accepted has the lowest preference.
    Withdrawn,
    /// The session is shut.
    Shut,
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
