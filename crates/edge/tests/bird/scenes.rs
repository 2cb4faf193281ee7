//! What is tried with the routers.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use linkway_domain::edge::{PeerStatus, SessionState};
use linkway_domain::net::PeerAddresses;
use linkway_edge::bird::Bfd;
use linkway_edge::session::{Daemon as _, DaemonError, RoutingDomain, Session};

use crate::bird_common::{addresses, routing_domain, session, way};
use crate::customer::{Customer, plug_domain, plug_session, run, wait};
use crate::stage::{self, DIR, Stage};

/// A scene; it panics where something does not hold.
type Scene = fn(&mut Stage);

/// The scenes in their order.
pub const ALL: [(&str, Scene); 17] = [
    ("sessions come up, each in its routing domain", come_up),
    ("another key gets no answer", another_key),
    ("preferences choose, equal routes share", preferences),
    ("what a customer must not announce is rejected", rejected),
    ("without the handoff nothing is announced", handoff),
    ("one more session disturbs nobody", undisturbed),
    ("a second peer on an interface disturbs nobody", dual_stack),
    ("the limit shuts until a reset", limit),
    ("BIRD killed: routes stay, sessions come back", killed),
    ("a refused configuration changes nothing", refused),
    ("a BIRD without its socket is replaced, a stranger is not touched", lost_socket),
    ("its directory is lost: BIRD is replaced, routes stay, another edge's is not touched", lost),
    ("BFD when the customer wants it", bfd),
    ("a routing domain that goes and comes back", comes_back),
    ("links that come after BIRD was told", late_links),
    ("the session with the fabric decides and carries", crate::fabric::decides_and_carries),
    ("the fabric's restart and our own take nothing", crate::fabric::restarts),
];

/// What a customer announces.
pub fn own_routes(n: u32) -> Vec<String> {
    vec![if n == 3 { "2001:db8:ff03::/48".into() } else { format!("192.168.{n}.0/24") }]
}

/// The routes of a VRF that BIRD made.
fn routes(domain: u32) -> Vec<String> {
    let command = "for f in -4 -6; do ip $f -o route show table";
    let text = run(&format!("{command} {} proto bird; done", 1000 + domain));
    text.lines()
        .map(|l| l.split(" metric ").next().unwrap_or(l).replace(" proto bird", ""))
        .collect()
}

fn change_domain(stage: &mut Stage, change: impl Fn(&mut RoutingDomain)) {
    let mut first = RoutingDomain::clone(stage.domain(stage.session(1)));
    change(&mut first);
    stage.sessions.put_routing_domain(first.into());
}

