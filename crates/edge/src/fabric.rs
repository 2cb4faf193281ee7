//! Sessions with the cloud's fabric, as they are to be and as the daemon has them, whatever the daemon.
//!
//! A handoff may have a BGP session over which the fabric's router learns how customers are reached, so that a VPC finds a
//! customer through whichever edge has it. The session says too whether the VPC can be reached: without it the gateway's
//! prefixes are not announced to customers.

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
    let addresses = kernel.links.get(&interface).map(|link| &link.addresses);
    let mut own = addresses.into_iter().flatten().filter(|own| own.contains(&address));
    let Some(local) = own.next().map(ipnet::IpNet::addr) else {
        return Err(format!(
            "handoff {interface} has no address of a subnet with its fabric peer {address}"
        ));
    };
    if local == address {
        return Err(format!(
            "handoff {interface} itself has the address of its fabric peer, {address}"
        ));
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
        Some(seen) => error(interface.as_str(), peer.address, seen),
        None => Some(absent.map_or_else(
            || format!("handoff {interface}: the BGP daemon does not have the session with fabric peer {} yet", peer.address),
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
fn error(interface: &str, address: FabricAddress, seen: &FabricState) -> Option<String> {
    if seen.state == SessionState::Established {
        return None;
    }
    let why = seen.last_error.as_deref().map(|why| format!(": {why}")).unwrap_or_default();
    let meaning = match seen.reachable {
        true => "a restart of the router is waited for",
        false => "the gateway's prefixes of this family are not announced",
    };
    Some(format!(
        "handoff {interface}: session with fabric peer {address} is {}{why}; {meaning}",
        seen.state.as_str()
    ))
}
