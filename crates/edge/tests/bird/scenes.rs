//! What is tried with the routers.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use linkway_domain::edge::{PeerStatus, SessionState};
use linkway_domain::net::{AddressFamily, PeerAddresses};
use linkway_edge::bird::{BirdSettings, Processes};
use linkway_edge::kernel::Driver as _;
use linkway_edge::mark::Marks;
use linkway_edge::netlink::Netlink;
use linkway_edge::session::{Daemon as _, Observed, RoutingDomain};

use crate::bird_common::{addresses, net, routing_domain, session, way};
use crate::customer::{Customer, plug_domain, plug_session, run, wait};
use crate::restarts;
use crate::rotation;
use crate::shut;
use crate::stage::{self, DIR, Stage};
use crate::tables;

/// A scene; it panics where something does not hold.
type Scene = fn(&mut Stage);

/// The scenes in their order.
pub const ALL: [(&str, Scene); 30] = [
    ("sessions come up, each in its routing domain", come_up),
    ("routes are told with path, communities and time", crate::questions::routes),
    ("another key gets no answer", another_key),
    ("preferences choose, equal routes share", preferences),
    ("what a customer must not announce is rejected", rejected),
    ("without the handoff nothing is announced", handoff),
    ("one more session disturbs nobody", undisturbed),
    ("a second peer on an interface disturbs nobody", dual_stack),
    ("the limit shuts until a reset", shut::limit),
    ("BIRD dies before anybody has seen what it shut", shut::limit_unseen),
    ("another limit counts at once, and lets what was shut run", shut::other_limit),
    ("a failover test shuts a session until its time is over", shut::failover),
    ("a new key waits until the session falls, and is the only one at the end", rotation::rotation),
    ("routes that flap shut a session for a time", shut::flapping),
    ("BIRD killed: routes stay, sessions come back", restarts::killed),
    (
        "BIRD killed while a session is down: the others do not wait for it",
        restarts::killed_with_one_down,
    ),
    ("a refused configuration changes nothing", restarts::refused),
    ("a BIRD without its socket is replaced, a stranger is not touched", restarts::lost_socket),
    (
        "its directory is lost: BIRD is replaced, routes stay, another edge's is not touched",
        restarts::lost,
    ),
    ("routes changed by hand: heard, and put back on demand", changed_by_hand),
    ("one more routing domain takes a spare table", tables::spare),
    ("a BIRD of an earlier version is replaced, routes stay", tables::earlier_version),
    ("a BIRD of many tables is started without a look at the links", tables::many),
    ("BFD when the customer wants it; equal addresses in two VRFs", bfd),
    (
        "a gateway and what is associated with it exchange routes, SiteLink its customers",
        crate::associations::exchanged,
    ),
    ("a routing domain that goes and comes back", comes_back),
    ("links that come after BIRD was told", late_links),
    ("the session with the fabric decides and carries", crate::fabric::decides_and_carries),
    ("the fabric's restart and our own take nothing", crate::fabric::restarts),
    ("several BIRDs: each routing domain stays in one", several),
];

/// What a customer announces.
pub fn own_routes(n: u32) -> Vec<String> {
    vec![if n == 3 { "2001:db8:ff03::/48".into() } else { format!("192.168.{n}.0/24") }]
}

/// The routes of a VRF that BIRD made.
pub fn routes(domain: u32) -> Vec<String> {
    let command = "for f in -4 -6; do ip $f -o route show table";
    let text = run(&format!("{command} {} proto bird; done", 1000 + domain));
    text.lines()
        .map(|l| l.split(" metric ").next().unwrap_or(l).replace(" proto bird", ""))
        .collect()
}

pub fn change_domain(stage: &mut Stage, change: impl Fn(&mut RoutingDomain)) {
    let mut first = RoutingDomain::clone(stage.domain(stage.session(1)));
    change(&mut first);
    stage.sessions.put_routing_domain(first.into());
}

