//! The netlink driver against the kernel that the tests run on, in a network namespace that goes away with the test.
//!
//! Each test runs itself once more under unshare(1): as root, or else as root of a user namespace of its own; where neither is
//! possible it fails and says so. VLANs and VRFs, which not every kernel has, are in `examples/kernel_trial.rs`.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::io::Write as _;
use std::net::IpAddr;
use std::process::{Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use ipnet::IpNet;
use linkway_domain::net::AddressFamily;
use linkway_edge::fence::Fence;
use linkway_edge::kernel::{
    Change, Driver as _, Kernel, LinkConf, LinkKind, Meddling, Route, Rule, RuleAction, Selector,
    Way,
};
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
             link-local addresses 0, keep_addr_on_down 1, proxy_arp, accept_ra and their like 0): No such device",
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

/// What the kernel tells of wakes; BIRD's routes, those of no table of ours, and what the driver does itself do not.
#[test]
fn the_monitor_hears_of_what_matters() {
    in_namespace("the_monitor_hears_of_what_matters", || {
        // Nothing but lo: other links go on telling of themselves for a second or two after a change.
        let mut monitor = Monitor::open(marks()).unwrap();
        sh("ip route add unreachable 10.1.0.0/16; ip route del unreachable 10.1.0.0/16");
        sh("ip route add unreachable 10.1.0.0/16 table 722400001 proto bird");
        sh("ip route del unreachable 10.1.0.0/16 table 722400001");
        sh("ip route add unreachable 10.1.0.0/16 table 900000001 proto static");
        let mut kernel = Netlink::open(marks()).unwrap();
        let mark = Selector::Mark(0x2000_0000);
        let own = [
            Change::AddRoute(route("10.2.0.0/16", 1, Way::Unreachable)),
            Change::AddRule(rule(AddressFamily::Ipv6, 1, mark, RuleAction::Blackhole)),
        ];
        all_ok(&mut kernel, &own);
        assert!(!monitor.wait(Duration::from_millis(200)).unwrap());
        for change in [
            "ip route add unreachable 10.3.0.0/16 table 722400001 proto static",
            "ip -6 route add unreachable 2001:db8::/32 proto 172",
            "ip route del unreachable 10.3.0.0/16 table 722400001",
            "ip rule add pref 7 fwmark 1 unreachable",
            "ip -6 rule del pref 1",
            "echo 1 >/proc/sys/net/ipv4/conf/lo/proxy_arp",
            "ip link add bridge0 type bridge",
            // Not its alias: the kernel tells of that only while a link is up.
            "ip link set bridge0 mtu 1400",
            "ip addr add 10.0.0.1/24 dev bridge0",
            "ip addr add 2001:db8::1/64 dev bridge0 nodad",
            "tc qdisc add dev bridge0 clsact",
            "tc filter add dev bridge0 ingress protocol ip prio 1 u32 match u32 0 0 action pass || true; \
             tc qdisc del dev bridge0 clsact",
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

/// What others do to the daemon's routes is told of; what the daemon does, or this process, is not, nor what is in no table of ours.
#[test]
fn who_meddles_with_the_daemons_routes_is_heard() {
    in_namespace("who_meddles_with_the_daemons_routes_is_heard", || {
        let mut kernel = Netlink::open(marks()).unwrap();
        kernel.observe().unwrap();
        // A process that has a socket of its own for as long as it lives.
        let mut daemon =
            Command::new("ip").args(["-batch", "-"]).stdin(Stdio::piped()).spawn().unwrap();
        let processes = [daemon.id()];
        let mut input = daemon.stdin.take().unwrap();
        let mut does = |lines: &str| {
            input.write_all(lines.as_bytes()).unwrap();
            // It is done with what came before when this is there.
            input.write_all(b"link add done type bridge\n").unwrap();
            input.flush().unwrap();
            sh(
                "for n in $(seq 1000); do ip link delete done 2>/dev/null && exit; sleep 0.02; done; false",
            );
        };
        let route = |net: &str| format!("{net} table 722400001 proto bird metric 32");
        let [one, two] = ["10.1.0.0/16", "2001:db8::/32"].map(route);
        does(&format!("route add unreachable {one}\nroute add unreachable {two}\n"));
        // Of a daemon that has just been met nothing is known: all has to be looked at.
        let first = kernel.meddling(&processes);
        assert_eq!(first, Meddling { tables: BTreeSet::new(), lost: true });
        let quiet = Meddling::default();
        let added: String = (0..20_000_u32)
            .map(|n| {
                format!(
                    "route add unreachable {}\n",
                    route(&format!("100.{}.{}.0/24", n >> 8, n & 255))
                )
            })
            .collect();
        does(&added);
        does(&format!(
            "route replace blackhole {one}\nroute delete {one}\nroute add unreachable {one}\n"
        ));
        assert_eq!(kernel.meddling(&processes), quiet);
        let own = Route { protocol: 12, ..self::route("10.4.0.0/16", 20, Way::Unreachable) };
        all_ok(&mut kernel, &[Change::AddRoute(own.clone()), Change::DeleteRoute(own)]);
        sh("ip route add unreachable 10.3.0.0/16 table 722400001 proto static");
        sh("ip route add unreachable 10.3.0.0/16 table 900000001 proto bird");
        sh("ip route del unreachable 10.3.0.0/16 table 900000001");
        assert_eq!(kernel.meddling(&processes), quiet);
        let heard = Meddling { tables: [722_400_001].into(), lost: false };
        for change in [
            format!("ip route delete {one}"),
            format!("ip -6 route delete {two}"),
            format!("ip route add unreachable {one}"),
            format!("ip route change blackhole {one}"),
            "ip route replace unreachable 10.1.0.0/16 table 722400001 proto static metric 32"
                .to_owned(),
        ] {
            sh(&change);
            assert_eq!(kernel.meddling(&processes), heard, "{change}");
            assert_eq!(kernel.meddling(&processes), quiet, "{change}");
        }
        // A storm is heard, or that it was too much; no look at anything else comes of it.
        assert!(!kernel.is_unchanged(), "of the static route");
        kernel.observe().unwrap();
        sh("ip route flush table 722400001 proto bird");
        let storm = kernel.meddling(&processes);
        assert!(storm.lost || storm.tables == heard.tables, "{storm:?}");
        assert!(kernel.is_unchanged());
        // A daemon that nothing is known of: nobody can tell whose a change is.
        sh(&format!("ip route add unreachable {two}"));
        assert_eq!(kernel.meddling(&[]).tables, BTreeSet::new());
        drop(input);
        daemon.wait().unwrap();
    });
}

fn rule(family: AddressFamily, preference: u32, selector: Selector, action: RuleAction) -> Rule {
    Rule { family, preference, selector, action, protocol: marks().route_protocol }
}

#[test]
fn rules_come_and_go() {
    in_namespace("rules_come_and_go", || {
        let mut kernel = Netlink::open(marks()).unwrap();
        let before = kernel.observe().unwrap().rules;
        let own = |rule: &&Rule| rule.preference == 0 && rule.action == RuleAction::Lookup(255);
        let kernels: Vec<Rule> = before.iter().filter(own).copied().collect();
        assert_eq!(kernels.len(), 2, "{before:?}");
        let mark = Selector::Mark(0x2000_0000);
        let ours: Vec<Rule> = [AddressFamily::Ipv4, AddressFamily::Ipv6]
            .into_iter()
            .flat_map(|family| {
                [
                    rule(family, 0, Selector::All, RuleAction::L3mdev),
                    rule(family, 1, mark, RuleAction::Blackhole),
                    rule(family, 2, Selector::All, RuleAction::Lookup(255)),
                ]
            })
            .collect();
        let changes: Vec<Change> = ours.iter().copied().map(Change::AddRule).collect();
        let removals: Vec<Change> = kernels.into_iter().map(Change::DeleteRule).collect();
        for _ in 0..2 {
            all_ok(&mut kernel, &changes);
            all_ok(&mut kernel, &removals);
            let seen = kernel.observe().unwrap().rules;
            let low: Vec<Rule> = seen.into_iter().filter(|rule| rule.preference < 3).collect();
            assert_eq!(low, ours);
        }
        // A rule that selects more and is asked before goes only if it is meant.
        sh("ip rule add pref 9 from 10.0.0.0/8 lookup main proto 172");
        let ninth_of_ours = rule(AddressFamily::Ipv4, 9, Selector::All, RuleAction::Lookup(254));
        all_ok(&mut kernel, &[Change::AddRule(ninth_of_ours), Change::AddRule(ninth_of_ours)]);
        sh("ip rule add pref 9 goto 32766");
        let ninth = |rules: Vec<Rule>| -> Vec<Rule> {
            rules.into_iter().filter(|rule| rule.preference == 9).collect()
        };
        let seen = ninth(kernel.observe().unwrap().rules);
        let shapes: Vec<_> = seen.iter().map(|rule| (rule.selector, rule.action)).collect();
        let main = RuleAction::Lookup(254);
        let expected =
            [(Selector::Other, main), (Selector::All, main), (Selector::All, RuleAction::Other)];
        assert_eq!(shapes, expected);
        let refused = kernel.apply(&[Change::DeleteRule(seen[1])]).remove(0).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "removing rule -4 pref 9 lookup 254 proto 172: a rule of the same preference that selects more comes before it"
        );
        let all: Vec<Change> = seen.into_iter().map(Change::DeleteRule).collect();
        for _ in 0..2 {
            all_ok(&mut kernel, &all);
            assert_eq!(ninth(kernel.observe().unwrap().rules), []);
        }
    });
}

/// A picture that is brought up to date by the news is the one that a look at everything finds.
#[test]
fn a_look_at_the_news_finds_what_a_whole_one_finds() {
    in_namespace("a_look_at_the_news_finds_what_a_whole_one_finds", || {
        links();
        sh("ip addr add 10.0.0.1/24 dev p0");
        let mut kernel = Netlink::open(marks()).unwrap();
        let mut picture = kernel.observe().unwrap();
        // The kernel goes on telling of new links for a while.
        while !kernel.is_unchanged() {
            assert!(kernel.observe_news(&mut picture).unwrap());
            std::thread::sleep(Duration::from_millis(200));
        }
        let route = "10.1.0.0/16 table 722400005";
        for change in [
            "ip link set p0 mtu 1400; ip link set p0 alias changed",
            "ip addr add 2001:db8::1/64 dev p0 nodad; ip addr del 10.0.0.1/24 dev p0",
            "ip link set p1 nomaster; ip link set bridge0 down; ip link set bridge0 name bridge1",
            &format!("ip route add {route} dev p0; ip route add unreachable {route} metric 9"),
            &format!("ip route del {route} dev p0"),
            "ip route add 10.4.0.0/16 dev p0 proto 172",
            "ip rule add pref 7 fwmark 8/8 unreachable; ip -6 rule add pref 7 lookup 7",
            "ip link add q0 type veth peer name q1; ip addr add 10.9.0.1/24 dev q0; ip link set q0 up",
            "echo 0 >/proc/sys/net/ipv4/conf/p0/forwarding; echo 1 >/proc/sys/net/ipv4/conf/p0/proxy_arp",
            "ip link del q0; ip link add q0 type bridge; tc qdisc add dev q0 clsact",
            "ip link del q0; ip route flush table 722400005; ip rule del pref 7",
        ] {
            sh(change);
            assert!(!kernel.is_unchanged(), "{change}");
            assert!(kernel.observe_news(&mut picture).unwrap(), "{change}");
            let whole = Netlink::open(marks()).unwrap().observe().unwrap();
            assert_eq!(without_traffic(picture.clone()), without_traffic(whole), "{change}");
        }
        let own = [
            Change::SetMtu { link: name("p1"), mtu: 1420 },
            Change::AddRoute(self::route("10.1.0.0/16", 20, via("10.0.0.2", "p0"))),
            Change::AddAddress { link: name("p1"), address: net("10.7.0.1/24") },
            Change::SetConf { link: name("p1"), conf: CONF },
            Change::DeleteLink { link: name("nothing") },
        ];
        all_ok(&mut kernel, &own);
        assert!(kernel.observe_news(&mut picture).unwrap());
        let whole = Netlink::open(marks()).unwrap().observe().unwrap();
        assert_eq!(without_traffic(picture), without_traffic(whole));
    });
}

/// Filters need modules that not every kernel has; without them an error says which.
#[test]
fn filters_are_made_or_the_missing_module_is_told() {
    in_namespace("filters_are_made_or_the_missing_module_is_told", || {
        links();
        let mut kernel = Netlink::open(marks()).unwrap();
        let set = |fence: Option<Fence>| Change::SetFence {
            link: name("p0"),
            fence: fence.map(Arc::new),
        };
        let made = kernel.apply(&[set(Some(Fence::Port))]).remove(0);
        let seen = kernel.observe().unwrap().links["p0"].fence;
        match made {
            Ok(()) => assert_eq!(seen, Some(Fence::Port.digest(&marks()))),
            Err(error) => {
                let text = error.to_string();
                assert!(text.starts_with("filters of p0: "), "{text}");
                assert!(text.contains("the kernel lacks a module: modprobe -a "), "{text}");
            }
        }
        // What somebody else has there goes with the fence and stays without one.
        sh("tc qdisc replace dev p0 clsact");
        sh("tc filter add dev p0 ingress protocol ip prio 9 u32 match u32 0 0 || true");
        all_ok(&mut kernel, &[set(None), set(None)]);
        assert_eq!(kernel.observe().unwrap().links["p0"].fence, None);
        sh("tc qdisc show dev p0 | grep -q clsact");
    });
}

/// Where the kernel or the system has no such check, an error says what is missing.
#[test]
fn ipv6_sources_are_checked_or_it_is_told_what_is_missing() {
    in_namespace("ipv6_sources_are_checked_or_it_is_told_what_is_missing", || {
        let mut kernel = Netlink::open(marks()).unwrap();
        assert!(!kernel.observe().unwrap().checks_ipv6_sources);
        for _ in 0..2 {
            match kernel.apply(&[Change::CheckIpv6Sources(true)]).remove(0) {
                Ok(()) => assert!(kernel.observe().unwrap().checks_ipv6_sources),
                Err(error) => {
                    let text = error.to_string();
                    assert!(text.contains("needed: the package iptables"), "{text}");
                }
            }
        }
        for _ in 0..2 {
            all_ok(&mut kernel, &[Change::CheckIpv6Sources(false)]);
            assert!(!kernel.observe().unwrap().checks_ipv6_sources);
        }
    });
}

/// Each setting by which a link answers for others or believes strangers is seen and turned off.
#[test]
fn lenient_settings_are_seen_and_turned_off() {
    in_namespace("lenient_settings_are_seen_and_turned_off", || {
        links();
        let mut kernel = Netlink::open(marks()).unwrap();
        let strict = [Change::SetConf { link: name("p0"), conf: CONF }];
        all_ok(&mut kernel, &strict);
        for setting in [
            "ipv4/conf/p0/proxy_arp",
            "ipv4/conf/p0/arp_accept",
            "ipv4/conf/p0/accept_local",
            "ipv4/conf/p0/route_localnet",
            "ipv4/conf/p0/accept_source_route",
            "ipv6/conf/p0/accept_ra",
            "ipv6/conf/p0/accept_redirects",
            "ipv6/conf/p0/proxy_ndp",
        ] {
            assert_eq!(kernel.observe().unwrap().links["p0"].conf, CONF, "before {setting}");
            sh(&format!("echo 1 >/proc/sys/net/{setting}"));
            let seen = kernel.observe().unwrap().links["p0"].conf;
            assert_eq!(seen, LinkConf { lenient: true, ..CONF }, "{setting}");
            all_ok(&mut kernel, &strict);
        }
    });
}
