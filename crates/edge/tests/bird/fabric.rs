//! What is tried with the fabric's router: a BIRD in a namespace of its own beyond a handoff.

use std::fs;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use linkway_domain::edge::SessionState;
use linkway_domain::net::{AddressFamily, AuthKey};
use linkway_edge::bird::fabric::announced_name;
use linkway_edge::fabric::{FabricSession, FabricSessionId, FabricState};
use linkway_edge::session::{Daemon as _, RoutingDomain};

use crate::customer::{run, wait};
use crate::scenes::own_routes;
use crate::stage::Stage;

const DIR: &str = "/run/fabric";
const KEY: &str = "fjord-Secret-1";
const OWN: &str = "10.1.0.0/16";

/// The first routing domain's handoff leads to a router that has a session with it.
fn with_session(stage: &mut Stage) -> FabricSessionId {
    let domain = stage.domain(stage.session(1));
    let id = FabricSessionId { routing_domain: domain.id.clone(), family: AddressFamily::Ipv4 };
    let session = FabricSession {
        id: id.clone(),
        interface: "fabric1".to_owned(),
        local: "192.0.2.2".parse().unwrap(),
        address: "192.0.2.1".parse().unwrap(),
        asn: 65_010,
        auth_key: Some(AuthKey::parse("authKey", KEY).unwrap()),
    };
    let domain = RoutingDomain { fabric: vec![session], ..domain.clone() };
    stage.sessions.put_routing_domain(Arc::new(domain));
    stage.apply();
    id
}

/// Starts the fabric's router, which announces these and has these words more.
fn start(words: &str, routes: &[&str]) {
    let routes: String = routes.iter().map(|net| format!("route {net} unreachable;\n")).collect();
    let text = format!(
        "log \"{DIR}/log\" all; router id 192.0.2.1; protocol device {{ }}\n\
         protocol static own {{ ipv4;\n{routes} }}\n\
         protocol bfd {{ interface \"*\" {{ min rx interval 100 ms; min tx interval 100 ms; multiplier 3; }}; }}\n\
         protocol bgp edge {{ local 192.0.2.1 as 65010; neighbor 192.0.2.2 as 64512; password \"{KEY}\";\n\
         connect delay time 1; connect retry time 2; error wait time 1, 4; {words}\n\
         ipv4 {{ import all; export where source = RTS_STATIC; }}; }}\n"
    );
    fs::create_dir_all(DIR).unwrap();
    fs::write(format!("{DIR}/conf"), text).unwrap();
    run(&format!("ip netns exec fab bird -c {DIR}/conf -s {DIR}/ctl -P {DIR}/pid"));
}

fn kill() {
    run(&format!("kill -KILL $(cat {DIR}/pid); rm {DIR}/ctl"));
}

fn ask(command: &str) -> String {
    run(&format!("birdc -s {DIR}/ctl '{command}' </dev/null || true"))
}

/// What our BIRD says of the session, after it has been looked at.
fn state(stage: &mut Stage, id: &FabricSessionId) -> FabricState {
    let states = stage.bird.tend_fabric().unwrap();
    let seen = states.and_then(|states| states.get(id).cloned());
    seen.or_else(|| stage.bird.read().unwrap().fabric.get(id).cloned()).expect("BIRD has it")
}

fn wait_state(stage: &mut Stage, id: &FabricSessionId, up: bool) -> FabricState {
    let is = |seen: &FabricState| {
        seen.reachable == up && (seen.state == SessionState::Established) == up
    };
    wait("the session with the fabric", || state(stage, id), is)
}

fn wait_learned(stage: &mut Stage, id: &FabricSessionId, expected: &[&str]) {
    let look = || {
        state(stage, id);
        stage.customers[&1].learned()
    };
    wait("what the customer has learned", look, |learned| learned == expected);
}

/// For so long the customer has what it has, however often it is looked.
fn stays_learned(stage: &mut Stage, lasts: Duration, expected: &[&str]) {
    let began = Instant::now();
    while began.elapsed() < lasts {
        let _ = stage.bird.read();
        assert_eq!(stage.customers[&1].learned(), expected, "after {:?}", began.elapsed());
    }
}

fn routes() -> String {
    run("ip -o route show table 1001 proto bird")
}