fn come_up(stage: &mut Stage) {
    assert_eq!(stage.bird.read().unwrap(), Observed::default());
    stage.apply();
    let mode = run(&format!("stat -c '%a %a' {DIR} {DIR}/bird.conf"));
    assert_eq!(mode, "700 700\n600 600\n");
    stage.wait_all_up();
    for (n, own) in [(1, "10.1.0.0/16"), (2, "10.2.0.0/16"), (3, "2001:db8:1::/56")] {
        wait("the prefixes at the customer", || stage.customers[&n].learned(), |l| l == &[own]);
    }
    wait("the first domain's routes", || routes(1).len(), |n| *n == 3);
    assert_eq!(routes(2), ["192.168.2.0/24 via 169.254.0.2 dev dxvif-f0000002"]);
    let theirs = stage.session(3).addresses.customer().addr();
    let six = format!("2001:db8:ff03::/48 via {theirs} dev dxvif-f0000003");
    assert!(routes(1).contains(&six), "the route goes to the address that the API gave");
    let session = run(&format!("cut -d' ' -f6 /proc/{}/stat", stage.pid()));
    assert_eq!(session.trim(), stage.pid(), "a session of its own");
}

fn another_key(stage: &mut Stage) {
    let domain = stage.domain(stage.session(2)).clone();
    let peer = addresses("172.16.5.1/30", "172.16.5.2/30");
    let wrong = session(9, &domain, peer, "the-key");
    plug_session(&wrong);
    Customer::new(&wrong, &domain, "another-key").announce(&own_routes(9));
    stage.sessions.put_session(wrong.into());
    stage.apply();
    stage.wait_state(9, SessionState::Connect);
    // For as long as three of its attempts take.
    let began = std::time::Instant::now();
    wait("time to pass", || began.elapsed().as_secs(), |s| *s >= 12);
    let peer = stage.peer(9).unwrap();
    assert!(matches!(peer.state, SessionState::Connect | SessionState::Active), "{peer:?}");
    assert!(peer.last_error.unwrap().contains("key"));
    stage.sessions.sessions.remove(&stage::id(9));
    stage.apply();
    assert_eq!(stage.peer(9), None);
}

fn preferences(stage: &mut Stage) {
    let shared = |n: &str| format!("192.168.77.0/24 bgp_community.add((7224,{n}));");
    let way = |text: &str| {
        let text = text.to_owned();
        move |l: &String| l.contains(&text)
    };
    let look = || run("ip -o route show table 1001 192.168.77.0/24");
    stage.customers[&1].announce(&[shared("7200")]);
    stage.customers[&4].announce(&["192.168.77.0/24".into()]);
    wait("both ways", look, |l| l.matches("nexthop").count() == 2);
    stage.customers[&4].announce(&[shared("7300")]);
    wait("the high one", look, way("via 172.16.0.1 dev dxvif-f0000004"));
    stage.customers[&4].announce(&[shared("7100")]);
    wait("the medium one", look, way("via 169.254.0.2 dev dxvif-f0000001"));
    for n in [1, 4] {
        assert_eq!(stage.customers[&n].learned(), ["10.1.0.0/16"], "nothing of one another's");
        stage.customers[&n].announce(&own_routes(n));
    }
    stage.wait_all_up();
}

