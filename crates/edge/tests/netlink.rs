//! The netlink driver against the kernel that the tests run on, in a network namespace that goes away with the test.
//!
//! Each test runs itself once more under unshare(1): as root, or else as root of a user namespace of its own; where neither is
//! possible it fails and says so. VLANs and VRFs, which not every kernel has, are in `examples/kernel_trial.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::process::Command;
use std::sync::mpsc;
use std::time::Duration;

use ipnet::IpNet;
use linkway_edge::kernel::{Change, Kernel, LinkConf, LinkKind, Route, Way};
use linkway_edge::mark::Marks;
use linkway_edge::netlink::{Monitor, Netlink};

/// Set for the second run of a test, inside its namespace.
const INSIDE: &str = "LINKWAY_EDGE_TEST_NAMESPACE";

fn in_namespace(test: &str, body: impl FnOnce()) {
    if std::env::var_os(INSIDE).is_some() {
        sh("ip link set lo up");
        return body();
    }
    let myself = std::env::current_exe().unwrap();
    let run = |user: &[&str], program: &str, arguments: &[&str]| {
        let mut command = Command::new("unshare");
        command.args(user).args(["--net", "--"]).arg(program).args(arguments);
        command.env(INSIDE, test).output().expect("unshare(1) of util-linux can be run")
    };
    let users: [&[&str]; 2] = [&[], &["--user", "--map-root-user"]];
    let user = users.into_iter().find(|user| run(user, "true", &[]).status.success());
    let user = user.expect(
        "the test is root, or may make user namespaces (unprivileged_userns_clone, apparmor)",
    );
    let output = run(user, myself.to_str().unwrap(), &["--exact", test, "--nocapture"]);
    let (out, err) =
        (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && out.contains("1 passed"), "{out}\n{err}");
}

fn sh(command: &str) {
    let output = Command::new("sh").args(["-ec", command]).output().unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
}

fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

fn marks() -> Marks {
    Marks::default()
}

fn name(link: &str) -> String {
    link.to_owned()
}

fn route(prefix: &str, metric: u32, way: Way) -> Route {
    let table = marks().first_table + 5;
    Route { table, prefix: net(prefix), metric, protocol: marks().route_protocol, way }
}

fn via(next_hop: &str, link: &str) -> Way {
    Way::Via { next_hop: next_hop.parse::<IpAddr>().unwrap(), link: name(link) }
}

fn all_ok(kernel: &mut Netlink, changes: &[Change]) {
    for (change, result) in changes.iter().zip(kernel.apply(changes)) {
        result.unwrap_or_else(|error| panic!("{change:?}: {error}"));
    }
}

fn without_traffic(mut kernel: Kernel) -> Kernel {
    for link in kernel.links.values_mut() {
        link.traffic = Default::default();
    }
    kernel
}

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

/// A pair of links, one of them a port of a bridge, all with a carrier.
fn links() {
    sh(
        "ip link add p0 type veth peer name p1; ip link add bridge0 type bridge; ip link set p1 master bridge0",
    );
    sh("ip link set p0 up; ip link set p1 up; ip link set bridge0 up");
}

