//! The desired state of the router, from the configuration and from what others have on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use linkway_domain::edge::{
    EdgeConfig, HandoffConfig, InterfaceConfig, InterfaceKind, RoutingDomainConfig,
};
use linkway_domain::id::{RoutingDomainId, VirtualInterfaceId};
use linkway_domain::net::{AddressFamily, Prefix};

use super::associations::{self, Associations};
use super::fences::fences;
use super::tables::{TableSet, Tables};
use super::{Item, rules};
use crate::fabric;
use crate::fence::Fence;
use crate::kernel::{Kernel, Link, LinkConf, LinkKind, Route, Way};
use crate::mark::Marks;
use crate::session::{Announced, RoutingDomain, Session, SessionId};

/// The metric of the VPC's routes: before the daemon's (32), because what is local wins over what is learned (Amazon VPC user
/// guide, "Route table priority": local routes come before propagated ones).
pub const VPC_METRIC: u32 = 10;
/// The metric of the routes that drop what is for the VPC while its handoff is away, before the daemon's: a packet for the VPC
/// never leaves by a customer's route.
pub const DISCARD_METRIC: u32 = 20;
/// The metric of a VRF's unreachable default route: after every other (kernel documentation, networking/vrf).
pub const UNREACHABLE_METRIC: u32 = 4_278_198_272;

/// What is to be on the router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DesiredState {
    /// The VRFs, by name.
    pub vrfs: BTreeMap<String, Vrf>,
    /// The interfaces that lead to VPCs, by name.
    pub handoffs: BTreeMap<String, Handoff>,
    /// The VLAN subinterfaces, by name.
    pub vlans: BTreeMap<String, VlanLink>,
    /// The ports, by name.
    pub ports: BTreeSet<String>,
    /// The fences of ports, handoffs and VLAN subinterfaces, by the names of the links.
    pub fences: BTreeMap<String, Fence>,
    /// Whether there is a routing domain, so that the router needs our rules.
    pub serves: bool,
    /// Whether an interface has an IPv6 peer, so that IPv6 sources are checked.
    pub checks_ipv6_sources: bool,
    /// Our routes, and which routing domain each is for.
    pub routes: BTreeMap<Route, RoutingDomainId>,
    /// The links over which the daemon's routes in a table lead beside those of the table's own VRF, by the table.
    pub across: BTreeSet<(u32, String)>,
    /// The daemon's instances, with sessions or not, in order of their ids.
    pub instances: Vec<Arc<RoutingDomain>>,
    /// The BGP sessions, in order of their ids.
    pub sessions: Vec<Arc<Session>>,
    /// What cannot be as configured, and why.
    pub problems: BTreeMap<Item, Problem>,
}

/// A routing domain's VRF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vrf {
    /// The routing domain.
    pub id: RoutingDomainId,
    /// Its routing table.
    pub table: u32,
    /// Its alias, for people who look.
    pub alias: String,
}

/// An interface of the operator's that is put into a routing domain's VRF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handoff {
    /// The routing domain.
    pub id: RoutingDomainId,
    /// The VRF's name.
    pub vrf: String,
}

impl Handoff {
    /// Whether it leads to the operator's backbone, where the customers of other routers are: a Direct Connect gateway has no
    /// VPC of its own.
    #[must_use]
    pub fn is_backbone(&self) -> bool {
        self.id.is_of_dx_gateway()
    }

    /// Its settings, from those that it has: it is the operator's, so only what forwarding needs. A customer with interfaces on two
    /// routers may send by one what it is reached by on the other; into the fabric there is one way.
    #[must_use]
    pub fn conf(&self, now: LinkConf) -> LinkConf {
        let rp_filter = if self.is_backbone() { 2 } else { 1 };
        LinkConf { forwarding: true, rp_filter, keep_addresses: true, ..now }
    }
}

/// A VLAN subinterface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VlanLink {
    /// The virtual interface.
    pub id: VirtualInterfaceId,
    /// The link under it.
    pub parent: String,
    /// The VLAN.
    pub vlan: u16,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// The VRF's name.
    pub vrf: String,
    /// Our addresses, one of each peer.
    pub addresses: BTreeSet<IpNet>,
}

impl VlanLink {
    /// Its settings. IPv6 link-local addresses only where a session is IPv6, so that an IPv4 interface sends nothing of its own
    /// accord.
    #[must_use]
    pub fn conf(&self) -> LinkConf {
        LinkConf {
            forwarding: true,
            // Loose: a customer may send by one interface what it is reached by on another (RFC 3704, section 2.4).
            rp_filter: 2,
            send_redirects: false,
            accept_redirects: false,
            arp_ignore: 1,
            link_local: self.addresses.iter().any(|address| matches!(address, IpNet::V6(_))),
            keep_addresses: false,
            lenient: false,
        }
    }
}