fn come_up(stage: &mut Stage) {
    assert_eq!(stage.bird.read().unwrap(), linkway_edge::session::Observed::default());
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
    let bad = ["10.1.0.0/16", "10.1.7.0/24", "172.16.0.1/32", "169.254.9.0/24", "169.254.0.2/32"];
    let good = ["0.0.0.0/0", "10.0.0.0/8", "192.168.1.0/24"];
    let all: Vec<String> = bad.iter().chain(&good).map(|r| (*r).to_owned()).collect();
    stage.customers[&1].announce(&all);
    let counts = |p: &Option<PeerStatus>| {
        p.as_ref().is_some_and(|p| (p.prefixes_accepted, p.prefixes_rejected) == (3, 5))
    };
    wait("three taken, five turned away", || stage.peer(1), counts);
    stage.customers[&1].announce(&own_routes(1));
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
fn up_since(stage: &Stage) -> Vec<i64> {
    stage.customers.values().map(|c| c.up_since().expect("it is up")).collect()
}

/// No session was started anew since then. BIRD computes these times anew each time, to the millisecond.
fn assert_undisturbed(stage: &Stage, before: &[i64]) {
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

fn limit(stage: &mut Stage) {
    let many = |n: u32| -> Vec<String> {
        // The first two are rejected, and count.
        let bad = ["169.254.7.0/24", "10.1.1.0/24"].map(str::to_owned);
        bad.into_iter().chain((2..n).map(|i| format!("172.20.{i}.0/24"))).collect()
    };
    stage.customers[&1].announce(&many(100));
    let full = |p: &Option<PeerStatus>| p.as_ref().is_some_and(|p| p.prefixes_accepted == 98);
    wait("a hundred", || stage.peer(1), full);
    stage.customers[&1].announce(&many(101));
    let peer = stage.wait_state(1, SessionState::PrefixLimit);
    assert!(peer.last_error.unwrap().contains("limit exceeded"));
    wait("its routes to go", || routes(1).iter().any(|r| r.contains("172.20.")), |any| !any);
    stage.customers[&1].announce(&own_routes(1));
    // Neither a new configuration, nor a new BIRD, nor both, nor time opens it.
    let stays = |stage: &mut Stage| {
        let began = std::time::Instant::now();
        let look = || (stage.peer(1).map(|p| p.state), began.elapsed().as_secs() >= 8);
        let (state, _) = wait("time to pass", look, |(state, late)| {
            *late || *state != Some(SessionState::PrefixLimit)
        });
        assert_eq!(state, Some(SessionState::PrefixLimit));
    };
    change_domain(stage, |one| one.cidrs.truncate(one.cidrs.len() - 1));
    stage.apply();
    stays(stage);
    stage.apply();
    stage.kill();
    stage.apply();
    stays(stage);
    // The reset.
    let reset = Session { resets: 1, ..stage.session(1).clone() };
    stage.sessions.put_session(reset.into());
    stage.apply();
    stage.wait_all_up();
}

fn killed(stage: &mut Stage) {
    let before = (routes(1), routes(2));
    stage.kill();
    assert!(Path::new(DIR).join("bird.ctl").exists(), "it leaves its socket");
    assert_eq!(stage.bird.read().unwrap().loaded, None);
    assert_eq!((routes(1), routes(2)), before);
    stage.apply();
    let numbers: Vec<u32> = stage.customers.keys().copied().collect();
    for n in numbers {
        stage.wait_state(n, SessionState::Established);
        assert_eq!((routes(1), routes(2)), before);
        assert_eq!(stage.customers[&n].learned().len(), 1, "the customer keeps it too");
    }
    stage.wait_all_up();
    assert_eq!((routes(1), routes(2)), before);
}

fn refused(stage: &mut Stage) {
    let good = stage.sessions.clone();
    change_domain(stage, |one| one.announced[0].interface = "no\"good".to_owned());
    let old = fs::read_to_string(format!("{DIR}/bird.conf")).unwrap();
    let error = stage.bird.apply(&stage.sessions).unwrap_err();
    assert!(matches!(error, DaemonError::Refused { .. }), "{error}");
    assert!(error.to_string().contains("/bird.d/"), "{error}");
    assert_eq!(fs::read_to_string(format!("{DIR}/bird.conf")).unwrap(), old);
    let loaded = stage.bird.read().unwrap().loaded;
    assert_eq!(loaded, Some(stage.bird.digest(&good)));
    stage.kill();
    let error = stage.bird.apply(&stage.sessions).unwrap_err();
    assert!(matches!(error, DaemonError::Refused { .. }), "{error}");
    assert_eq!(fs::read_to_string(format!("{DIR}/bird.conf")).unwrap(), old);
    stage.sessions = good;
    stage.apply();
    stage.wait_all_up();
}

fn lost_socket(stage: &mut Stage) {
    let (old, socket) = (stage.pid(), format!("{DIR}/bird.ctl"));
    fs::remove_file(&socket).unwrap();
    stage.apply();
    assert_ne!(stage.pid(), old);
    assert!(!Path::new(&format!("/proc/{old}")).exists());
    // Now the number is a stranger's, who even says to have our socket.
    stage.kill();
    let mut stranger = Command::new("sh")
        .args(["-c", "read line", "-s", &socket])
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    fs::write(format!("{DIR}/bird.pid"), stranger.id().to_string()).unwrap();
    stage.apply();
    assert!(stranger.try_wait().unwrap().is_none(), "left alone");
    drop(stranger.stdin.take());
    stranger.wait().unwrap();
    stage.wait_all_up();
}

fn lost(stage: &mut Stage) {
    // In a container whose files have the same paths, another edge's BIRD.
    fs::write("/run/other.conf", "router id 192.0.2.9; protocol device { }\n").unwrap();
    let bird = format!("exec bird -f -c /run/other.conf -s {DIR}/bird.ctl");
    let contained = ["-n", "-m", "sh", "-c", &format!("mount -t tmpfs tmpfs {DIR} && {bird}")];
    let mut other = Command::new("unshare").args(contained).spawn().unwrap();
    let others = other.id().to_string();
    let ours = || stage::with_our_socket().into_iter().filter(|pid| *pid != others);
    wait("the other edge's", stage::with_our_socket, |pids| pids.contains(&others));
    let before = (routes(1), routes(2));

    // The agent dies before or after it has ended the BIRD that it found.
    for ended in [false, true] {
        let old = stage.pid();
        fs::remove_dir_all(DIR).unwrap();
        if ended {
            fs::create_dir(DIR).unwrap();
            stage.renew(|_| ());
            stage.bird.stop().unwrap();
            assert_eq!(ours().next(), None);
        }
        stage.renew(|_| ());
        assert_eq!(stage.bird.read().unwrap(), linkway_edge::session::Observed::default());
        stage.apply();
        assert_eq!((routes(1), routes(2)), before, "held before the sessions are back");
        stage.wait_all_up();
        assert_eq!((routes(1), routes(2)), before);
        assert!(stage.customers.values().all(|customer| customer.learned().len() == 1));
        assert_eq!(ours().collect::<Vec<_>>(), [stage.pid()], "one, in the place of {old}");
        assert_ne!(stage.pid(), old);
    }
    assert_eq!(other.try_wait().unwrap(), None, "left alone");
    other.kill().unwrap();
    other.wait().unwrap();
}

fn bfd(stage: &mut Stage) {
    // First one instance for all VRFs, then one in each.
    run("sysctl -qw net.ipv4.udp_l3mdev_accept=1");
    stage.settings(|settings| settings.bfd = Bfd::Shared);
    bfd_works(stage);
    stage.settings(|settings| settings.bfd = Bfd::Off);
    run("sysctl -qw net.ipv4.udp_l3mdev_accept=0");
    stage.settings(|settings| settings.bfd = Bfd::PerGateway);
    bfd_works(stage);
}

fn bfd_works(stage: &mut Stage) {
    let sessions = |stage: &Stage| stage.ours("show bfd sessions");
    let customer = stage.customers.get_mut(&4).unwrap();
    customer.protocols = "protocol bfd { interface \"*\" { interval 300 ms; multiplier 3; }; }";
    customer.words = "bfd on;";
    customer.announce(&own_routes(4));
    wait(
        "BFD to be up",
        || sessions(stage),
        |s| s.lines().any(|l| l.starts_with("172.16.0.1 ") && l.contains(" Up ")),
    );
    stage.wait_all_up();
    // The customer's end goes deaf, with its carrier up.
    run("ip -n c-dxvif-f0000004 addr del 172.16.0.1/31 dev eth0");
    let lost =
        |p: &Option<PeerStatus>| p.as_ref().is_some_and(|p| p.state != SessionState::Established);
    let began = std::time::Instant::now();
    let peer = wait("BFD to notice", || stage.peer(4), lost).unwrap();
    assert!(began.elapsed().as_secs() < 10, "long before the hold time");
    assert!(peer.last_error.unwrap().contains("BFD"));
    run("ip -n c-dxvif-f0000004 addr add 172.16.0.1/31 dev eth0");
    stage.wait_all_up();
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
