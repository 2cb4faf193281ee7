//! What shall be on the router, worked out from the configuration and from what others have on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use linkway_domain::edge::{EdgeConfig, GatewayConfig, HandoffConfig, InterfaceConfig};
use linkway_domain::id::{VirtualGatewayId, VirtualInterfaceId};
use linkway_domain::net::AddressFamily;

use super::Item;
use super::tables::{TableSet, Tables};
use crate::kernel::{Kernel, Link, LinkConf, LinkKind, Route, Way};
use crate::mark::Marks;
use crate::session::{Announced, Gateway, Session};

/// The metric of the VPC's routes: before the daemon's (32), because what is local wins over what is learned
/// (direct-connect.md, 2.7).
pub const VPC_METRIC: u32 = 10;
/// The metric of a VRF's last route: after every other (kernel documentation, networking/vrf).
pub const LAST_METRIC: u32 = 4_278_198_272;

/// What shall be on the router.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aim {
    /// The VRFs, by name.
    pub vrfs: BTreeMap<String, Vrf>,
    /// The interfaces that lead to VPCs, by name.
    pub handoffs: BTreeMap<String, Handoff>,
    /// The VLAN subinterfaces, by name.
    pub vlans: BTreeMap<String, VlanLink>,
    /// Our routes, and which gateway each is for.
    pub routes: BTreeMap<Route, VirtualGatewayId>,
    /// The routing instances, with sessions or not, in order of the gateways' ids.
    pub instances: Vec<Arc<Gateway>>,
    /// The BGP sessions, in order of the interfaces' ids.
    pub sessions: Vec<Arc<Session>>,
    /// What cannot be as it shall, and why.
    pub problems: BTreeMap<Item, Problem>,
}

/// A gateway's VRF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vrf {
    /// The gateway.
    pub id: VirtualGatewayId,
    /// Its routing table.
    pub table: u32,
}

/// An interface of the operator's that is lent to a gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Handoff {
    /// The gateway.
    pub id: VirtualGatewayId,
    /// The VRF's name.
    pub vrf: String,
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
    /// Our address.
    pub address: IpNet,
}

/// Why something is not as it shall be.
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

    fn hindered(text: String) -> Self {
        Self { text, absent: false }
    }
}

/// What shall be, on a router where the kernel is like this; `others` are routing tables that are in use beside those in it.
#[must_use]
pub fn aim(config: &EdgeConfig, kernel: &Kernel, marks: &Marks, others: &TableSet) -> Aim {
    let mut aim = Aim::default();
    let ports: BTreeSet<&str> = config.ports.iter().map(|port| port.interface.as_str()).collect();
    let mut tables = Tables::new(kernel, marks, &config.gateways, others);
    // In the configuration's order, whoever was there first: or the next plan would decide anew who gets a handoff.
    for gateway in &config.gateways {
        vrf(gateway, kernel, marks, &mut tables, &ports, &mut aim);
    }
    let mut taken = foreign_vlans(kernel, marks);
    for interface in &config.interfaces {
        match vlan(interface, kernel, marks, &taken, &aim) {
            Ok((link, hindrance)) => {
                let place = (interface.interface.as_str(), interface.vlan.number());
                taken.insert(place, Taken::Ours(interface.virtual_interface_id.as_str()));
                let item = Item::Interface(interface.virtual_interface_id.clone());
                aim.problems.extend(hindrance.map(|text| (item, Problem::hindered(text))));
                aim.vlans.insert(interface.virtual_interface_id.to_string(), link);
            }
            Err(text) => {
                let item = Item::Interface(interface.virtual_interface_id.clone());
                aim.problems.insert(item, Problem::absent(text));
            }
        }
    }
    let there =
        |one: &&Arc<InterfaceConfig>| aim.vlans.contains_key(one.virtual_interface_id.as_str());
    let sessions = config.interfaces.iter().filter(there).map(|one| Arc::new(session(one)));
    aim.sessions = sessions.collect();
    aim.sessions.sort_by(|a, b| a.id.cmp(&b.id));
    let instances = config.gateways.iter().filter_map(|one| instance(one, &aim)).map(Arc::new);
    aim.instances = instances.collect();
    aim
}