/// Why something is not as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// In words for the operator.
    pub text: String,
    /// Whether nothing of the item is on the router because of it.
    pub absent: bool,
}

impl Problem {
    fn absent(text: String) -> Self {
        Self { text, absent: true }
    }

    fn degraded(text: String) -> Self {
        Self { text, absent: false }
    }
}

/// The desired state of a router where the kernel is like this; `others` are routing tables that are in use beside those in it.
#[must_use]
pub fn desired_state(
    config: &EdgeConfig,
    kernel: &Kernel,
    marks: &Marks,
    others: &TableSet,
) -> DesiredState {
    let mut desired = DesiredState::default();
    let ports: BTreeSet<&str> = config.ports.iter().map(|port| port.interface.as_str()).collect();
    let mut tables = Tables::new(kernel, marks, &config.routing_domains, others);
    let all = Associations::of(config);
    // In the configuration's order, not by who was there first: or the next plan would decide anew who gets a handoff.
    for domain in &config.routing_domains {
        vrf(domain, &all, kernel, marks, &mut tables, &ports, &mut desired);
    }
    for domain in config.routing_domains.iter().filter(|one| !one.associations.is_empty()) {
        associations::routes(domain, &all, marks, &mut desired);
    }
    desired.serves = !config.routing_domains.is_empty();
    desired.ports = ports
        .iter()
        .filter(|name| kernel.links.get(**name).is_some_and(|link| !marks.owns_link(name, link)))
        .filter(|name| !desired.handoffs.contains_key(**name))
        .map(|name| (*name).to_owned())
        .collect();
    if let Some(text) = rules::obstacle(kernel, marks).filter(|_| desired.serves) {
        desired.problems.insert(Item::Rules, Problem::absent(text));
    }
    let mut taken = foreign_vlans(kernel, marks);
    for interface in &config.interfaces {
        let id = &interface.virtual_interface_id;
        let item = Item::Interface(id.clone());
        match vlan(interface, kernel, marks, &taken, &desired) {
            Ok(link) => {
                let place = (interface.interface.as_str(), interface.vlan.number());
                taken.insert(place, Taken::Ours(id.as_str()));
                let domain = all.domain(&interface.routing_domain_id);
                let why =
                    kernel.links.get(&link.parent).zip(domain).and_then(|(parent, domain)| {
                        degradation(interface, all.with_reached(domain), parent, kernel, &desired)
                    });
                desired.problems.extend(why.map(|text| (item, Problem::degraded(text))));
                desired.vlans.insert(id.to_string(), link);
                desired.sessions.extend(sessions(interface).map(Arc::new));
            }
            Err(text) => {
                desired.problems.insert(item, Problem::absent(text));
            }
        }
    }
    desired.across = associations::across(config, &all, &desired);
    desired.fences = fences(config, &all, kernel, &desired);
    let is_ipv6 = |address: &IpNet| matches!(address, IpNet::V6(_));
    desired.checks_ipv6_sources =
        desired.vlans.values().any(|vlan| vlan.addresses.iter().any(is_ipv6));
    desired.sessions.sort_by(|a, b| a.id.cmp(&b.id));
    let instances = config.routing_domains.iter();
    desired.instances =
        instances.filter_map(|one| instance(one, &all, &desired, kernel)).map(Arc::new).collect();
    desired
}