fn rejected(stage: &mut Stage) {
    change_domain(stage, |one| one.reserved = ["192.0.2.0/24", "198.51.100.1/32"].map(net).into());
    stage.apply();
    let bad = [
        // Of the routing domain, and of its sessions.
        "10.1.0.0/16",
        "10.1.7.0/24",
        "172.16.0.1/32",
        "169.254.0.2/32",
        // Of the handoff: its subnet, the router's own address and the next hop in it; a next hop elsewhere.
        "192.0.2.0/24",
        "192.0.2.1/32",
        "192.0.2.2/32",
        "198.51.100.1/32",
        // Martians, of which the customer's BIRD itself does not let the others out.
        "169.254.9.0/24",
        "192.0.0.0/29",
        // AS 0.
        "192.168.50.0/24 bgp_path.prepend(0);",
        "192.168.51.0/24 bgp_path.prepend(65001); bgp_path.prepend(0); bgp_path.prepend(65001);",
    ];
    let good = [
        "0.0.0.0/0",
        "0.0.0.0/1",
        "10.0.0.0/8",
        "192.168.1.0/24",
        "192.168.1.7/32",
        "100.64.0.0/10",
    ];
    take_turns(stage, 1, &bad, &good);
    let bad = [
        "2001:db8:1::/64",
        "::ffff:10.0.0.0/104",
        "100::/64",
        "2001:db8:5::/48 bgp_path.prepend(0);",
    ];
    // NAT64 (RFC 6052, RFC 8215), and what covers what is refused.
    let good = ["::/0", "64:ff9b::/96", "64:ff9b:1::/48", "2001:db8::/32", "fd00::/8"];
    take_turns(stage, 3, &bad, &good);
    // A community that is not a customer's to set.
    stage.customers[&1].announce(&["192.168.1.0/24 bgp_community.add((7224,8100)); bgp_community.add((7224,7300)); bgp_community.add((65001,7));".into()]);
    wait(
        "only the customer's communities",
        || stage.ours("show route 192.168.1.0/24 table table4_1001 all"),
        |text| text.contains("BGP.community: (7224,7300) (65001,7)\n"),
    );
    stage.customers[&1].announce(&own_routes(1));
    change_domain(stage, |one| one.reserved.clear());
    stage.apply();
    stage.wait_all_up();
}

/// A customer announces this; the first part is turned away.
fn take_turns(stage: &mut Stage, n: u32, bad: &[&str], good: &[&str]) {
    let all: Vec<String> = bad.iter().chain(good).map(|route| (*route).to_owned()).collect();
    stage.customers[&n].announce(&all);
    let expected = (u32::try_from(good.len()).unwrap(), u32::try_from(bad.len()).unwrap());
    let counts = |p: &Option<PeerStatus>| {
        p.as_ref().is_some_and(|p| (p.prefixes_accepted, p.prefixes_rejected) == expected)
    };
    wait(&format!("{expected:?} taken and turned away"), || stage.peer(n), counts);
    let table = if n == 3 { "table6_1001" } else { "table4_1001" };
    let text = stage.ours(&format!(
        "show route protocol dxvif_f{n:07}{} table {table}",
        if n == 3 { "_v6" } else { "" }
    ));
    for route in good {
        assert!(text.lines().any(|line| line.starts_with(&format!("{route} "))), "{route}: {text}");
    }
    stage.customers[&n].announce(&own_routes(n));
    stage.wait_all_up();
}

fn handoff(stage: &mut Stage) {
    run("ip link set cloud1 down");
    wait("the prefix to go", || stage.customers[&1].learned(), Vec::is_empty);
    assert_eq!(stage.customers[&2].learned(), ["10.2.0.0/16"]);
    run("ip link set cloud1 up");
    wait("the prefix to come back", || stage.customers[&1].learned(), |l| l.len() == 1);
    run("ip link set fabric1 nomaster");
    wait("the prefix to go", || stage.customers[&1].learned(), Vec::is_empty);
    run("ip link set fabric1 master vgw-00000001");
    stage.wait_all_up();
}

/// Since when each session is up, in milliseconds.
pub fn up_since(stage: &Stage) -> Vec<i64> {
    stage.customers.values().map(|c| c.up_since().expect("it is up")).collect()
}

/// No session was started anew since then. BIRD computes these times anew each time, to the millisecond.
pub fn assert_undisturbed(stage: &Stage, before: &[i64]) {
    let moved = before.iter().zip(up_since(stage)).map(|(before, after)| (after - before).abs());
    assert!(moved.clone().all(|ms| ms < 50), "{:?}", moved.collect::<Vec<_>>());
}

fn undisturbed(stage: &mut Stage) {
    let before = up_since(stage);
    let domain = stage.domain(stage.session(1)).clone();
    let peer = addresses("172.16.1.1/30", "172.16.1.2/30");
    stage.add(session(5, &domain, peer, "key-of-five"));
    stage.apply();
    // Another prefix changes a filter: what is there is looked at again, nothing is asked for.
    let cidr = crate::bird_common::prefix("10.11.0.0/16");
    change_domain(stage, |one| one.cidrs.push(cidr));
    stage.apply();
    stage.wait_all_up();
    assert_undisturbed(stage, &before);
}

