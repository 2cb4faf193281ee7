//! What must hold of a router, said without the code that shall make it so.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use ipnet::IpNet;
use linkway_domain::edge::EdgeConfig;
use linkway_edge::kernel::{Link, LinkConf, LinkKind, Route, RuleAction};
use linkway_edge::mark::Marks;

use super::daemon::BIRD;
use super::forward::{Fate, Packet};
use super::kernel::Model;

/// Destinations: of VPCs, of customers, of customers of other routers, of sessions, of the operator, of nobody.
const DESTINATIONS: [&str; 14] = [
    "10.0.0.5",
    "10.8.0.5",
    "10.0.9.5",
    "172.20.0.5",
    "172.30.0.5",
    "169.254.0.2",
    "169.254.0.6",
    "192.0.2.1",
    "203.0.113.5",
    "2001:db8:1::5",
    "2001:db8:c::5",
    "2001:db8:d::5",
    "2001:db8:ff::1",
    "2001:db8:beef::5",
];

fn destinations() -> impl Iterator<Item = IpAddr> {
    DESTINATIONS.iter().map(|text| text.parse().expect("an address"))
}

/// Where packets may pass from one VRF to another, and between customers.
#[derive(Clone, Debug, Default)]
pub struct Allowed {
    /// Names of VRFs: of a Direct Connect gateway, and of what is associated with it, with the prefixes.
    associations: BTreeSet<(String, String, IpNet)>,
    pairs: BTreeSet<(String, String)>,
    site_links: BTreeSet<String>,
}

impl Allowed {
    /// By any of some configurations: between two of them both may count.
    pub fn by<'a>(configs: impl IntoIterator<Item = &'a EdgeConfig>) -> Self {
        let mut allowed = Self::default();
        configs.into_iter().for_each(|config| allowed.add(config));
        allowed
    }

    /// What another configuration allows too.
    pub fn add(&mut self, config: &EdgeConfig) {
        for (domain, one) in config
            .routing_domains
            .iter()
            .flat_map(|domain| domain.associations.iter().map(move |one| (domain, one)))
        {
            let (from, to) =
                (domain.routing_domain_id.to_string(), one.routing_domain_id.to_string());
            let nets = one.prefixes.iter().map(|prefix| prefix.net());
            self.associations.extend(nets.map(|net| (from.clone(), to.clone(), net)));
            self.pairs.insert((from, to));
        }
        let sites = config.interfaces.iter().filter(|one| one.site_link);
        self.site_links.extend(sites.map(|one| one.virtual_interface_id.to_string()));
    }

    /// Whether a packet that came by a link of one VRF may leave by a link of another, which may be a customer's: out of a Direct
    /// Connect gateway's to what is associated, and from there to its customers.
    fn crosses(&self, from: Option<&str>, out: Option<&str>, customers: bool, to: IpAddr) -> bool {
        let (Some(from), Some(out)) = (from, out) else { return false };
        let there = (from.to_owned(), out.to_owned());
        let within = |net: &IpNet| net.contains(&to);
        let prefixes = self.associations.iter().filter(|(a, b, _)| (a, b) == (&there.0, &there.1));
        let back = self.pairs.contains(&(there.1.clone(), there.0.clone()));
        (!customers && prefixes.map(|(_, _, net)| net).any(within)) || (customers && back)
    }

    /// Whether two interfaces of a VRF may reach one another.
    fn linked(&self, one: &str, two: &str) -> bool {
        self.site_links.contains(one) && self.site_links.contains(two)
    }
}

/// Every way by which a packet of one gateway would come out where it must not (invariant 4). Source addresses and
/// settings of links are left out of it: routing alone must keep gateways apart.
pub fn leaks(model: &Model, marks: &Marks, allowed: &Allowed) -> BTreeSet<String> {
    let mut open = model.clone();
    for link in open.links.values_mut() {
        (link.conf.rp_filter, link.conf.forwarding, link.fence) = (0, true, None);
    }
    open.checks_ipv6_sources = false;
    let is_ours = |name: &str| open.links.get(name).is_some_and(|link| marks.owns_link(name, link));
    let domain = |name: &str| {
        open.links.get(name).and_then(|link| link.master.as_deref()).filter(|m| is_ours(m))
    };
    let mut found = BTreeSet::new();
    for (name, link) in open.links.iter().filter(|(_, link)| link.up && link.carrier) {
        let (vlan, inside) = (matches!(link.kind, LinkKind::Vlan { .. }), domain(name));
        if matches!(link.kind, LinkKind::Vrf { .. }) {
            continue;
        }
        if is_ours(name) && vlan && inside.is_none() {
            found.insert(format!("{name} is up and in no VRF of ours"));
        }
        for to in destinations() {
            let packet = Packet::new(name, to, to);
            if let Fate::Leaves(out) = open.forward(&packet)
                && domain(&out) != inside
                && !allowed.crosses(inside, domain(&out), is_ours(&out), to)
            {
                {
                    found.insert(format!(
                        "a packet for {to} goes from {name} ({inside:?}) to {out}"
                    ));
                }
            }
        }
    }
    found
}