/// A routing domain's VRF, handoffs and routes.
fn vrf<'a>(
    domain: &'a RoutingDomainConfig,
    all: &Associations<'a>,
    kernel: &Kernel,
    marks: &Marks,
    tables: &mut Tables<'_>,
    ports: &BTreeSet<&str>,
    desired: &mut DesiredState,
) {
    let id = &domain.routing_domain_id;
    let name = id.to_string();
    let item = Item::RoutingDomain(id.clone());
    if kernel.links.get(&name).is_some_and(|link| !marks.owns_link(&name, link)) {
        let text = format!("{name}: the router has a link of this name that Linkway did not make");
        desired.problems.insert(item, Problem::absent(text));
        return;
    }
    let Some(table) = tables.give(domain) else {
        let text = format!(
            "{name}: no routing table is free from {} to {}",
            marks.first_table,
            marks.first_table.saturating_add(marks.tables).saturating_sub(1)
        );
        desired.problems.insert(item, Problem::absent(text));
        return;
    };
    let alias = format!("linkway {}", domain.alias.as_deref().unwrap_or(&name));
    desired.vrfs.insert(name.clone(), Vrf { id: id.clone(), table, alias });
    let mut missing = Vec::new();
    for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
        desired.routes.insert(unreachable_default(table, family, marks), id.clone());
        let discard = |prefix| discard(table, prefix, marks);
        let discards = all.behind(domain, family).map(discard);
        desired.routes.extend(discards.map(|route| (route, id.clone())));
        let Some(handoff) = handoff_of(domain, family) else {
            if all.behind(domain, family).next().is_some() {
                missing.push(format!("has no {} handoff on this edge", family.as_str()));
            }
            continue;
        };
        match check_handoff(handoff, kernel, marks, ports, &desired.handoffs, id) {
            Err(text) => missing.push(text),
            Ok(degradation) => {
                missing.extend(degradation);
                missing.extend(fabric::session(domain, handoff, kernel).err());
                let interface = handoff.interface.to_string();
                desired.handoffs.insert(interface, Handoff { id: id.clone(), vrf: name.clone() });
                let route = |prefix| vpc_route(handoff, table, prefix, marks);
                let routes = all.behind(domain, family).map(route);
                desired.routes.extend(routes.map(|route| (route, id.clone())));
            }
        }
    }
    if !missing.is_empty() {
        missing.dedup();
        let text = format!("{name}: {}", missing.join("; "));
        desired.problems.insert(item, Problem::degraded(text));
    }
}

/// The handoff that counts for a family: the first (domain, `Gateway::handoffs`).
pub(crate) fn handoff_of(
    domain: &RoutingDomainConfig,
    family: AddressFamily,
) -> Option<&HandoffConfig> {
    domain.handoffs.iter().find(|handoff| AddressFamily::of(handoff.next_hop.address()) == family)
}

/// Whether an interface of the operator's can be put into a routing domain's VRF; what keeps traffic off it.
fn check_handoff(
    handoff: &HandoffConfig,
    kernel: &Kernel,
    marks: &Marks,
    ports: &BTreeSet<&str>,
    used: &BTreeMap<String, Handoff>,
    to: &RoutingDomainId,
) -> Result<Option<String>, String> {
    let name = handoff.interface.as_str();
    if ports.contains(name) {
        return Err(format!("handoff {name} is a customer's port"));
    }
    if let Some(other) = used.get(name).filter(|other| other.id != *to) {
        return Err(format!("handoff {name} is in use by {}", other.id));
    }
    let Some(link) = kernel.links.get(name) else {
        return Err(format!("handoff {name} does not exist on this router"));
    };
    if marks.owns_link(name, link) {
        return Err(format!("handoff {name} is a link that Linkway made"));
    }
    if matches!(link.kind, LinkKind::Vrf { .. }) {
        return Err(format!("handoff {name} is a VRF, which cannot be in another"));
    }
    if let Some(master) = link.master.as_deref() {
        let ours = kernel.links.get(master).is_some_and(|link| marks.owns_link(master, link));
        if !ours {
            return Err(format!("handoff {name} belongs to {master}, which Linkway did not make"));
        }
    }
    Ok((!link.up).then(|| format!("handoff {name} is administratively down")))
}

/// A VRF's unreachable default route: without it, what has no route there would be looked up in the main table.
pub(super) fn unreachable_default(table: u32, family: AddressFamily, marks: &Marks) -> Route {
    let prefix = match family {
        AddressFamily::Ipv4 => IpNet::V4(Ipv4Net::default()),
        AddressFamily::Ipv6 => IpNet::V6(Ipv6Net::default()),
    };
    let (metric, protocol) = (UNREACHABLE_METRIC, marks.route_protocol);
    Route { table, prefix, metric, protocol, way: Way::Unreachable }
}

/// What is for the VPC and has no way there goes nowhere.
pub(super) const fn discard(table: u32, prefix: IpNet, marks: &Marks) -> Route {
    let (metric, protocol) = (DISCARD_METRIC, marks.route_protocol);
    Route { table, prefix, metric, protocol, way: Way::Unreachable }
}

/// The route of a prefix of the VPC's over a handoff.
pub(super) fn vpc_route(
    handoff: &HandoffConfig,
    table: u32,
    prefix: IpNet,
    marks: &Marks,
) -> Route {
    let way =
        Way::Via { next_hop: handoff.next_hop.address(), link: handoff.interface.to_string() };
    Route { table, prefix, metric: VPC_METRIC, protocol: marks.route_protocol, way }
}

/// Who has a VLAN of a port.
#[derive(Clone, Copy)]
enum Taken<'a> {
    /// An interface that comes before in the configuration.
    Ours(&'a str),
    /// A link that we did not make.
    Foreign(&'a str),
}

/// VLANs in use, by port: the kernel has each only once.
type TakenVlans<'a> = HashMap<(&'a str, u16), Taken<'a>>;

