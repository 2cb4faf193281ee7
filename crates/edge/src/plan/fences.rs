//! The fences of a router's links.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::IpNet;
use linkway_domain::edge::{EdgeConfig, InterfaceKind, RoutingDomainConfig};

use super::associations::Associations;
use super::desired::DesiredState;
use crate::fence::{DomainFence, Fence};
use crate::kernel::Kernel;

/// The fences of the ports, handoffs and VLAN subinterfaces that are to be, by the names of the links.
pub(super) fn fences(
    config: &EdgeConfig,
    all: &Associations<'_>,
    kernel: &Kernel,
    desired: &DesiredState,
) -> BTreeMap<String, Fence> {
    let mut subnets: HashMap<&str, Vec<IpNet>> = HashMap::new();
    for vlan in desired.vlans.values() {
        subnets.entry(&vlan.vrf).or_default().extend(vlan.addresses.iter().map(IpNet::trunc));
    }
    let domains: HashMap<&str, Arc<DomainFence>> = config
        .routing_domains
        .iter()
        .map(|domain| {
            let id = domain.routing_domain_id.as_str();
            let links = subnets.remove(id).unwrap_or_default();
            (id, Arc::new(of_domain(domain, all, links, kernel, desired)))
        })
        .collect();
    let ports = desired.ports.iter().map(|name| (name.clone(), Fence::Port));
    let handoffs = desired.handoffs.iter().map(|(name, handoff)| {
        let own = kernel.links.get(name).into_iter().flat_map(|link| &link.addresses);
        let own = own.copied().collect();
        let domain = domains.get(handoff.vrf.as_str()).filter(|_| handoff.is_backbone());
        let fence = match domain.zip(all.domain(&handoff.id)) {
            Some((domain, config)) => {
                let (peers, domain) = (backbone_peers(config, name), Arc::clone(domain));
                Fence::Backbone { own, peers, domain }
            }
            None => Fence::Handoff { own },
        };
        (name.clone(), fence)
    });
    let customers = config.interfaces.iter().filter_map(|one| {
        let name = one.virtual_interface_id.as_str();
        let vlan = desired.vlans.get(name)?;
        let domain = Arc::clone(domains.get(vlan.vrf.as_str())?);
        let peers = one.peers.iter().map(|peer| peer.addresses).collect();
        let prefixes = one.route_filter_prefixes.iter().map(|prefix| prefix.net()).collect();
        let sources = (one.kind == InterfaceKind::Public).then_some(prefixes);
        let (limit, site_link) = (one.rate_limit, super::desired::has_site_link(one));
        Some((name.to_owned(), Fence::Customer { peers, limit, domain, site_link, sources }))
    });
    ports.chain(handoffs).chain(customers).collect()
}

/// The routers that a gateway has sessions with over a link to the backbone.
fn backbone_peers(domain: &RoutingDomainConfig, link: &str) -> Vec<IpAddr> {
    let here = domain.handoffs.iter().filter(|handoff| handoff.interface.as_str() == link);
    sorted(here.filter_map(|handoff| Some(handoff.fabric_peer.as_ref()?.address.address())))
}

/// What the customers of a routing domain have in common, of what it is associated with too; `links` are the subnets of their
/// sessions.
fn of_domain(
    domain: &RoutingDomainConfig,
    all: &Associations<'_>,
    links: Vec<IpNet>,
    kernel: &Kernel,
    desired: &DesiredState,
) -> DomainFence {
    let domains = || all.with_reached(domain);
    let handoffs = || domains().flat_map(|one| &one.handoffs);
    let names = handoffs().map(|handoff| handoff.interface.as_str());
    let own: BTreeSet<IpNet> = names
        .filter(|name| desired.handoffs.contains_key(*name))
        .filter_map(|name| kernel.links.get(name))
        .flat_map(|link| link.addresses.iter().copied())
        .collect();
    let cidrs = || domains().flat_map(|one| &one.cidrs).map(|cidr| cidr.net());
    let subnets = || own.iter().map(IpNet::trunc);
    let outside =
        |subnet: &IpNet| !cidrs().any(|cidr| cidr.contains(subnet) || subnet.contains(&cidr));
    DomainFence {
        inner: sorted(cidrs().chain(subnets())),
        own: sorted(own.iter().map(IpNet::addr)),
        next_hops: sorted(next_hops(domain, all, kernel)),
        transit: sorted(subnets().filter(outside)),
        links: sorted(links),
    }
}

/// The next hops that customers may have to do with: not the routers of the backbone, also where a VPC's has the address of one.
fn next_hops<'a>(
    domain: &'a RoutingDomainConfig,
    all: &'a Associations<'a>,
    kernel: &'a Kernel,
) -> impl Iterator<Item = IpAddr> {
    let is_direct = |one: &&RoutingDomainConfig| one.routing_domain_id.is_of_dx_gateway();
    let backbone = std::iter::once(domain).filter(is_direct).flat_map(|one| &one.handoffs);
    let links = backbone.filter_map(|handoff| kernel.links.get(handoff.interface.as_str()));
    let subnets: Vec<IpNet> = links.flat_map(|link| &link.addresses).map(IpNet::trunc).collect();
    all.with_reached(domain)
        .filter(move |one| !is_direct(one))
        .flat_map(|one| &one.handoffs)
        .map(|handoff| handoff.next_hop.address())
        .filter(move |address| !subnets.iter().any(|subnet| subnet.contains(address)))
}

fn sorted<T: Ord>(items: impl IntoIterator<Item = T>) -> Vec<T> {
    let items: BTreeSet<T> = items.into_iter().collect();
    items.into_iter().collect()
}