/// Ways to break one of the fences that keep packets in their VRF; each of the others has to hold without it.
pub fn breaches(model: &Model, marks: &Marks) -> Vec<(&'static str, Model)> {
    let without = |name, change: &dyn Fn(&mut Model)| {
        let mut broken = model.clone();
        change(&mut broken);
        (name, broken)
    };
    let is_default =
        |route: &Route| route.prefix.prefix_len() == 0 && marks.owns_table(route.table);
    vec![
        without("the default routes", &|m| m.routes.retain(|route| !is_default(route))),
        without("all routes of ours", &|m| {
            m.routes.retain(|route| route.protocol != marks.route_protocol);
        }),
        without("the rules for VRFs", &|m| {
            m.rules.retain(|rule| rule.action != RuleAction::L3mdev);
        }),
        without("the rule for what has a mark", &|m| {
            m.rules.retain(|rule| rule.action != RuleAction::Blackhole);
        }),
        without("the filters", &|m| m.links.values_mut().for_each(|link| link.fence = None)),
    ]
}

/// Every way by which a customer's packet would come out where it must not: out of its routing domain, on a customer's
/// link, at the router itself.
pub fn customers_leaks(
    model: &Model,
    marks: &Marks,
    ends: bool,
    allowed: &Allowed,
) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let is_customers = |name: &str| {
        model.links.get(name).is_some_and(|link| {
            marks.owns_link(name, link) && matches!(link.kind, LinkKind::Vlan { .. })
        })
    };
    let mut open = model.clone();
    for link in open.links.values_mut() {
        link.conf.rp_filter = 0;
    }
    open.checks_ipv6_sources = false;
    for name in open.links.keys().filter(|name| is_customers(name)) {
        for (to, from) in destinations().flat_map(|to| destinations().map(move |from| (to, from))) {
            if to.is_ipv4() != from.is_ipv4() {
                continue;
            }
            let packet = Packet::new(name, from, to);
            let wrong = match open.forward(&packet) {
                Fate::Leaves(out) => {
                    let vrf = |name: &str| open.vrf_of(name).map(|(vrf, _)| vrf);
                    let (from, into) = (vrf(name), vrf(&out));
                    let away = from != into && !allowed.crosses(from, into, is_customers(&out), to);
                    let linked = from == into && allowed.linked(name, &out);
                    let linked_away = from == into && allowed.site_links.contains(name);
                    let away = away || ends && is_backbone(&open, marks, &out) && !linked_away;
                    (away || ends && is_customers(&out) && !linked).then_some(out)
                }
                Fate::Local => ends.then(|| "the router".to_owned()),
                Fate::Dropped => None,
            };
            found
                .extend(wrong.map(|out| format!("from {name}, {from} to {to}, it comes to {out}")));
        }
    }
    found
}

/// Whether a link of the operator's is in a Direct Connect gateway's VRF.
fn is_backbone(model: &Model, marks: &Marks, name: &str) -> bool {
    let Some(link) = model.links.get(name).filter(|link| !marks.owns_link(name, link)) else {
        return false;
    };
    link.master.as_deref().is_some_and(|master| {
        let ours = model.links.get(master).is_some_and(|link| marks.owns_link(master, link));
        ours && master.starts_with("dxgw-")
    })
}

/// Every way by which a packet of the backbone's would come out elsewhere than at a customer of its gateway that has SiteLink, and
/// by which one that is not such a customer's would come to the backbone.
pub fn backbone_leaks(model: &Model, marks: &Marks, allowed: &Allowed) -> BTreeSet<String> {
    let mut open = model.clone();
    for link in open.links.values_mut() {
        link.conf.rp_filter = 0;
    }
    open.checks_ipv6_sources = false;
    let vrf = |name: &str| open.vrf_of(name).map(|(vrf, _)| vrf);
    let mut found = BTreeSet::new();
    for (name, _) in
        open.links.iter().filter(|(_, link)| !matches!(link.kind, LinkKind::Vrf { .. }))
    {
        let is_from = is_backbone(&open, marks, name);
        for (to, from) in destinations().flat_map(|to| destinations().map(move |from| (to, from))) {
            if to.is_ipv4() != from.is_ipv4() {
                continue;
            }
            let Fate::Leaves(out) = open.forward(&Packet::new(name, from, to)) else { continue };
            let is_to = is_backbone(&open, marks, &out);
            let site_link = |end: &str| allowed.site_links.contains(end);
            let right = vrf(name) == vrf(&out)
                && match (is_from, is_to) {
                    (true, false) => site_link(&out),
                    (false, true) => site_link(name),
                    (true, true) => false,
                    (false, false) => true,
                };
            if (is_from || is_to) && !right {
                found.insert(format!("from {name}, {from} to {to}, it comes to {out}"));
            }
        }
    }
    found
}