/// A gateway's VRF, handoffs and routes.
fn vrf(
    gateway: &GatewayConfig,
    kernel: &Kernel,
    marks: &Marks,
    tables: &mut Tables<'_>,
    ports: &BTreeSet<&str>,
    aim: &mut Aim,
) {
    let id = &gateway.virtual_gateway_id;
    let name = id.to_string();
    if kernel.links.get(&name).is_some_and(|link| !marks.owns_link(&name, link)) {
        let text = format!("{name}: the router has a link of this name that Linkway did not make");
        aim.problems.insert(Item::Gateway(id.clone()), Problem::absent(text));
        return;
    }
    let Some(table) = tables.give(gateway) else {
        let text = format!(
            "{name}: no routing table is free from {} to {}",
            marks.first_table,
            marks.first_table.saturating_add(marks.tables).saturating_sub(1)
        );
        aim.problems.insert(Item::Gateway(id.clone()), Problem::absent(text));
        return;
    };
    aim.vrfs.insert(name.clone(), Vrf { id: id.clone(), table });
    for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
        aim.routes.insert(last_route(table, family, marks), id.clone());
    }
    let mut missing = Vec::new();
    for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
        let Some(handoff) = handoff_of(gateway, family) else {
            if gateway.cidrs.iter().any(|cidr| family_of(cidr.net().addr()) == family) {
                missing.push(format!("has no {} handoff on this edge", family.as_str()));
            }
            continue;
        };
        match lend(handoff, kernel, marks, ports, &aim.handoffs, id) {
            Err(text) => missing.push(text),
            Ok(hindrance) => {
                missing.extend(hindrance);
                let interface = handoff.interface.to_string();
                aim.handoffs.insert(interface, Handoff { id: id.clone(), vrf: name.clone() });
                let routes = vpc_routes(gateway, handoff, family, table, marks);
                aim.routes.extend(routes.map(|route| (route, id.clone())));
            }
        }
    }
    if !missing.is_empty() {
        missing.dedup();
        let text = format!("{name}: {}", missing.join("; "));
        aim.problems.insert(Item::Gateway(id.clone()), Problem::hindered(text));
    }
}

/// The handoff that counts for a family: the first (domain, `Gateway::handoffs`).
fn handoff_of(gateway: &GatewayConfig, family: AddressFamily) -> Option<&HandoffConfig> {
    gateway.handoffs.iter().find(|handoff| family_of(handoff.next_hop.address()) == family)
}

