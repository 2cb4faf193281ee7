//! Kernels as an agent may find them: the operator's things, others' things in our names and tables, what older versions
//! or a crash left.

use std::collections::BTreeSet;

use ipnet::IpNet;
use linkway_domain::net::AddressFamily;
use linkway_edge::fence::FenceDigest;
use linkway_edge::kernel::{
    Change, Link, LinkConf, LinkKind, Route, Rule, RuleAction, Selector, Way,
};
use linkway_edge::mark::Marks;
use proptest::prelude::*;

use super::build::{BACKBONE, DOMAINS, FABRIC, INTERFACES, PORTS, VLANS, domain, vif};
use super::daemon::BIRD;
use super::forward::MAIN;
use super::kernel::{Model, fresh, fresh_rules};

/// The operator's own way out.
pub const UPLINK: &str = "up0";
/// `proto static`.
const STATIC: u8 = 4;

fn net(text: &str) -> IpNet {
    text.parse().expect("an address")
}

/// A router as its operator set it up: ports, links to the fabric, an uplink with a default route, a bridge.
pub fn clean() -> Model {
    let mut model = Model { forwards_ipv6: true, rules: fresh_rules(), ..Model::default() };
    let mut add = |name: &str, mtu: u32, addresses: &[&str]| {
        let addresses: BTreeSet<IpNet> = addresses.iter().map(|text| net(text)).collect();
        model.links.insert(name.to_owned(), Link { addresses, ..fresh(LinkKind::Other, mtu) });
        model.plugged.insert(name.to_owned());
        model.set_up(name).expect("nothing is in the way");
    };
    PORTS.iter().for_each(|name| add(name, 9_100, &[]));
    let inside = FABRIC.iter().chain([&BACKBONE]);
    inside.for_each(|name| add(name, 9_100, &["192.0.2.2/24", "2001:db8:ff::2/64"]));
    add(UPLINK, 1_500, &["198.51.100.2/24", "2001:db8:aaaa::2/64"]);
    add("br0", 1_500, &[]);
    for (prefix, gate) in [("0.0.0.0/0", "198.51.100.1"), ("::/0", "2001:db8:aaaa::1")] {
        let next_hop = gate.parse().expect("an address");
        let way = Way::Via { next_hop, link: UPLINK.to_owned() };
        let route = Route { table: MAIN, prefix: net(prefix), metric: 0, protocol: STATIC, way };
        model.add_route(&route).expect("the uplink is up");
    }
    model
}

/// One thing more that is not as the agent would have it.
#[derive(Clone, Copy, Debug)]
pub struct Dirt {
    what: u8,
    a: usize,
    b: usize,
    c: usize,
    d: u8,
}

pub fn dirt() -> impl Strategy<Value = Vec<Dirt>> {
    let one = (0..16_u8, 0..64_usize, 0..64_usize, 0..64_usize, any::<u8>())
        .prop_map(|(what, a, b, c, d)| Dirt { what, a, b, c, d });
    prop::collection::vec(one, 0..24)
}

/// Puts all of it into a kernel. What the kernel would refuse is not done.
pub fn spread(dirt: &[Dirt], model: &mut Model, marks: &Marks) {
    for one in dirt {
        one.spread(model, marks);
        model.settle();
    }
}

/// One of ours most of the time, or one that is out of our range.
fn table(which: usize, marks: &Marks) -> u32 {
    match which % 6 {
        5 => 1_000,
        some => marks.first_table + u32::try_from(some).expect("is small"),
    }
}