fn dual_stack(stage: &mut Stage) {
    let before = up_since(stage);
    let domain = stage.domain(stage.session(4)).clone();
    let second = session(4, &domain, PeerAddresses::unique_local(44), "key-of-the-other-four");
    plug_session(&second);
    let customer = Customer::new(&second, &domain, "key-of-the-other-four");
    customer.announce(&["2001:db8:ff04::/48".to_owned()]);
    stage.sessions.put_session(second.clone().into());
    stage.apply();
    let up = |p: &Option<PeerStatus>| {
        p.as_ref().is_some_and(|p| {
            p.state == SessionState::Established
                && (p.prefixes_accepted, p.prefixes_advertised) == (1, 1)
        })
    };
    wait("the second session to be up with its routes", || stage.peer_of(&second.id), up);
    assert_eq!(customer.learned(), ["2001:db8:1::/56"]);
    let theirs = second.addresses.customer().addr();
    let route = format!("2001:db8:ff04::/48 via {theirs} dev dxvif-f0000004");
    wait("its route", || routes(1).contains(&route), |is| *is);
    stage.wait_all_up();
    assert_undisturbed(stage, &before);
    stage.sessions.sessions.remove(&second.id);
    stage.apply();
    assert_eq!(stage.peer_of(&second.id), None);
    assert!(!routes(1).contains(&route));
    assert_undisturbed(stage, &before);
    run(&format!("ip addr del {} dev dxvif-f0000004", second.addresses.amazon()));
}

/// The words that turn BFD on in a customer's router.
pub const WITH_BFD: &str = "protocol bfd { interface \"*\" { interval 300 ms; multiplier 3; }; }";

/// Since when sessions 1 and 2 are up; they have equal addresses in two VRFs.
fn bfd(stage: &mut Stage) {
    for n in [1, 2, 3, 4] {
        let customer = stage.customers.get_mut(&n).unwrap();
        (customer.protocols, customer.words) = (WITH_BFD, "bfd on;");
        customer.announce(&own_routes(n));
    }
    let up = |text: &String| text.lines().filter(|line| line.contains(" Up ")).count();
    wait("BFD to be up on all", || stage.ours("show bfd sessions"), |text| up(text) == 4);
    stage.wait_all_up();
    let others: Vec<i64> = [2, 3, 4].map(|n| stage.customers[&n].up_since().unwrap()).into();
    // The end of one goes deaf, with its carrier up: the other with the same addresses in another VRF is none the worse.
    run("ip -n c-dxvif-f0000001 addr del 169.254.0.2/30 dev eth0");
    let lost =
        |p: &Option<PeerStatus>| p.as_ref().is_some_and(|p| p.state != SessionState::Established);
    let began = std::time::Instant::now();
    let peer = wait("BFD to notice", || stage.peer(1), lost).unwrap();
    assert!(began.elapsed().as_secs() < 10, "long before the hold time");
    assert!(peer.last_error.unwrap().contains("BFD"));
    let sessions = stage.ours("show bfd sessions");
    assert_eq!(up(&sessions), 3, "{sessions}");
    for (n, before) in [2, 3, 4].into_iter().zip(others) {
        let after = stage.customers[&n].up_since().expect("it is up");
        assert!((after - before).abs() < 50, "session {n} was up since {before}, is since {after}");
    }
    run("ip -n c-dxvif-f0000001 addr add 169.254.0.2/30 dev eth0");
    stage.wait_all_up();
    let threads = run(&format!("ls /proc/{}/task | wc -l", stage.pid()));
    assert_eq!(threads.trim(), "2", "one thread for the BFD of all");
}