/// The VLANs that links of others occupy.
fn foreign_vlans<'a>(kernel: &'a Kernel, marks: &Marks) -> TakenVlans<'a> {
    let foreign = kernel.links.iter().filter(|(name, link)| !marks.owns_link(name, link));
    foreign
        .filter_map(|(name, link)| match &link.kind {
            LinkKind::Vlan { parent: Some(parent), vlan } => {
                Some(((parent.as_str(), *vlan), Taken::Foreign(name)))
            }
            LinkKind::Vlan { parent: None, .. } | LinkKind::Vrf { .. } | LinkKind::Other => None,
        })
        .collect()
}

/// The VLAN subinterface of an interface, or why there cannot be one.
fn vlan(
    interface: &InterfaceConfig,
    kernel: &Kernel,
    marks: &Marks,
    taken: &TakenVlans<'_>,
    desired: &DesiredState,
) -> Result<VlanLink, String> {
    let name = interface.virtual_interface_id.to_string();
    let (port, vlan) = (interface.interface.as_str(), interface.vlan.number());
    let mtu = u32::from(interface.mtu.bytes());
    let domain = Item::RoutingDomain(interface.routing_domain_id.clone());
    let vrf = interface.routing_domain_id.to_string();
    if !desired.vrfs.contains_key(&vrf) {
        let why = desired.problems.get(&domain).map(|problem| problem.text.clone());
        return Err(why.unwrap_or_else(|| format!("{vrf} is not in the configuration")));
    }
    if desired.handoffs.contains_key(port) {
        return Err(format!("port {port} is the handoff of a gateway"));
    }
    let Some(parent) = kernel.links.get(port) else {
        return Err(format!("port {port} does not exist on this router"));
    };
    if kernel.links.get(&name).is_some_and(|link| !marks.owns_link(&name, link)) {
        return Err(format!(
            "{name}: the router has a link of this name that Linkway did not make"
        ));
    }
    if marks.owns_link(port, parent) {
        return Err(format!("port {port} is a link that Linkway made"));
    }
    match taken.get(&(port, vlan)) {
        None => {}
        Some(Taken::Ours(other)) => {
            return Err(format!("VLAN {vlan} of port {port} is the one of {other} too"));
        }
        Some(Taken::Foreign(other)) => {
            return Err(format!(
                "VLAN {vlan} of port {port} is taken by {other}, which Linkway did not make"
            ));
        }
    }
    Ok(VlanLink {
        id: interface.virtual_interface_id.clone(),
        parent: port.to_owned(),
        vlan,
        // The kernel gives a subinterface no more than the link under it has.
        mtu: mtu.min(parent.mtu),
        vrf,
        addresses: interface.peers.iter().map(|peer| peer.addresses.amazon()).collect(),
    })
}

/// What keeps traffic off an interface that can be programmed.
fn degradation<'a>(
    interface: &InterfaceConfig,
    domains: impl Iterator<Item = &'a RoutingDomainConfig>,
    parent: &Link,
    kernel: &Kernel,
    desired: &DesiredState,
) -> Option<String> {
    let port = interface.interface.as_str();
    if !parent.up {
        return Some(format!("port {port} is administratively down"));
    }
    let mtu = interface.mtu.bytes();
    if parent.mtu < u32::from(mtu) {
        return Some(format!("port {port} has an MTU of {}, too small for {mtu}", parent.mtu));
    }
    // Over the backbone goes SiteLink's alone.
    let uses = |one: &&RoutingDomainConfig| {
        !one.routing_domain_id.is_of_dx_gateway() || has_site_link(interface)
    };
    let domains = domains.filter(uses);
    let handoffs = domains.flat_map(|one| &one.handoffs).map(|one| one.interface.as_str());
    let used = handoffs.filter(|name| desired.handoffs.contains_key(*name));
    let mut small = used.filter_map(|name| Some((name, kernel.links.get(name)?.mtu)));
    if let Some((name, has)) = small.find(|(_, has)| *has < u32::from(mtu)) {
        return Some(format!("handoff {name} has an MTU of {has}, too small for {mtu}"));
    }
    let ipv6 = interface.peers.of(AddressFamily::Ipv6).is_some();
    (ipv6 && !kernel.forwards_ipv6)
        .then(|| "the router does not forward IPv6: set net.ipv6.conf.all.forwarding=1".to_owned())
}

