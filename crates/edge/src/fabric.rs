//! Sessions with the cloud's fabric, as they are to be and as the daemon has them, whatever the daemon.
//!
//! A handoff may have a BGP session over which the fabric's router learns how customers are reached, so that a VPC finds a
//! customer through whichever edge has it. The session says too whether the VPC can be reached: without it the gateway's
//! prefixes are not announced to customers.
//!
//! The sessions of Direct Connect gateways with the operator's backbone are of these too: over them the routers of a gateway tell one
//! another of the customers that have SiteLink.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use linkway_domain::edge::{
    FabricAddress, FabricPeerConfig, FabricSessionStatus, HandoffConfig, RoutingDomainConfig,
    SessionState,
};
use linkway_domain::id::RoutingDomainId;
use linkway_domain::net::{AddressFamily, AuthKey};

use crate::kernel::Kernel;

/// Names a session: a routing domain has one handoff of each address family at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FabricSessionId {
    /// The routing domain whose handoff it is.
    pub routing_domain: RoutingDomainId,
    /// The family of its addresses and routes.
    pub family: AddressFamily,
}

impl FabricSessionId {
    /// Whether it is one with the operator's backbone.
    #[must_use]
    pub fn is_backbone(&self) -> bool {
        self.routing_domain.is_of_dx_gateway()
    }
}

/// What the operator calls the peer of a routing domain's handoff.
fn peer_word(domain: &RoutingDomainId) -> &'static str {
    if domain.is_of_dx_gateway() { "backbone peer" } else { "fabric peer" }
}

impl fmt::Display for FabricSessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.routing_domain, self.family.as_str())
    }
}

/// The session of a handoff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FabricSession {
    /// Whose it is.
    pub id: FabricSessionId,
    /// The handoff's interface, in the VRF of the routing domain.
    pub interface: String,
    /// Our address there.
    pub local: IpAddr,
    /// The fabric's router.
    pub address: IpAddr,
    /// Its AS number; the routing domain's own makes the session an internal one.
    pub asn: u32,
    /// The key (RFC 2385), if it has one.
    pub auth_key: Option<AuthKey>,
}

/// What the daemon says of a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FabricState {
    /// Where it is.
    pub state: SessionState,
    /// Whether the VPC counts as reached over it.
    pub reachable: bool,
    /// How many prefixes of the fabric's router are taken.
    pub prefixes_accepted: u32,
    /// How many of the customers' prefixes are announced to it.
    pub prefixes_advertised: u32,
    /// What last went wrong, in the daemon's words.
    pub last_error: Option<String>,
}

/// The states of sessions.
pub type FabricStates = BTreeMap<FabricSessionId, FabricState>;

/// The session of a routing domain's handoff, which is in its VRF; `None`: it is to have none.
///
/// # Errors
/// In words for the operator, where the handoff has no address from which the peer could be reached.
pub fn session(
    domain: &RoutingDomainConfig,
    handoff: &HandoffConfig,
    kernel: &Kernel,
) -> Result<Option<FabricSession>, String> {
    let Some(peer) = &handoff.fabric_peer else { return Ok(None) };
    let (interface, address) = (handoff.interface.to_string(), peer.address.address());
    let word = peer_word(&domain.routing_domain_id);
    let addresses = kernel.links.get(&interface).map(|link| &link.addresses);
    let mut own = addresses.into_iter().flatten().filter(|own| own.contains(&address));
    let Some(local) = own.next().map(ipnet::IpNet::addr) else {
        return Err(format!(
            "handoff {interface} has no address of a subnet with its {word} {address}"
        ));
    };
    if local == address {
        return Err(format!("handoff {interface} itself has the address of its {word}, {address}"));
    }
    Ok(Some(FabricSession {
        id: id(domain, peer),
        interface,
        local,
        address,
        asn: peer.asn.number(),
        auth_key: peer.auth_key.clone(),
    }))
}

fn id(domain: &RoutingDomainConfig, peer: &FabricPeerConfig) -> FabricSessionId {
    FabricSessionId {
        routing_domain: domain.routing_domain_id.clone(),
        family: peer.address.family(),
    }
}

/// What is reported of a handoff's session; `None`: it is to have none. `absent` is why the daemon cannot have it, if that is known.
#[must_use]
pub fn status(
    domain: &RoutingDomainConfig,
    handoff: &HandoffConfig,
    states: &FabricStates,
    absent: Option<&str>,
) -> Option<FabricSessionStatus> {
    let peer = handoff.fabric_peer.as_ref()?;
    let id = id(domain, peer);
    let interface = handoff.interface.clone();
    let seen = states.get(&id);
    let error = match seen {
        Some(seen) => error(&id, interface.as_str(), peer.address, seen),
        None => Some(absent.map_or_else(
            || {
                let word = peer_word(&id.routing_domain);
                let address = peer.address;
                format!("handoff {interface}: the BGP daemon does not have the session with {word} {address} yet")
            },
            str::to_owned,
        )),
    };
    Some(FabricSessionStatus {
        address_family: id.family,
        routing_domain_id: id.routing_domain,
        interface,
        address: peer.address,
        state: seen.map_or(SessionState::Idle, |seen| seen.state),
        reachable: seen.is_some_and(|seen| seen.reachable),
        prefixes_accepted: seen.map_or(0, |seen| seen.prefixes_accepted),
        prefixes_advertised: seen.map_or(0, |seen| seen.prefixes_advertised),
        error,
    })
}