fn comes_back(stage: &mut Stage) {
    let whole = stage.sessions.clone();
    let session = stage.session(2).clone();
    let lost = stage.domain(&session).clone();
    stage.sessions.routing_domains.remove(&lost.id);
    stage.sessions.sessions.remove(&session.id);
    stage.apply();
    assert_eq!(stage.peer(2), None);
    run("ip link del dxvif-f0000002; ip link del fabric2; ip link del vgw-00000002");
    plug_domain(&lost, 2);
    plug_session(&session);
    stage.sessions = whole.clone();
    stage.apply();
    stage.wait_all_up();
    // And once more, without BIRD being told.
    run("ip link del dxvif-f0000002; ip link del fabric2; ip link del vgw-00000002");
    let gone =
        |p: &Option<PeerStatus>| p.as_ref().is_some_and(|p| p.state != SessionState::Established);
    wait("the session to go", || stage.peer(2), gone);
    plug_domain(&lost, 2);
    plug_session(&session);
    stage.wait_all_up();
}

fn late_links(stage: &mut Stage) {
    let mut late = routing_domain(6, &[]);
    late.announced = vec![way("10.6.0.0/16", "192.0.2.1", "fabric6")];
    let session = session(6, &late, addresses("169.254.0.1/30", "169.254.0.2/30"), "key-of-six");
    stage.sessions.put_routing_domain(late.clone().into());
    stage.sessions.put_session(session.clone().into());
    stage.bird.apply(&stage.sessions).unwrap();
    wait("the session to be tried", || stage.peer(6), Option::is_some);
    stage.sessions.sessions.remove(&session.id);
    plug_domain(&late, 6);
    stage.add(session);
    let wanted = Some(stage.bird.digest(&stage.sessions));
    if stage.bird.read().unwrap().loaded != wanted {
        stage.apply();
    }
    stage.wait_all_up();
}

/// Whatever somebody does to BIRD's routes is heard and repaired; what BIRD does to them is not heard.
fn changed_by_hand(stage: &mut Stage) {
    let marks = Marks { first_table: 1001, tables: 10, ..Marks::default() };
    let mut kernel = Netlink::open(marks).unwrap();
    let heard =
        |kernel: &mut Netlink, stage: &Stage| kernel.meddling(&stage.bird.process_ids()).tables;
    let none = BTreeSet::<u32>::new();
    let before = restarts::settled(stage);
    assert_eq!(heard(&mut kernel, stage), none);
    // BIRD's own changes.
    let all = before.0.len();
    stage.customers[&1].announce(&[]);
    wait("the route to go", || routes(1).len(), |n| *n == all - 1);
    stage.customers[&1].announce(&own_routes(1));
    wait("the route to come", || routes(1).len(), |n| *n == all);
    assert_eq!(heard(&mut kernel, stage), none);
    let counts = |stage: &mut Stage| {
        let counts = stage.bird.route_counts().unwrap();
        assert_eq!(counts[&(1001, AddressFamily::Ipv6)], 1);
        assert_eq!(counts[&(1001, AddressFamily::Ipv4)] as usize, before.0.len() - 1);
    };
    counts(stage);
    for broken in [
        "ip route delete 192.168.1.0/24 table 1001",
        "ip route delete 2001:db8:ff03::/48 table 1001",
        "ip route flush table 1001 proto bird; ip -6 route flush table 1001 proto bird",
        "ip route add unreachable 10.99.0.0/16 proto bird metric 32 table 1001",
        "ip route change unreachable 192.168.1.0/24 proto bird metric 32 table 1001",
        "ip route replace unreachable 192.168.1.0/24 proto static metric 32 table 1001",
    ] {
        run(broken);
        assert_ne!((routes(1), routes(2)), before, "{broken}");
        assert_eq!(heard(&mut kernel, stage), [1001].into(), "{broken}");
        stage.bird.repair_routes(&[1001, 1009].into()).unwrap();
        wait(broken, || (routes(1), routes(2)), |now| *now == before);
        assert_eq!(heard(&mut kernel, stage), none, "{broken}");
        counts(stage);
    }
}