impl Dirt {
    fn spread(self, model: &mut Model, marks: &Marks) {
        let Self { what, a, b, c, d } = self;
        let ours = d.is_multiple_of(2);
        let group = if ours { marks.link_group } else { 0 };
        match what {
            0 | 1 => {
                let link = if d % 8 == 7 {
                    format!("blue{}", a % 2)
                } else {
                    domain(a % DOMAINS).to_string()
                };
                let _ = model.change(&Change::AddVrf {
                    link: link.clone(),
                    table: table(b, marks),
                    group,
                });
                if c.is_multiple_of(2) {
                    let _ = model.set_up(&link);
                }
            }
            2..=4 => self.vlan(model, group),
            5 => {
                let pool = [
                    "169.254.0.1/30",
                    "169.254.0.2/30",
                    "169.254.0.5/30",
                    "192.0.2.7/24",
                    "2001:db8:7::1/64",
                ];
                if let Some(link) = link(model, a) {
                    link.addresses.insert(net(pool[b % pool.len()]));
                }
            }
            6 | 7 => self.route(model, marks),
            8 => {
                if let Some(link) = link(model, a) {
                    link.conf = conf(d);
                }
            }
            9 => self.enslave(model),
            10 => {
                let name = name(model, a);
                if name != UPLINK && b.is_multiple_of(2) {
                    model.set_down(&name);
                } else {
                    let _ = model.set_up(&name);
                }
            }
            11 => {
                let name = name(model, a);
                let mtu = [1_280, 1_500, 8_500, 9_001][b % 4];
                if name != UPLINK {
                    let _ = model.set_mtu(&name, mtu);
                }
            }
            12 => self.odd(model, group),
            13 => self.rule(model, marks),
            14 => {
                if let Some(link) = link(model, a) {
                    link.fence = Some(FenceDigest(u64::from(d)));
                }
            }
            _ => {
                if let Some(link) = link(model, a).filter(|link| link.up) {
                    link.unrouted = link.addresses.iter().copied().collect();
                }
            }
        }
    }

    /// A rule of somebody else's, behind ours or where ours are, or one that is missing.
    fn rule(self, model: &mut Model, marks: &Marks) {
        let Self { a, b, d, .. } = self;
        let family = if d.is_multiple_of(2) { AddressFamily::Ipv4 } else { AddressFamily::Ipv6 };
        if b.is_multiple_of(2) && !model.rules.is_empty() {
            let gone = model.rules.remove(a % model.rules.len());
            // Without the main table nothing works, and that is the operator's.
            if gone.action == RuleAction::Lookup(MAIN) {
                model.add_rule(gone);
            }
            return;
        }
        let action = [
            RuleAction::Lookup(MAIN),
            RuleAction::L3mdev,
            RuleAction::Lookup(255),
            RuleAction::Blackhole,
        ][a % 4];
        let selector = if d < 64 { Selector::Mark(marks.domain_mark) } else { Selector::Other };
        let protocol = if b % 8 == 1 { marks.route_protocol } else { STATIC };
        let preference = [1, 2, 500, 32_000][usize::from(d) / 2 % 4];
        model.add_rule(Rule { family, preference, selector, action, protocol });
    }

    /// A VLAN, ours or not, with a name of ours or not, in a VRF or not.
    fn vlan(self, model: &mut Model, group: u32) {
        let Self { a, b, c, d, .. } = self;
        let link =
            if d % 8 == 5 { format!("cust{}", a % 2) } else { vif(a % INTERFACES).to_string() };
        let under = if d % 16 == 9 { FABRIC[b % 3] } else { PORTS[b % 3] };
        if model.links.contains_key(&link) || !model.links.contains_key(under) {
            return;
        }
        let kind = LinkKind::Vlan { parent: Some(under.to_owned()), vlan: VLANS[c % 3] };
        if model.links.values().any(|other| other.kind == kind) {
            return;
        }
        let mtu = model.links[under].mtu.min(1_500);
        model.links.insert(link.clone(), Link { group, ..fresh(kind, mtu) });
        let vrfs = vrfs(model);
        if !vrfs.is_empty() && d < 200 {
            let _ = model.set_master(&link, Some(&vrfs[usize::from(d) % vrfs.len()]));
        }
        if c < 48 {
            let _ = model.set_up(&link);
        }
    }