/// What an operator is told of a session that is not up, and what it means for customers.
fn error(
    id: &FabricSessionId,
    interface: &str,
    address: FabricAddress,
    seen: &FabricState,
) -> Option<String> {
    if seen.state == SessionState::Established {
        return None;
    }
    let why = seen.last_error.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    let meaning = match (seen.reachable, id.is_backbone()) {
        (true, _) => "a restart of the router is waited for",
        (false, false) => "the gateway's prefixes of this family are not announced",
        (false, true) => "SiteLink reaches no customer of another router in this family",
    };
    let word = peer_word(&id.routing_domain);
    Some(format!(
        "handoff {interface}: session with {word} {address} is {}{why}; {meaning}",
        seen.state.as_str()
    ))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use linkway_domain::edge::{EdgeConfig, Traffic};
    use serde_json::{Value, json};

    use super::*;
    use crate::fence::Drops;
    use crate::kernel::{Link, LinkConf, LinkKind};
    use crate::mark::Marks;
    use crate::plan::Item;
    use crate::plan::desired::desired_state;
    use crate::plan::tables::TableSet;

    fn kernel(addresses: &[&str]) -> Kernel {
        let conf = LinkConf {
            forwarding: true,
            rp_filter: 1,
            send_redirects: false,
            accept_redirects: false,
            arp_ignore: 0,
            link_local: true,
            keep_addresses: true,
            lenient: false,
        };
        let link = Link {
            kind: LinkKind::Other,
            mtu: 1500,
            up: true,
            carrier: true,
            master: None,
            group: 0,
            alias: String::new(),
            conf,
            addresses: addresses.iter().map(|text| text.parse().expect("an address")).collect(),
            unrouted: BTreeSet::new(),
            fence: None,
            drops: Drops::default(),
            traffic: Traffic::default(),
        };
        Kernel { links: [("vpc0".to_owned(), link)].into(), ..Kernel::default() }
    }

    /// The sessions and what is announced of a gateway with prefixes of both families, and what is said to be wrong.
    fn desired(handoffs: Value, addresses: &[&str]) -> (Vec<String>, Vec<String>, Option<String>) {
        let config: EdgeConfig = serde_json::from_value(json!({
            "edgeId": "r1", "epoch": 1, "generation": 2, "ports": [], "interfaces": [],
            "routingDomains": [{
                "routingDomainId": "vgw-00000001", "amazonSideAsn": 64512,
                "cidrs": ["10.0.0.0/16", "2001:db8:1::/56"], "handoffs": handoffs,
            }],
        }))
        .expect("a configuration");
        let kernel = kernel(addresses);
        let desired = desired_state(&config, &kernel, &Marks::default(), &TableSet::default());
        let instance = &desired.instances[0];
        let sessions = instance
            .fabric
            .iter()
            .map(|one| format!("{} {} -> {} AS {}", one.id, one.local, one.address, one.asn));
        let announced = instance.announced.iter().map(|one| one.prefix.to_string());
        let item = Item::RoutingDomain(instance.id.clone());
        let problem = desired.problems.get(&item).map(|problem| problem.text.clone());
        (sessions.collect(), announced.collect(), problem)
    }

    #[test]
    fn a_session_needs_an_address_on_the_link_and_without_it_nothing_is_announced() {
        let handoff = |next_hop: &str, peer: Option<&str>| {
            let peer = peer.map(|address| json!({ "address": address, "asn": 65_010 }));
            match peer {
                Some(peer) => {
                    json!({ "interface": "vpc0", "nextHop": next_hop, "fabricPeer": peer })
                }
                None => json!({ "interface": "vpc0", "nextHop": next_hop }),
            }
        };
        let check = |handoffs: &[Value],
                     addresses: &[&str],
                     sessions: &[&str],
                     announced: &[&str],
                     problem| {
            let found = desired(json!(handoffs), addresses);
            let texts =
                |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
            let problem: Option<&str> = problem;
            let problem = problem.map(|text| format!("vgw-00000001: {text}"));
            assert_eq!(
                found,
                (texts(sessions), texts(announced), problem),
                "{handoffs:?} {addresses:?}"
            );
        };
        let (four, six) = ("192.0.2.1", "2001:db8:ff::1");
        let both = [handoff(four, Some(four)), handoff(six, Some(six))];
        let own = ["192.0.2.2/24", "198.51.100.1/24", "2001:db8:ff::2/64"];
        check(
            &both,
            &own,
            &[
                "vgw-00000001 ipv4 192.0.2.2 -> 192.0.2.1 AS 65010",
                "vgw-00000001 ipv6 2001:db8:ff::2 -> 2001:db8:ff::1 AS 65010",
            ],
            &["10.0.0.0/16", "2001:db8:1::/56"],
            None,
        );
        check(
            &[handoff(four, Some("198.51.100.7")), handoff(six, None)],
            &own,
            &["vgw-00000001 ipv4 198.51.100.1 -> 198.51.100.7 AS 65010"],
            &["10.0.0.0/16", "2001:db8:1::/56"],
            None,
        );
        check(
            &both,
            &own[1..],
            &["vgw-00000001 ipv6 2001:db8:ff::2 -> 2001:db8:ff::1 AS 65010"],
            &["2001:db8:1::/56"],
            Some("handoff vpc0 has no address of a subnet with its fabric peer 192.0.2.1"),
        );
        check(
            &[handoff(four, Some(four)), handoff(six, None)],
            &["192.0.2.1/24"],
            &[],
            &["2001:db8:1::/56"],
            Some("handoff vpc0 itself has the address of its fabric peer, 192.0.2.1"),
        );
    }
}