/// The settings of a VRF.
pub const VRF_CONF: LinkConf = LinkConf {
    forwarding: true,
    rp_filter: 2,
    send_redirects: false,
    accept_redirects: false,
    arp_ignore: 1,
    link_local: false,
    keep_addresses: false,
    lenient: false,
};

/// Whether an interface exchanges packets and routes with others: in a virtual gateway's routing domain are routes of the customers of
/// a Direct Connect gateway that it is associated with, so SiteLink counts in the latter's alone.
pub(super) fn has_site_link(interface: &InterfaceConfig) -> bool {
    interface.site_link && interface.routing_domain_id.is_of_dx_gateway()
}

fn sessions(interface: &InterfaceConfig) -> impl Iterator<Item = Session> {
    interface.peers.iter().map(|peer| Session {
        id: SessionId {
            interface: interface.virtual_interface_id.clone(),
            family: peer.addresses.family(),
        },
        routing_domain: interface.routing_domain_id.clone(),
        addresses: peer.addresses,
        asn: peer.asn.number(),
        auth_key: peer.auth_key.clone(),
        new_key: peer.new_key.clone(),
        resets: peer.session_resets,
        public: (interface.kind == InterfaceKind::Public).then(|| {
            let family = peer.addresses.family();
            let all = interface.route_filter_prefixes.iter();
            all.filter(|prefix| AddressFamily::of(prefix.net().addr()) == family).copied().collect()
        }),
        prefix_limit: peer.prefix_limit,
        shut_until: peer.shut_until,
        drain: peer.drain,
        site_link: has_site_link(interface),
    })
}

/// A routing domain's instance in the daemon.
fn instance(
    domain: &RoutingDomainConfig,
    all: &Associations<'_>,
    desired: &DesiredState,
    kernel: &Kernel,
) -> Option<RoutingDomain> {
    let table = desired.vrfs.get(domain.routing_domain_id.as_str())?.table;
    let fabric = [AddressFamily::Ipv4, AddressFamily::Ipv6].into_iter().filter_map(|family| {
        let handoff = handoff_of(domain, family)?;
        let used = desired.handoffs.get(handoff.interface.as_str())?;
        let own = used.id == domain.routing_domain_id;
        fabric::session(domain, handoff, kernel).ok().flatten().filter(|_| own)
    });
    let mut reserved = reserved(domain, desired, kernel);
    reserved.extend(associations::reserved_of_reached(domain, all, desired, kernel));
    Some(RoutingDomain {
        id: domain.routing_domain_id.clone(),
        table,
        asn: domain.amazon_side_asn.number(),
        announced: announced(domain, &domain.cidrs, desired, kernel),
        cidrs: all.with_reached(domain).flat_map(|one| &one.cidrs).copied().collect(),
        reserved: reserved.into_iter().collect(),
        fabric: fabric.collect(),
        associations: associations::of_instance(domain, all, desired, kernel),
    })
}

/// What is announced of a routing domain, each prefix with the way over the handoff of its family.
pub(super) fn announced(
    domain: &RoutingDomainConfig,
    prefixes: &[Prefix],
    desired: &DesiredState,
    kernel: &Kernel,
) -> Vec<Announced> {
    let way = |prefix: &Prefix| {
        let handoff = handoff_of(domain, AddressFamily::of(prefix.net().addr()))?;
        let used = desired.handoffs.get(handoff.interface.as_str())?;
        let is_possible = fabric::session(domain, handoff, kernel).is_ok();
        (is_possible && used.id == domain.routing_domain_id).then(|| Announced {
            prefix: *prefix,
            next_hop: handoff.next_hop.address(),
            interface: handoff.interface.to_string(),
        })
    };
    prefixes.iter().filter_map(way).collect()
}

/// The addresses of a routing domain's handoffs: a customer that announced a route to one of them would take the way into
/// the VPC.
pub(super) fn reserved(
    domain: &RoutingDomainConfig,
    desired: &DesiredState,
    kernel: &Kernel,
) -> BTreeSet<IpNet> {
    let is_used = |handoff: &&HandoffConfig| {
        let used = desired.handoffs.get(handoff.interface.as_str());
        used.is_some_and(|used| used.id == domain.routing_domain_id)
    };
    let mut reserved = BTreeSet::new();
    for handoff in domain.handoffs.iter().filter(is_used) {
        reserved.insert(IpNet::from(handoff.next_hop.address()));
        let link = kernel.links.get(handoff.interface.as_str());
        // A peer is on a subnet of the link's, unless its address has gone.
        reserved.extend(handoff.fabric_peer.iter().map(|peer| IpNet::from(peer.address.address())));
        reserved.extend(link.iter().flat_map(|link| &link.addresses).map(IpNet::trunc));
    }
    reserved
}
