//! Tries the netlink driver on a real kernel that has VLANs and VRFs, and says whether it held what it promises.
//!
//! Run it as root in a network namespace of its own, or in User-mode Linux, with a veth pair `port0` and `far0` and a dummy or
//! veth `handoff0` in it: `kernel_trial [how many interfaces for the measurement]`. It makes and removes VLANs and VRFs of its
//! marks there. The verdict is one line, `PASS` or `FAIL`, and the exit status.

#![allow(clippy::unwrap_used, reason = "a trial that fails stops")]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::{Command, ExitCode};
use std::time::Duration;

use ipnet::IpNet;
use linkway_edge::kernel::{Change, Kernel, LinkConf, LinkKind, Route, Way};
use linkway_edge::mark::Marks;
use linkway_edge::netlink::{Monitor, Netlink};

mod fences;
mod many;
mod more;

const CONF: LinkConf = LinkConf {
    forwarding: true,
    rp_filter: 1,
    send_redirects: false,
    accept_redirects: false,
    arp_ignore: 1,
    link_local: false,
    keep_addresses: true,
    lenient: false,
};

fn main() -> ExitCode {
    let many = std::env::args().nth(1).map_or(200, |text| text.parse().unwrap());
    let mut trial = Trial { kernel: Netlink::open(Marks::default()).unwrap(), failures: 0 };
    trial.one_interface();
    trial.twice_is_no_error();
    trial.errors_say_what();
    trial.nothing_of_others_is_removed();
    trial.routes();
    trial.handoff();
    trial.foreign_parent();
    trial.removal();
    trial.monitor();
    trial.fences();
    trial.rules();
    trial.sources();
    trial.routes_of_addresses();
    trial.settings();
    trial.many(many);
    println!("{}", if trial.failures == 0 { "PASS" } else { "FAIL" });
    if trial.failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

struct Trial {
    kernel: Netlink,
    failures: u32,
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn sh(command: &str) {
    let status = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success(), "{command}");
}

fn output(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).output().unwrap();
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn vrf(name: &str, table: u32) -> Change {
    let marks = Marks::default();
    Change::AddVrf { link: name.into(), table: marks.first_table + table, group: marks.link_group }
}

fn vlan(name: &str, vlan: u16, master: &str, mtu: u32) -> Change {
    Change::AddVlan {
        link: name.into(),
        parent: "port0".into(),
        vlan,
        master: master.into(),
        mtu,
        group: Marks::default().link_group,
    }
}

fn route(table: u32, prefix: &str, metric: u32, way: Way) -> Route {
    let marks = Marks::default();
    let table = marks.first_table + table;
    Route { table, prefix: net(prefix), metric, protocol: marks.route_protocol, way }
}

fn via(next_hop: &str, link: &str) -> Way {
    Way::Via { next_hop: ip(next_hop), link: link.into() }
}

fn everything(link: &str, vlan_id: u16, gateway: &str, table: u32, address: &str) -> Vec<Change> {
    let link_name = || link.to_owned();
    vec![
        vrf(gateway, table),
        Change::SetUp { link: gateway.into() },
        vlan(link, vlan_id, gateway, 1500),
        Change::SetAlias { link: link_name(), alias: "lent by 1 to 2".into() },
        Change::SetConf { link: link_name(), conf: CONF },
        Change::AddAddress { link: link_name(), address: net(address) },
        Change::AddAddress { link: link_name(), address: net("2001:db8::1/126") },
        Change::SetUp { link: link_name() },
        Change::AddRoute(route(table, "0.0.0.0/0", 4_278_198_272, Way::Unreachable)),
        Change::AddRoute(route(table, "::/0", 4_278_198_272, Way::Unreachable)),
    ]
}

impl Trial {
    fn check(&mut self, what: &str, holds: bool) {
        println!("{} {what}", if holds { "ok  " } else { "FAIL" });
        self.failures += u32::from(!holds);
    }

    fn apply(&mut self, what: &str, changes: &[Change]) {
        let results = self.kernel.apply(changes);
        let errors: Vec<String> =
            results.iter().filter_map(|r| r.as_ref().err()).map(ToString::to_string).collect();
        self.check(&format!("{what} {errors:?}"), errors.is_empty());
    }

    fn refused(&mut self, change: Change, expected: &str) {
        let text = self.kernel.apply(&[change])[0].as_ref().err().map(ToString::to_string);
        let holds = text.as_deref() == Some(expected);
        self.check(&format!("refused: {}", text.unwrap_or_default()), holds);
    }

    fn look(&mut self) -> Kernel {
        self.kernel.observe().unwrap()
    }

    fn one_interface(&mut self) {
        self.look();
        self.apply(
            "an interface at once",
            &everything("dxvif-a", 101, "vgw-a", 1, "169.254.0.1/30"),
        );
        let kernel = self.look();
        let link = &kernel.links["dxvif-a"];
        let kind = LinkKind::Vlan { parent: Some("port0".into()), vlan: 101 };
        self.check("its kind", link.kind == kind);
        self.check("its VRF", link.master.as_deref() == Some("vgw-a"));
        self.check("its settings", link.conf == CONF);
        self.check("its alias", link.alias == "lent by 1 to 2");
        self.check("its group", link.group == Marks::default().link_group);
        self.check("up with a carrier", link.up && link.carrier && link.mtu == 1500);
        let addresses = BTreeSet::from([net("169.254.0.1/30"), net("2001:db8::1/126")]);
        self.check("its addresses", link.addresses == addresses);
        let table = Marks::default().first_table + 1;
        self.check("the VRF's kind", kernel.links["vgw-a"].kind == LinkKind::Vrf { table });
        self.check("the VRF is up", kernel.links["vgw-a"].up);
        let routes: Vec<&Route> = kernel.routes.iter().filter(|r| r.table == table).collect();
        self.check(&format!("two routes {routes:?}"), routes.len() == 2);
        self.check("unreachable", routes.iter().all(|r| r.way == Way::Unreachable));
        let plain = LinkConf {
            forwarding: false,
            rp_filter: 0,
            send_redirects: true,
            arp_ignore: 0,
            ..CONF
        };
        self.apply(
            "settings back to 0",
            &[Change::SetConf { link: "dxvif-a".into(), conf: plain }],
        );
        let back = self.look().links["dxvif-a"].conf;
        self.check("settings of 0", back == plain);
        self.apply("settings again", &[Change::SetConf { link: "dxvif-a".into(), conf: CONF }]);
    }

    fn twice_is_no_error(&mut self) {
        let before = self.look();
        self.apply("the same again", &everything("dxvif-a", 101, "vgw-a", 1, "169.254.0.1/30"));
        let mut after = self.look();
        for (name, link) in &mut after.links {
            link.traffic = before.links[name].traffic;
        }
        self.check("nothing changed", before == after);
    }

    fn errors_say_what(&mut self) {
        self.refused(
            vlan("dxvif-b", 102, "vgw-a", 9001),
            "port port0: VLAN 102 for dxvif-b in vgw-a, MTU 9001: Invalid argument (port0 itself has MTU 1500)",
        );
        self.refused(
            Change::SetMtu { link: "dxvif-a".into(), mtu: 9001 },
            "port port0: MTU 9001 for dxvif-a: Numerical result out of range (port0 itself has MTU 1500)",
        );
        self.refused(
            vlan("dxvif-b", 101, "vgw-a", 1500),
            "port port0: VLAN 101 for dxvif-b in vgw-a, MTU 1500: File exists (8021q: VLAN device already exists)",
        );
        self.refused(
            vlan("dxvif-a", 103, "vgw-a", 1500),
            "port port0: VLAN 103 for dxvif-a in vgw-a, MTU 1500: there is another link of that name, VLAN 101 on \
             port0, in vgw-a, MTU 1500, group 7224",
        );
        self.refused(
            vlan("dxvif-b", 102, "vgw-none", 1500),
            "port port0: VLAN 102 for dxvif-b in vgw-none, MTU 1500: there is no link vgw-none",
        );
        let results = self.kernel.apply(&[
            vlan("dxvif-b", 102, "vgw-none", 1500),
            Change::SetUp { link: "nothing".into() },
            Change::AddAddress { link: "dxvif-b".into(), address: net("10.0.0.1/24") },
            Change::SetAlias { link: "dxvif-a".into(), alias: "still done".into() },
        ]);
        let failed: Vec<bool> = results.iter().map(Result::is_err).collect();
        self.check("a failure stops no other", failed == [true, true, true, false]);
        let alias = self.look().links["dxvif-a"].alias.clone();
        self.check("the last one was done", alias == "still done");
    }

    fn nothing_of_others_is_removed(&mut self) {
        sh("ip link add link port0 name other.7 type vlan id 7");
        sh("ip link set handoff0 group 7224");
        for fresh in [false, true] {
            if fresh {
                self.look();
            }
            for link in ["port0", "other.7", "handoff0"] {
                let refused =
                    self.kernel.apply(&[Change::DeleteLink { link: link.into() }])[0].is_err();
                self.check(&format!("{link} is not removed"), refused);
            }
        }
        sh("ip link set handoff0 group 0");
        let links = self.look().links;
        self.check("they are there", links.contains_key("other.7") && links.contains_key("port0"));
        sh("ip link del other.7");
    }

    fn routes(&mut self) {
        let a = route(1, "10.1.0.0/16", 20, via("169.254.0.2", "dxvif-a"));
        let b = route(1, "10.1.0.0/16", 20, via("169.254.0.200", "dxvif-a"));
        let six = route(1, "2001:db8:1::/48", 20, via("2001:db8::2", "dxvif-a"));
        let mixed = route(1, "10.3.0.0/16", 20, via("2001:db8::2", "dxvif-a"));
        let add = |r: &Route| Change::AddRoute(r.clone());
        self.apply("routes", &[add(&a), add(&six), add(&mixed), add(&six)]);
        let routes = self.look().routes;
        self.check("they are there", [&a, &six, &mixed].iter().all(|r| routes.contains(r)));
        self.apply("another next hop, off the subnet", &[add(&b)]);
        let routes = self.look().routes;
        self.check("it replaced the other", routes.contains(&b) && !routes.contains(&a));
        sh(
            "ip route add 10.9.0.0/16 table 722400001 proto 77 nexthop via 169.254.0.2 dev dxvif-a nexthop via 169.254.0.9 dev dxvif-a onlink",
        );
        sh("ip route add blackhole 10.8.0.0/16 table 722400001 proto 77 tos 0x10");
        sh("ip route add blackhole 10.8.0.0/16 table 722400001 proto 77");
        sh(
            "ip -6 route add 2001:db8:9::/48 table 722400001 proto 77 nexthop via 2001:db8::2 dev dxvif-a nexthop via 2001:db8::3 dev dxvif-a",
        );
        sh(
            "ip -6 route add 2001:db8:8::/48 from 2001:db8:7::/48 table 722400001 proto 77 via 2001:db8::2 dev dxvif-a",
        );
        sh("ip route add 10.7.0.0/16 proto 172 dev port0 table main");
        let odd: Vec<Route> =
            self.look().routes.into_iter().filter(|r| r.protocol == 77 || r.table == 254).collect();
        self.check(&format!("odd routes {odd:?}"), odd.len() >= 5);
        let delete = |r: &Route| Change::DeleteRoute(r.clone());
        let mut removals: Vec<Change> = odd.iter().map(delete).collect();
        removals.extend([&a, &b, &six, &mixed, &mixed].map(delete));
        self.apply("removing all of them, one twice", &removals);
        let left: Vec<Route> =
            self.look().routes.into_iter().filter(|r| r.way != Way::Unreachable).collect();
        self.check(&format!("none is left {left:?}"), left.is_empty());
        let text =
            self.kernel.apply(&[add(&route(1, "::/0", 5, via("10.0.0.1", "dxvif-a")))]).remove(0);
        self.check(&format!("no such route {text:?}"), text.is_err());
    }

    fn handoff(&mut self) {
        sh(
            "ip addr add 192.0.2.1/24 dev handoff0; ip addr add 2001:db8:2::1/64 dev handoff0 nodad; ip link set handoff0 up",
        );
        let link = || "handoff0".to_owned();
        self.look();
        self.apply(
            "a handoff into its VRF",
            &[
                // Without link-local addresses an IPv6 address that is there would go.
                Change::SetConf { link: link(), conf: LinkConf { link_local: true, ..CONF } },
                Change::SetMaster { link: link(), master: Some("vgw-a".into()) },
                Change::AddRoute(route(1, "172.31.0.0/16", 10, via("192.0.2.2", "handoff0"))),
            ],
        );
        let kernel = self.look();
        let handoff = &kernel.links["handoff0"];
        self.check("in the VRF", handoff.master.as_deref() == Some("vgw-a"));
        let kept = handoff.addresses.contains(&net("2001:db8:2::1/64"));
        self.check("it kept its IPv6 address", kept && handoff.addresses.len() == 2);
        self.check("its route", kernel.routes.iter().any(|r| r.prefix == net("172.31.0.0/16")));
        let conf = LinkConf { link_local: true, ..CONF };
        self.apply(
            "out again, with link-local addresses",
            &[
                Change::SetMaster { link: link(), master: None },
                Change::SetConf { link: link(), conf },
            ],
        );
        let kernel = self.look();
        let handoff = &kernel.links["handoff0"];
        self.check("out of it", handoff.master.is_none() && handoff.conf == conf);
        sh("ip -6 addr show dev handoff0 | grep -q fe80:");
        self.apply(
            "its addresses removed, one twice, one with its peer",
            &[
                Change::DeleteAddress { link: link(), address: net("192.0.2.1/24") },
                Change::DeleteAddress { link: link(), address: net("192.0.2.1/24") },
                Change::DeleteAddress { link: link(), address: net("2001:db8:2::1/64") },
                Change::DeleteAddress { link: "nothing".into(), address: net("192.0.2.1/24") },
            ],
        );
        sh(
            "ip addr add 10.5.0.1 peer 10.5.0.2/32 dev handoff0; ip addr add 2001:db8:5::1/64 dev handoff0 nodad",
        );
        let point = self.look().links["handoff0"].addresses.clone();
        self.check(&format!("point to point {point:?}"), point.len() == 2);
        let change = |address: &IpNet| Change::DeleteAddress { link: link(), address: *address };
        let other_length = Change::AddAddress { link: link(), address: net("2001:db8:5::1/126") };
        let refused = self.kernel.apply(std::slice::from_ref(&other_length)).remove(0);
        self.check(&format!("not the same address {refused:?}"), refused.is_err());
        let mut changes: Vec<Change> = point.iter().map(change).collect();
        changes.push(other_length);
        self.apply("another prefix length", &changes);
        let left = self.look().links["handoff0"].addresses.clone();
        self.check("only that is left", left == BTreeSet::from([net("2001:db8:5::1/126")]));
    }

    fn foreign_parent(&mut self) {
        sh(
            "ip netns add trial_other && ip link add link port0 name away.9 type vlan id 9 && ip link set away.9 netns trial_other && \
            ip netns exec trial_other ip link set away.9 name lo9 && ip netns exec trial_other ip link set lo9 netns 1",
        );
        sh("ip netns exec trial_other ip link add pa type veth peer name pb && \
            ip netns exec trial_other ip link add link pa name far.9 type vlan id 9 && \
            ip netns exec trial_other ip link set far.9 netns 1");
        let kernel = self.look();
        let kind = LinkKind::Vlan { parent: None, vlan: 9 };
        self.check("a parent in another namespace", kernel.links["far.9"].kind == kind);
        let kind = LinkKind::Vlan { parent: Some("port0".into()), vlan: 9 };
        self.check("there and back", kernel.links["lo9"].kind == kind);
        sh("ip link del far.9; ip link del lo9; ip netns del trial_other");
    }

    fn removal(&mut self) {
        self.look();
        let delete = |link: &str| Change::DeleteLink { link: link.into() };
        let last = |prefix| Change::DeleteRoute(route(1, prefix, 4_278_198_272, Way::Unreachable));
        self.apply(
            "all of it removed, some twice",
            &[
                last("0.0.0.0/0"),
                last("::/0"),
                delete("dxvif-a"),
                delete("dxvif-a"),
                delete("vgw-a"),
                delete("never-was"),
                Change::SetMaster { link: "dxvif-a".into(), master: None },
                Change::DeleteRoute(route(1, "10.0.0.0/8", 1, via("10.0.0.1", "dxvif-a"))),
            ],
        );
        let kernel = self.look();
        let ours = |name: &str| name.starts_with("dxvif-") || name.starts_with("vgw-");
        self.check("no link of ours", !kernel.links.keys().any(|name| ours(name)));
        self.check(&format!("no route of ours {:?}", kernel.routes), kernel.routes.is_empty());
    }

    fn monitor(&mut self) {
        let mut monitor = Monitor::open(Marks::default()).unwrap();
        // What was removed before may still be told of.
        while monitor.wait(Duration::from_millis(200)).unwrap() {}
        self.apply(
            "a VRF for the monitor",
            &[vrf("vgw-m", 3), Change::DeleteLink { link: "vgw-m".into() }],
        );
        let heard = monitor.wait(Duration::from_secs(5)).unwrap();
        self.check("the monitor hears of it", heard);
    }
}