/// Its being up decides what customers hear; it hears of customers with their preferences; of it nothing is taken but parts of
/// the VPC.
pub fn decides_and_carries(stage: &mut Stage) {
    run("ip netns add fab && ip link set cloud1 netns fab && ip -n fab link set lo up && \
         ip -n fab addr add 192.0.2.1/24 dev cloud1 && ip -n fab link set cloud1 up");
    let id = with_session(stage);
    wait_learned(stage, &id, &[]);
    assert_eq!(
        stage.customers[&3].learned(),
        ["2001:db8:1::/56"],
        "the other family has no session"
    );
    let waiting = state(stage, &id);
    assert!(!waiting.reachable && waiting.last_error.unwrap().contains("fabric's router"));

    start(
        "bfd on;",
        &[OWN, "10.1.9.0/24", "10.0.0.0/8", "172.30.0.0/16", "0.0.0.0/0", "192.168.1.0/24"],
    );
    wait_state(stage, &id, true);
    wait_learned(stage, &id, &[OWN]);
    wait("a part of the VPC", routes, |all| all.contains("10.1.9.0/24 via 192.0.2.1 dev fabric1"));
    let all = routes();
    for strange in ["10.0.0.0/8", "172.30.0.0/16", "default", "192.168.1.0/24 via 192.0.2.1"] {
        assert!(!all.contains(strange), "{strange} in {all}");
    }
    assert_eq!(stage.bird.read().unwrap().fabric[&id].prefixes_accepted, 2);
    let bfd = run("birdc -s /run/edge/bird.ctl 'show bfd sessions' </dev/null | grep 192.0.2.1");
    assert!(bfd.contains("fabric1") && bfd.contains("Up"), "{bfd}");

    let theirs = |net: &str| ask(&format!("show route {net} all protocol edge"));
    wait("the customers' routes", || theirs("192.168.1.0/24"), |text| text.contains("(7224,7200)"));
    let says = "bgp_community.add((7224,7300)); bgp_community.add((65535,65281)); bgp_community.add((65000,1)); \
                bgp_large_community.add((65000,1,1)); bgp_med = 7;";
    let both = format!("192.168.77.0/24 {says}");
    stage.customers[&1].announce(&[own_routes(1).remove(0), both]);
    let seen =
        wait("a preferred one", || theirs("192.168.77.0/24"), |text| text.contains("(7224,7300)"));
    assert!(seen.contains("BGP.med: 100") && seen.contains("BGP.as_path: 64512 65000"), "{seen}");
    assert!(!seen.contains("65000,1") && !seen.contains("65535,65281"), "{seen}");
    assert!(seen.contains("BGP.next_hop: 192.0.2.2"), "{seen}");
    stage.customers[&1].announce(&["192.168.77.0/24 bgp_community.add((7224,7100));".to_owned()]);
    let low = wait("a low one", || theirs("192.168.77.0/24"), |text| text.contains("(7224,7100)"));
    assert!(low.contains("BGP.med: 300"), "{low}");
    assert!(!ask("show route protocol edge").contains("10.1."), "the VPC's own");
    stage.customers[&1].announce(&own_routes(1));

    // A new configuration disturbs nothing.
    let since = |stage: &Stage| {
        stage.ours(&format!("show protocols {}", announced_name(&id, &id.routing_domain)))
    };
    let before = since(stage);
    stage.sessions.sessions.remove(&crate::stage::id(5));
    stage.customers.remove(&5);
    stage.apply();
    assert_eq!(since(stage), before);
    wait_state(stage, &id, true);

    let routes_there = || ask("show route protocol edge");
    let switch = |on: bool| match on {
        true => start("bfd on;", &[OWN, "10.1.9.0/24"]),
        false => kill(),
    };
    crate::associations::decided_by_fabric(stage, &switch, &routes_there);
    wait_state(stage, &id, true);
    kill();
    wait_state(stage, &id, false);
    wait_learned(stage, &id, &[]);
    wait("the part to go", routes, |all| !all.contains("10.1.9.0/24"));
    let session = stage.sessions.sessions.remove(&crate::stage::id(4)).expect("it is there");
    stage.apply();
    stage.sessions.put_session(session);
    stage.apply();
    stays_learned(stage, Duration::from_secs(3), &[]);
    start("bfd on;", &[]);
    wait_learned(stage, &id, &[OWN]);
    kill();
    run(&format!("rm -f {DIR}/*"));
}

/// A restart of either side, if the other one helps, takes nothing from the customer.
pub fn restarts(stage: &mut Stage) {
    let id = with_session(stage);
    // BFD would end the session when our BIRD dies, and the customer would drop what it has learned.
    let customer = stage.customers.get_mut(&1).unwrap();
    (customer.protocols, customer.words) = ("", "");
    customer.announce(&own_routes(1));
    // BIRD before 2.14 takes the end of BFD for a loss, some moments later.
    let began = Instant::now();
    let is_up = |stage: &mut Stage| stage.peer(1).map(|one| one.state);
    while is_up(stage) == Some(SessionState::Established) && began.elapsed().as_secs() < 3 {
        thread::sleep(Duration::from_millis(50));
    }
    stage.wait_state(1, SessionState::Established);
    start("graceful restart on;", &[]);
    wait_state(stage, &id, true);
    wait_learned(stage, &id, &[OWN]);
    kill();
    let look = |seen: &FabricState| seen.state != SessionState::Established;
    let seen = wait("its death to be seen", || state(stage, &id), look);
    assert!(seen.reachable, "{seen:?}");
    stays_learned(stage, Duration::from_secs(3), &[OWN]);
    start("graceful restart on;", &[]);
    let up = |seen: &FabricState| seen.state == SessionState::Established;
    wait("its return", || state(stage, &id), up);
    stays_learned(stage, Duration::from_secs(2), &[OWN]);

    // Our own.
    stage.kill();
    stays_learned(stage, Duration::from_secs(1), &[OWN]);
    stage.apply();
    let began = Instant::now();
    let look = |seen: &FabricState| seen.state == SessionState::Established;
    while !look(&state(stage, &id)) || stage.customers[&1].up_since().is_none() {
        assert_eq!(stage.customers[&1].learned(), [OWN], "after {:?}", began.elapsed());
        assert!(began.elapsed() < Duration::from_secs(30), "it does not come back");
    }
    stays_learned(stage, Duration::from_secs(5), &[OWN]);

    kill();
    let domain = stage.domain(stage.session(1)).clone();
    stage.sessions.put_routing_domain(Arc::new(RoutingDomain { fabric: Vec::new(), ..domain }));
    stage.apply();
    run("ip -n fab link set cloud1 netns 1 && ip netns del fab && ip link set cloud1 up");
    stage.wait_all_up();
}