#[test]
fn links_are_seen_as_they_are() {
    in_namespace("links_are_seen_as_they_are", || {
        links();
        sh("ip link set p0 group 7224 mtu 1400 alias 'a port'; ip addr add 10.0.0.1/24 dev p0");
        sh(
            "ip addr add 2001:db8::1/64 dev p0 nodad; ip link add down.1 type veth peer name down.2",
        );
        sh("ip addr add 10.5.0.1 peer 10.5.0.2/32 dev bridge0");
        sh("echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
        let kernel = Netlink::open(marks()).unwrap().observe().unwrap();
        let a = &kernel.links["p0"];
        assert_eq!((a.kind.clone(), a.mtu, a.group), (LinkKind::Other, 1400, 7224));
        assert_eq!((a.up, a.carrier, a.alias.as_str()), (true, true, "a port"));
        assert_eq!(a.addresses, BTreeSet::from([net("10.0.0.1/24"), net("2001:db8::1/64")]));
        assert!(a.conf.link_local && !a.conf.keep_addresses);
        assert_eq!(kernel.links["p1"].master.as_deref(), Some("bridge0"));
        assert_eq!(kernel.links["bridge0"].addresses, BTreeSet::from([net("10.5.0.1/32")]));
        assert!(!kernel.links["down.1"].up && !kernel.links["down.1"].carrier);
        assert!(kernel.forwards_ipv6);
        assert_eq!(kernel.routes, BTreeSet::new());
    });
}

#[test]
fn changes_are_made_once_and_again() {
    in_namespace("changes_are_made_once_and_again", || {
        links();
        let mut kernel = Netlink::open(marks()).unwrap();
        let changes = [
            Change::SetAlias { link: name("p0"), alias: "lent, ünïcode".into() },
            Change::SetMtu { link: name("p0"), mtu: 1420 },
            Change::SetConf { link: name("p0"), conf: CONF },
            Change::SetMaster { link: name("p1"), master: None },
            Change::AddAddress { link: name("p0"), address: net("169.254.0.1/30") },
            Change::AddAddress { link: name("p0"), address: net("2001:db8::1/126") },
            Change::SetUp { link: name("p0") },
            Change::AddRoute(route("10.1.0.0/16", 20, via("169.254.0.2", "p0"))),
            Change::AddRoute(route("10.2.0.0/16", 20, via("192.0.2.77", "p0"))),
            Change::AddRoute(route("10.3.0.0/16", 20, via("2001:db8::2", "p0"))),
            Change::AddRoute(route("2001:db8:1::/48", 20, via("2001:db8::2", "p0"))),
            Change::AddRoute(route("0.0.0.0/0", 4_278_198_272, Way::Unreachable)),
            Change::AddRoute(route("::/0", 4_278_198_272, Way::Unreachable)),
        ];
        // Without a look before: every index has to be asked for.
        all_ok(&mut kernel, &changes);
        let first = without_traffic(kernel.observe().unwrap());
        let a = &first.links["p0"];
        assert_eq!((a.alias.as_str(), a.mtu, a.conf), ("lent, ünïcode", 1420, CONF));
        assert_eq!(a.addresses, BTreeSet::from([net("169.254.0.1/30"), net("2001:db8::1/126")]));
        assert_eq!(first.links["p1"].master, None);
        let expected: BTreeSet<Route> = changes
            .iter()
            .filter_map(|change| match change {
                Change::AddRoute(route) => Some(route.clone()),
                _ => None,
            })
            .collect();
        assert_eq!(first.routes, expected);
        all_ok(&mut kernel, &changes);
        assert_eq!(without_traffic(kernel.observe().unwrap()), first);
        let none = LinkConf {
            forwarding: false,
            rp_filter: 0,
            arp_ignore: 0,
            send_redirects: true,
            accept_redirects: true,
            link_local: true,
            keep_addresses: false,
            lenient: false,
        };
        let mut back = vec![
            Change::SetConf { link: name("p0"), conf: none },
            Change::SetAlias { link: name("p0"), alias: String::new() },
            Change::SetMaster { link: name("p0"), master: Some(name("bridge0")) },
            Change::DeleteAddress { link: name("p0"), address: net("169.254.0.1/30") },
            Change::DeleteAddress { link: name("p0"), address: net("2001:db8::1/126") },
        ];
        back.extend(expected.into_iter().map(Change::DeleteRoute));
        for _ in 0..2 {
            all_ok(&mut kernel, &back);
            let after = kernel.observe().unwrap();
            let a = &after.links["p0"];
            assert_eq!(
                (a.conf, a.alias.as_str(), a.master.as_deref()),
                (none, "", Some("bridge0"))
            );
            assert!(a.addresses.is_empty() && after.routes.is_empty(), "{after:?}");
        }
    });
}

/// A VLAN whose IPv6 peer comes and goes has a link-local address for as long, and is not set down for it.
#[test]
fn a_link_gets_and_loses_its_link_local_address_while_it_is_up() {
    in_namespace("a_link_gets_and_loses_its_link_local_address_while_it_is_up", || {
        links();
        let mut kernel = Netlink::open(marks()).unwrap();
        let six = net("fd6c:696e:6b77::1/125");
        let add = |address| Change::AddAddress { link: name("p0"), address };
        all_ok(&mut kernel, &[add(net("169.254.0.1/30"))]);
        let conf = |link_local| Change::SetConf {
            link: name("p0"),
            conf: LinkConf { link_local, keep_addresses: false, ..CONF },
        };
        for _ in 0..2 {
            kernel.observe().unwrap();
            all_ok(
                &mut kernel,
                &[conf(false), Change::DeleteAddress { link: name("p0"), address: six }],
            );
            sh("test -z \"$(ip -6 addr show dev p0)\"");
            let seen = kernel.observe().unwrap();
            assert_eq!(seen.links["p0"].addresses, BTreeSet::from([net("169.254.0.1/30")]));
            assert!(seen.links["p0"].up && !seen.links["p0"].conf.link_local);
            all_ok(&mut kernel, &[conf(true), add(six)]);
            sh("ip -6 addr show dev p0 | grep -q fe80:");
            let seen = kernel.observe().unwrap();
            assert!(seen.links["p0"].addresses.contains(&six) && seen.links["p0"].conf.link_local);
        }
    });
}

#[test]
fn failures_are_told_and_stop_nothing() {
    in_namespace("failures_are_told_and_stop_nothing", || {
        links();
        let mut kernel = Netlink::open(marks()).unwrap();
        kernel.observe().unwrap();
        let changes = [
            Change::SetMtu { link: name("p0"), mtu: 99_999_999 },
            Change::SetUp { link: name("nothing") },
            Change::AddAddress { link: name("nothing"), address: net("10.0.0.1/24") },
            Change::AddAddress { link: name("../all"), address: net("10.0.0.1/24") },
            Change::SetConf { link: name("nothing"), conf: CONF },
            Change::AddRoute(route("::/0", 1, via("10.0.0.1", "p0"))),
            Change::DeleteLink { link: name("p0") },
            Change::DeleteLink { link: name("nothing") },
            Change::SetAlias { link: name("p0"), alias: "made".into() },
        ];
        let texts: Vec<String> = kernel
            .apply(&changes)
            .into_iter()
            .map(|result| result.err().map_or(String::new(), |error| error.to_string()))
            .collect();
        let expected = [
            "MTU 99999999 for p0: Invalid argument (mtu greater than device maximum)",
            "setting nothing up: No such device",
            "address 10.0.0.1/24 on nothing: there is no link nothing",
            "address 10.0.0.1/24 on ../all: \"../all\" is not a link's name (1 to 15 bytes, no slash, space or colon)",
            "settings of nothing (forwarding 1, rp_filter 1, send_redirects 0, accept_redirects 0, arp_ignore 1, \
             link-local addresses 0, keep_addr_on_down 1): No such device",
            "route ::/0 via 10.0.0.1 on p0 in table 722400005, metric 1: an IPv6 prefix cannot have an IPv4 next hop",
            "p0 is not removed: it is no VLAN and no VRF, in no VRF, MTU 1500, group 0; ours are VLANs and VRFs of group 7224",
            "",
            "",
        ];
        assert_eq!(texts, expected);
        assert_eq!(kernel.observe().unwrap().links["p0"].alias, "made");
    });
}

/// More routes of others than are worth reading: what is ours is found table by table, and by protocol in theirs.
#[test]
fn a_large_main_table_is_passed_over() {
    in_namespace("a_large_main_table_is_passed_over", || {
        links();
        sh("ip addr add 10.0.0.1/24 dev p0");
        sh(
            "seq 0 24999 | awk '{ print \"route add 100.\" int($1/256) \".\" $1%256 \".0/24 via 10.0.0.2\" }' | ip -batch -",
        );
        let mut kernel = Netlink::open(marks()).unwrap();
        let ours = [
            route("10.1.0.0/16", 20, via("10.0.0.2", "p0")),
            route("::/0", 20, Way::Unreachable),
            Route { table: 254, ..route("10.2.0.0/16", 20, via("10.0.0.2", "p0")) },
            Route { protocol: 12, ..route("10.3.0.0/16", 20, via("10.0.0.2", "p0")) },
        ];
        kernel.observe().unwrap();
        all_ok(&mut kernel, &ours.clone().map(Change::AddRoute));
        for look in 0..40 {
            assert_eq!(
                kernel.observe().unwrap().routes,
                BTreeSet::from(ours.clone()),
                "look {look}"
            );
        }
        all_ok(&mut kernel, &ours.map(Change::DeleteRoute));
        assert_eq!(kernel.observe().unwrap().routes, BTreeSet::new());
    });
}

#[test]
fn ten_thousand_changes() {
    in_namespace("ten_thousand_changes", || {
        links();
        let mut kernel = Netlink::open(marks()).unwrap();
        let routes: Vec<Route> = (0..10_000u32)
            .map(|n| route(&format!("100.{}.{}.0/24", n >> 8, n & 255), 20, via("10.0.0.2", "p0")))
            .collect();
        all_ok(&mut kernel, &routes.iter().cloned().map(Change::AddRoute).collect::<Vec<_>>());
        assert_eq!(kernel.observe().unwrap().routes.len(), routes.len());
        // Each of them fails, and each is told so.
        let changes: Vec<Change> =
            (0..10_000).map(|n| Change::SetUp { link: format!("no{n}") }).collect();
        assert!(kernel.apply(&changes).iter().all(Result::is_err));
        all_ok(&mut kernel, &routes.into_iter().map(Change::DeleteRoute).collect::<Vec<_>>());
        assert_eq!(kernel.observe().unwrap().routes.len(), 0);
    });
}

#[test]
fn the_monitor_hears_of_links_and_addresses_only() {
    in_namespace("the_monitor_hears_of_links_and_addresses_only", || {
        // Nothing but lo: other links go on telling of themselves for a second or two after a change.
        let mut monitor = Monitor::open(Marks::default()).unwrap();
        sh("ip route add unreachable 10.1.0.0/16; ip route del unreachable 10.1.0.0/16");
        assert!(!monitor.wait(Duration::from_millis(200)).unwrap());
        for change in [
            "ip link add bridge0 type bridge",
            // Not its alias: the kernel tells of that only while a link is up.
            "ip link set bridge0 mtu 1400",
            "ip addr add 10.0.0.1/24 dev bridge0",
            "ip addr add 2001:db8::1/64 dev bridge0 nodad",
            "ip link del bridge0",
        ] {
            while monitor.wait(Duration::from_millis(100)).unwrap() {}
            let (heard, hears) = mpsc::channel();
            std::thread::scope(|scope| {
                let monitor = &mut monitor;
                scope.spawn(move || {
                    heard.send(monitor.wait(Duration::from_secs(20)).unwrap()).unwrap();
                });
                sh(change);
                assert!(hears.recv().unwrap(), "{change}");
            });
        }
        sh("for n in $(seq 1 300); do echo link set lo alias $n; done | ip -batch -");
        let mut heard = 0;
        while monitor.wait(Duration::from_millis(100)).unwrap() {
            heard += 1;
        }
        assert!((1..=3).contains(&heard), "300 changes at once were heard {heard} times");
    });
}
