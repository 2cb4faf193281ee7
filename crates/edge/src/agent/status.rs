//! What the agent says of its router: the whole of it, each time.

use std::collections::BTreeSet;

use linkway_domain::edge::{
    EdgeConfig, EdgeStatus, InterfaceConfig, InterfaceStatus, PeerStatus, PortConfig, PortStatus,
    SessionState,
};
use linkway_domain::id::VirtualInterfaceId;
use linkway_domain::virtual_interface::Reported;

use super::Last;
use crate::kernel::{Kernel, Link};
use crate::mark::Marks;
use crate::plan::Item;

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
        Some(link) if !link.up => Some(format!("port {name} is set down")),
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
    let peer = last.daemon.peers.get(id).cloned();
    let up = peer.as_ref().is_some_and(|peer| peer.state == SessionState::Established);
    let own = last.problems.get(&Item::Interface(id.clone()));
    let gateway = last.problems.get(&Item::Gateway(wanted.virtual_gateway_id.clone()));
    let trouble = own.or(gateway);
    let complete = link.is_some_and(|link| link.addresses.contains(&wanted.addresses.amazon()));
    let programmed = complete && peer.is_some() && !own.is_some_and(|own| own.absent);
    let error = trouble
        .map(|problem| problem.text.clone())
        .or_else(|| last.daemon_error.clone())
        .or_else(|| peer.as_ref().filter(|_| !up).and_then(|peer| peer.last_error.clone()));
    let peers = if programmed { vec![peer.unwrap_or_else(|| idle(wanted))] } else { Vec::new() };
    InterfaceStatus {
        virtual_interface_id: id.clone(),
        reported: Reported { programmed, bgp_up: programmed && up, error },
        peers,
        traffic: link.map(|link| link.traffic).unwrap_or_default(),
    }
}

fn own_link<'a>(id: &VirtualInterfaceId, kernel: &'a Kernel, marks: &Marks) -> Option<&'a Link> {
    kernel.links.get(id.as_str()).filter(|link| marks.owns_link(id.as_str(), link))
}

fn idle(wanted: &InterfaceConfig) -> PeerStatus {
    PeerStatus {
        address_family: wanted.addresses.family(),
        state: SessionState::Idle,
        prefixes_accepted: 0,
        prefixes_rejected: 0,
        prefixes_advertised: 0,
        last_error: None,
    }
}

/// Interfaces that shall go and are not gone: a deletion is over only when they are.
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
            let reported = Reported { programmed: true, bgp_up: false, error };
            Some(InterfaceStatus {
                virtual_interface_id: id,
                reported,
                peers: Vec::new(),
                traffic: link.traffic,
            })
        })
        .collect()
}