    fn route(self, model: &mut Model, marks: &Marks) {
        let Self { a, b, c, d, .. } = self;
        let prefixes =
            ["0.0.0.0/0", "10.0.0.0/16", "10.8.0.0/16", "::/0", "2001:db8:1::/56", "172.20.0.0/16"];
        let prefix = net(prefixes[b % prefixes.len()]);
        let gate = if prefix.addr().is_ipv4() { "192.0.2.1" } else { "2001:db8:ff::1" };
        let next_hop = gate.parse().expect("an address");
        let way = match c % 5 {
            0 => Way::Unreachable,
            1 => Way::Other,
            2 => Way::Dev { link: name(model, c) },
            _ => Way::Via { next_hop, link: name(model, c) },
        };
        let metric = [10, 32, 4_278_198_272, 0][usize::from(d) / 8 % 4];
        let protocol =
            [marks.route_protocol, STATIC, BIRD, marks.route_protocol][usize::from(d) % 4];
        let route = Route { table: table(a, marks), prefix, metric, protocol, way };
        let _ = model.add_route(&route);
    }

    fn enslave(self, model: &mut Model) {
        let Self { a, b, .. } = self;
        let name = name(model, a);
        let vrfs = vrfs(model);
        if name == UPLINK || name == "br0" || vrfs.contains(&name) {
            return;
        }
        if b % 4 == 0 || vrfs.is_empty() {
            model.links.get_mut(&name).expect("is there").master = Some("br0".to_owned());
        } else {
            let _ = model.set_master(&name, Some(&vrfs[b % vrfs.len()]));
        }
    }

    /// Missing ports, links of other sorts with names of ours, links of ours in other groups.
    fn odd(self, model: &mut Model, group: u32) {
        let Self { a, b, d, .. } = self;
        match b % 5 {
            0 | 1 => {
                let names = [PORTS[a % 3], FABRIC[a % 3]];
                let name = names[b % 5];
                let on_top = |link: &Link| matches!(&link.kind, LinkKind::Vlan { parent: Some(parent), .. } if parent == name);
                model.links.retain(|_, link| !on_top(link));
                model.links.remove(name);
                let links = &model.links;
                model.routes.retain(|r| r.way.link().is_none_or(|link| links.contains_key(link)));
            }
            2 => {
                let name = if d < 128 {
                    vif(a % INTERFACES).to_string()
                } else {
                    domain(a % DOMAINS).to_string()
                };
                model
                    .links
                    .entry(name)
                    .or_insert_with(|| Link { group, ..fresh(LinkKind::Other, 1_500) });
            }
            3 => model.forwards_ipv6 = false,
            _ => {
                // A VLAN whose port is in another namespace.
                let kind = LinkKind::Vlan { parent: None, vlan: 7 };
                let name = vif(a % INTERFACES).to_string();
                model.links.entry(name).or_insert_with(|| Link { group, ..fresh(kind, 1_500) });
            }
        }
    }
}

fn name(model: &Model, which: usize) -> String {
    model.links.keys().nth(which % model.links.len()).expect("is below the length").clone()
}

fn link(model: &mut Model, which: usize) -> Option<&mut Link> {
    let length = model.links.len();
    model.links.values_mut().nth(which % length)
}

fn vrfs(model: &Model) -> Vec<String> {
    let vrf = |link: &Link| matches!(link.kind, LinkKind::Vrf { .. });
    model.links.iter().filter(|(_, link)| vrf(link)).map(|(name, _)| name.clone()).collect()
}

fn conf(bits: u8) -> LinkConf {
    LinkConf {
        forwarding: bits & 1 != 0,
        rp_filter: (bits >> 1) % 3,
        send_redirects: bits & 8 != 0,
        accept_redirects: bits & 16 != 0,
        arp_ignore: (bits >> 5) & 1,
        link_local: bits & 64 != 0,
        keep_addresses: bits & 128 != 0,
        lenient: bits.is_multiple_of(3),
    }
}