/// Whether an interface of the operator's can be put into a gateway's VRF; what hinders traffic on it.
fn lend(
    handoff: &HandoffConfig,
    kernel: &Kernel,
    marks: &Marks,
    ports: &BTreeSet<&str>,
    lent: &BTreeMap<String, Handoff>,
    to: &VirtualGatewayId,
) -> Result<Option<String>, String> {
    let name = handoff.interface.as_str();
    if ports.contains(name) {
        return Err(format!("handoff {name} is a customer's port"));
    }
    if let Some(other) = lent.get(name).filter(|other| other.id != *to) {
        return Err(format!("handoff {name} is lent to {}", other.id));
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
    Ok((!link.up).then(|| format!("handoff {name} is set down")))
}

/// A VRF's last route: without it, what has no route there would be looked up in the main table.
pub(super) fn last_route(table: u32, family: AddressFamily, marks: &Marks) -> Route {
    let prefix = match family {
        AddressFamily::Ipv4 => IpNet::V4(Ipv4Net::default()),
        AddressFamily::Ipv6 => IpNet::V6(Ipv6Net::default()),
    };
    let (metric, protocol) = (LAST_METRIC, marks.route_protocol);
    Route { table, prefix, metric, protocol, way: Way::Unreachable }
}

/// The routes towards the VPC.
fn vpc_routes(
    gateway: &GatewayConfig,
    handoff: &HandoffConfig,
    family: AddressFamily,
    table: u32,
    marks: &Marks,
) -> impl Iterator<Item = Route> {
    let way =
        Way::Via { next_hop: handoff.next_hop.address(), link: handoff.interface.to_string() };
    let protocol = marks.route_protocol;
    gateway
        .cidrs
        .iter()
        .map(|cidr| cidr.net())
        .filter(move |net| family_of(net.addr()) == family)
        .map(move |prefix| Route { table, prefix, metric: VPC_METRIC, protocol, way: way.clone() })
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

/// The VLAN subinterface of an interface and what hinders it, or why it cannot be.
fn vlan(
    interface: &InterfaceConfig,
    kernel: &Kernel,
    marks: &Marks,
    taken: &TakenVlans<'_>,
    aim: &Aim,
) -> Result<(VlanLink, Option<String>), String> {
    let name = interface.virtual_interface_id.to_string();
    let (port, vlan) = (interface.interface.as_str(), interface.vlan.number());
    let mtu = u32::from(interface.mtu.bytes());
    let gateway = Item::Gateway(interface.virtual_gateway_id.clone());
    let vrf = interface.virtual_gateway_id.to_string();
    if !aim.vrfs.contains_key(&vrf) {
        let why = aim.problems.get(&gateway).map(|problem| problem.text.clone());
        return Err(why.unwrap_or_else(|| format!("{vrf} is not in the configuration")));
    }
    if aim.handoffs.contains_key(port) {
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
    let link = VlanLink {
        id: interface.virtual_interface_id.clone(),
        parent: port.to_owned(),
        vlan,
        // The kernel gives a subinterface no more than the link under it has.
        mtu: mtu.min(parent.mtu),
        vrf,
        address: interface.addresses.amazon(),
    };
    Ok((link, hindrance(interface, parent, kernel)))
}

/// What keeps traffic off an interface that can be programmed.
fn hindrance(interface: &InterfaceConfig, parent: &Link, kernel: &Kernel) -> Option<String> {
    let port = interface.interface.as_str();
    if !parent.up {
        return Some(format!("port {port} is set down"));
    }
    let mtu = interface.mtu.bytes();
    if parent.mtu < u32::from(mtu) {
        return Some(format!("port {port} has an MTU of {}, too small for {mtu}", parent.mtu));
    }
    let ipv6 = interface.addresses.family() == AddressFamily::Ipv6;
    (ipv6 && !kernel.forwards_ipv6)
        .then(|| "the router does not forward IPv6: set net.ipv6.conf.all.forwarding=1".to_owned())
}

/// The settings of a VLAN subinterface; IPv6 link-local addresses only where the session is IPv6, so that an IPv4
/// interface sends nothing of its own accord.
#[must_use]
pub fn vlan_conf(address: IpNet) -> LinkConf {
    LinkConf {
        forwarding: true,
        rp_filter: 1,
        send_redirects: false,
        accept_redirects: false,
        arp_ignore: 1,
        link_local: matches!(address, IpNet::V6(_)),
        keep_addresses: false,
    }
}

/// The settings of a VRF.
pub const VRF_CONF: LinkConf = LinkConf {
    forwarding: true,
    rp_filter: 1,
    send_redirects: false,
    accept_redirects: false,
    arp_ignore: 1,
    link_local: false,
    keep_addresses: false,
};

/// The settings of a handoff, from those that it has: it is the operator's, so only what forwarding needs.
#[must_use]
pub const fn handoff_conf(now: LinkConf) -> LinkConf {
    LinkConf { forwarding: true, rp_filter: 1, keep_addresses: true, ..now }
}

fn session(interface: &InterfaceConfig) -> Session {
    Session {
        id: interface.virtual_interface_id.clone(),
        gateway: interface.virtual_gateway_id.clone(),
        addresses: interface.addresses,
        asn: interface.asn.number(),
        auth_key: interface.auth_key.clone(),
        resets: interface.session_resets,
    }
}

fn instance(gateway: &GatewayConfig, aim: &Aim) -> Option<Gateway> {
    let table = aim.vrfs.get(gateway.virtual_gateway_id.as_str())?.table;
    let announced = gateway.cidrs.iter().filter_map(|cidr| {
        let handoff = handoff_of(gateway, family_of(cidr.net().addr()))?;
        let lent = aim.handoffs.get(handoff.interface.as_str())?;
        (lent.id == gateway.virtual_gateway_id).then(|| Announced {
            prefix: *cidr,
            next_hop: handoff.next_hop.address(),
            interface: handoff.interface.to_string(),
        })
    });
    Some(Gateway {
        id: gateway.virtual_gateway_id.clone(),
        table,
        asn: gateway.amazon_side_asn.number(),
        announced: announced.collect(),
        cidrs: gateway.cidrs.clone(),
    })
}

pub(crate) const fn family_of(address: IpAddr) -> AddressFamily {
    match address {
        IpAddr::V4(_) => AddressFamily::Ipv4,
        IpAddr::V6(_) => AddressFamily::Ipv6,
    }
}
