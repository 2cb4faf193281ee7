//! What the agent reports of its router: the whole of it, each time.

use std::collections::BTreeSet;

use linkway_domain::edge::{
    EdgeConfig, EdgeStatus, FORMAT, InterfaceConfig, InterfaceStatus, PeerConfig, PeerStatus,
    PortConfig, PortStatus, SessionState,
};
use linkway_domain::id::VirtualInterfaceId;
use linkway_domain::net::AddressFamily;

use super::Last;
use crate::kernel::{Kernel, Link};
use crate::mark::Marks;
use crate::plan::Item;
use crate::session::SessionId;

/// The report about a configuration, from what was last seen. `sequence` is higher in each than in the one before.
///
/// `None` while the kernel cannot be seen: "it is gone" must never be said of what may be there.
#[must_use]
pub fn report(
    config: &EdgeConfig,
    last: &Last,
    marks: &Marks,
    sequence: u64,
) -> Option<EdgeStatus> {
    if !last.seen {
        return None;
    }
    let mut interfaces: Vec<InterfaceStatus> =
        config.interfaces.iter().map(|wanted| interface(wanted, last, marks)).collect();
    interfaces.extend(leftovers(config, &last.kernel, marks));
    Some(EdgeStatus {
        format: FORMAT,
        epoch: config.epoch,
        generation: config.generation,
        sequence,
        ports: config.ports.iter().map(|wanted| port(wanted, &last.kernel)).collect(),
        interfaces,
    })
}

fn port(wanted: &PortConfig, kernel: &Kernel) -> PortStatus {
    let name = wanted.interface.as_str();
    let link = kernel.links.get(name);
    let error = match link {
        None => Some(format!("port {name} does not exist on this router")),
        Some(link) if !link.up => Some(format!("port {name} is administratively down")),
        Some(_) => None,
    };
    PortStatus {
        connection_id: wanted.connection_id.clone(),
        carrier: link.is_some_and(|link| link.carrier),
        traffic: link.map(|link| link.traffic).unwrap_or_default(),
        error,
    }
}

fn interface(wanted: &InterfaceConfig, last: &Last, marks: &Marks) -> InterfaceStatus {
    let id = &wanted.virtual_interface_id;
    let link = own_link(id, &last.kernel, marks);
    let own = last.problems.get(&Item::Interface(id.clone()));
    let domain = last.problems.get(&Item::RoutingDomain(wanted.routing_domain_id.clone()));
    let there = link.filter(|_| !own.is_some_and(|own| own.absent));
    let peers: Vec<PeerStatus> = [AddressFamily::Ipv4, AddressFamily::Ipv6]
        .into_iter()
        .filter_map(|family| {
            let session = SessionId { interface: id.clone(), family };
            peer(wanted.peers.of(family), &session, there, last)
        })
        .collect();
    let programmed = there.is_some()
        && (wanted.peers.is_empty()
            || peers.iter().any(|peer| wanted.peers.of(peer.address_family).is_some()));
    let error = own
        .or(domain)
        .map(|problem| problem.text.clone())
        .or_else(|| last.daemon_error.clone())
        .or_else(|| session_errors(wanted, last));
    InterfaceStatus {
        virtual_interface_id: id.clone(),
        programmed,
        error,
        peers,
        traffic: link.map(|link| link.traffic).unwrap_or_default(),
    }
}

/// A peer that is in place, or is to go and has not gone yet; `wanted` is the one that is to be.
fn peer(
    wanted: Option<&PeerConfig>,
    session: &SessionId,
    link: Option<&Link>,
    last: &Last,
) -> Option<PeerStatus> {
    let status = last.daemon.peers.get(session);
    match wanted {
        Some(wanted) => {
            let complete = link?.addresses.contains(&wanted.addresses.amazon());
            let status = status.filter(|_| complete)?.clone();
            Some(PeerStatus { bgp_peer_id: wanted.bgp_peer_id.clone(), ..status })
        }
        None => {
            let last_error = Some(format!("{session}: the session could not be removed yet"));
            Some(PeerStatus { last_error, ..status?.clone() })
        }
    }
}

/// Why sessions of an interface are down, in the daemon's words; with two, each says of which family it is.
fn session_errors(wanted: &InterfaceConfig, last: &Last) -> Option<String> {
    let errors: Vec<String> = wanted
        .peers
        .iter()
        .filter_map(|peer| {
            let (interface, family) = (wanted.virtual_interface_id.clone(), peer.addresses.family());
            let status = last.daemon.peers.get(&SessionId { interface, family })?;
            let down = status.state != SessionState::Established;
            let error = status.last_error.as_ref().filter(|_| down)?;
            Some(match wanted.peers.len() {
                1 => error.clone(),
                _ => format!("{}: {error}", family.as_str()),
            })
        })
        .collect();
    (!errors.is_empty()).then(|| errors.join("; "))
}

fn own_link<'a>(id: &VirtualInterfaceId, kernel: &'a Kernel, marks: &Marks) -> Option<&'a Link> {
    kernel.links.get(id.as_str()).filter(|link| marks.owns_link(id.as_str(), link))
}

/// Interfaces that are to go and are not gone: a deletion is over only when they are.
fn leftovers(config: &EdgeConfig, kernel: &Kernel, marks: &Marks) -> Vec<InterfaceStatus> {
    let wanted: BTreeSet<&str> =
        config.interfaces.iter().map(|wanted| wanted.virtual_interface_id.as_str()).collect();
    kernel
        .links
        .iter()
        .filter(|(name, link)| !wanted.contains(name.as_str()) && marks.owns_link(name, link))
        .filter_map(|(name, link)| {
            let id = VirtualInterfaceId::parse(name).ok()?;
            let error = Some(format!("{name} could not be removed yet"));
            Some(InterfaceStatus {
                virtual_interface_id: id,
                programmed: true,
                error,
                peers: Vec::new(),
                traffic: link.traffic,
            })
        })
        .collect()
}