/// What was changed of things that are not ours; allowed is what the documents say: an interface that is lent or given
/// back, with what follows from that, and a route in the very place of one of ours.
pub fn meddling(before: &Model, after: &Model, config: &EdgeConfig, marks: &Marks) -> Vec<String> {
    let mut found = Vec::new();
    let handoffs: BTreeMap<&str, &str> = config
        .routing_domains
        .iter()
        .flat_map(|g| {
            g.handoffs.iter().map(|h| (h.interface.as_str(), g.routing_domain_id.as_str()))
        })
        .collect();
    let ours = |model: &Model, name: &str| {
        model.links.get(name).is_some_and(|link| marks.owns_link(name, link))
    };
    let foreign = before.links.iter().filter(|(name, link)| !marks.owns_link(name, link));
    for (name, was) in foreign {
        let Some(is) = after.links.get(name) else {
            found.push(format!("{name} was removed"));
            continue;
        };
        let was_lent = was.master.as_deref().is_some_and(|master| ours(before, master));
        let is_lent = is.master.as_deref().is_some_and(|master| ours(after, master));
        let may_move = was_lent || (handoffs.contains_key(name.as_str()) && is_lent);
        let mut expected = was.clone();
        if may_move {
            expected.master.clone_from(&is.master);
            expected.fence = is.fence;
            expected.unrouted.clone_from(&is.unrouted);
            if !is_lent {
                // It would lead into the router's own networks.
                expected.conf.forwarding = false;
            }
            // Strict towards a VPC, loose towards the backbone.
            let lent = [(true, 1, true), (true, 2, true)];
            let now = (is.conf.forwarding, is.conf.rp_filter, is.conf.keep_addresses);
            let kept = LinkConf { keep_addresses: true, ..expected.conf };
            if (is_lent && lent.contains(&now)) || is.conf == kept {
                expected.conf = is.conf;
            }
        }
        if cycled_under(before, after, was) {
            expected.up |= is.up;
            // Lost, or kept where the agent saw to that.
            let six = |address: &IpNet| matches!(address, IpNet::V6(_));
            expected.addresses.retain(|address| !six(address) || is.addresses.contains(address));
        }
        expected.carrier = is.carrier;
        // A link that comes up again has the routes of its addresses again.
        if is.unrouted.is_subset(&was.unrouted) {
            expected.unrouted.clone_from(&is.unrouted);
        }
        if config.ports.iter().any(|port| port.interface.as_str() == name) || was.fence.is_some() {
            expected.fence = is.fence;
        }
        if expected != *is {
            found.push(format!("{name} was\n{was:?}\nand is\n{is:?}"));
        }
    }
    let mut links = before.links.iter().chain(&after.links);
    let moved: BTreeSet<&String> = links
        .by_ref()
        .filter(|(name, _)| place(before, name) != place(after, name) || ours(before, name))
        .map(|(name, _)| name)
        .collect();
    for route in before.routes.difference(&after.routes) {
        let own = route.protocol == marks.route_protocol && marks.owns_table(route.table);
        let went_with_link = route.way.link().is_some_and(|link| {
            moved.contains(&link.to_owned())
                || before.links.get(link).is_some_and(|l| cycled_under(before, after, l))
        });
        // Out of a VRF of ours by a route that somebody has put there.
        let led_out = marks.owns_table(route.table)
            && route.way.link().is_some_and(|link| {
                before.vrf_of(link).map(|(_, table)| table) != Some(route.table)
            });
        let place = |r: &Route| (r.table, r.prefix, r.metric);
        let replaced = after.routes.iter().any(|other| place(other) == place(route));
        if !own && !went_with_link && !replaced && !led_out && route.protocol != BIRD {
            found.push(format!("{route:?} was removed"));
        }
    }
    found
}

/// Whether the link that a VLAN runs on was moved, which takes everything on top of it down for a moment.
fn cycled_under(before: &Model, after: &Model, link: &Link) -> bool {
    let LinkKind::Vlan { parent: Some(parent), .. } = &link.kind else { return false };
    place(before, parent) != place(after, parent)
}

/// What a link is in. A VRF of the same name with another table is another one: it was made anew.
fn place<'a>(model: &'a Model, name: &str) -> Option<(&'a str, Option<&'a LinkKind>)> {
    let master = model.links.get(name)?.master.as_deref()?;
    Some((master, model.links.get(master).map(|link| &link.kind)))
}

/// A kernel with tables called by the VRF that has them, since the choice of a table depends on what was free.
pub fn canonical(
    model: &Model,
    marks: &Marks,
) -> (BTreeMap<String, Link>, BTreeSet<(String, String)>) {
    let mut names: BTreeMap<u32, String> = BTreeMap::new();
    let mut links = model.links.clone();
    for (name, link) in &mut links {
        if let (true, LinkKind::Vrf { table }) = (marks.owns_link(name, link), &mut link.kind) {
            names.entry(*table).or_insert_with(|| name.clone());
            *table = 0;
        }
        link.carrier = false;
    }
    let routes = model.routes.iter().map(|route| {
        let table = names.get(&route.table).cloned().unwrap_or_else(|| route.table.to_string());
        (table, format!("{:?}", Route { table: 0, ..route.clone() }))
    });
    (links, routes.collect())
}