/// The numbers of the BIRDs that have a routing domain, by their directories.
fn owners(domain: &str) -> Vec<&'static str> {
    let has = |dir: &&'static str| {
        let command = format!("birdc -s {dir}/bird.ctl show protocols </dev/null 2>&1 || true");
        run(&command).contains(&format!("{domain}_vpc4 "))
    };
    [DIR, "/run/edge/bird-2", "/run/edge/bird-3"].into_iter().filter(has).collect()
}

fn several(stage: &mut Stage) {
    let settings = BirdSettings { routing_domains_per_process: 1, ..BirdSettings::default() };
    let fresh = || Processes::new(settings.clone(), Path::new(DIR));
    let before = up_since(stage);
    // What one BIRD has stays in it, also if it is more than it would be given today.
    let mut birds = fresh();
    birds.apply(&stage.sessions).unwrap();
    assert_eq!(birds.read().unwrap().loaded, Some(birds.digest(&stage.sessions)));
    assert!(!Path::new("/run/edge/bird-2").exists());
    // The next two go into others.
    let mut all = stage.sessions.clone();
    for n in [7, 8] {
        let mut domain = routing_domain(n, &[]);
        domain.announced = vec![way(&format!("10.{n}.0.0/16"), "192.0.2.1", &format!("fabric{n}"))];
        let new = session(n, &domain, addresses("169.254.0.1/30", "169.254.0.2/30"), "a-new-key");
        plug_domain(&domain, n);
        plug_session(&new);
        let mut customer = Customer::new(&new, &domain, "a-new-key");
        (customer.protocols, customer.words) = (WITH_BFD, "bfd on;");
        customer.announce(&own_routes(n));
        all.put_routing_domain(domain.into());
        all.put_session(new.into());
        stage.customers.insert(n, customer);
    }
    birds.apply(&all).unwrap();
    let places = || ["vgw_00000001", "vgw_00000002", "vgw_00000007", "vgw_00000008"].map(owners);
    let expected = [[DIR], [DIR], ["/run/edge/bird-2"], ["/run/edge/bird-3"]];
    assert_eq!(places(), expected);
    let up = |birds: &mut Processes, count: usize| {
        let look = || birds.read().unwrap();
        let all_up = |seen: &Observed| {
            let up = seen.peers.values().filter(|p| p.state == SessionState::Established);
            up.count() == count
        };
        wait("all to be up", look, all_up)
    };
    let count = all.sessions.len();
    up(&mut birds, count);
    let bfd = || run("birdc -s /run/edge/bird-2/bird.ctl show bfd sessions </dev/null");
    wait("BFD, whose port they have together", bfd, |text| text.contains(" Up "));
    // Another agent finds all as it is to be.
    let mut birds = fresh();
    assert_eq!(birds.read().unwrap().loaded, Some(birds.digest(&all)));
    // One dies; its sessions are nobody else's, and the others go on.
    let since = [7].map(|n| stage.customers[&n].up_since().unwrap());
    run("kill -KILL $(cat /run/edge/bird-3/bird.pid)");
    assert_eq!(wait("it to be gone", || birds.read().unwrap().loaded, Option::is_none), None);
    // Even to an agent that has lost its file.
    fs::remove_file(format!("{DIR}/bird.places")).unwrap();
    birds.apply(&all).unwrap();
    assert_eq!(places(), expected);
    up(&mut birds, count);
    let after = [7].map(|n| stage.customers[&n].up_since().unwrap());
    assert!((after[0] - since[0]).abs() < 50);
    // Those that are not needed any more are ended.
    for n in [7, 8] {
        stage.customers.remove(&n);
    }
    birds.apply(&stage.sessions).unwrap();
    assert!(!Path::new("/run/edge/bird-2").exists() && !Path::new("/run/edge/bird-3").exists());
    let seen = up(&mut birds, stage.sessions.sessions.len());
    assert_eq!(seen.loaded, Some(birds.digest(&stage.sessions)));
    assert_undisturbed(stage, &before);
    birds.apply(&all).unwrap();
    birds.stop().unwrap();
    assert_eq!(run("pgrep -f '[b]ird.*-s /run/edge' || true"), "", "all of them are ended");
}
