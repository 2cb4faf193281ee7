//! What is tried with a Direct Connect gateway: its customers' routes in the tables of what it is associated with, and theirs
//! in none of its customers' routers but as prefixes of the association.

use std::sync::Arc;

use linkway_domain::id::RoutingDomainId;
use linkway_domain::net::AddressFamily;
use linkway_edge::session::{Association, Daemon as _, RoutingDomain, Session};

use crate::bird_common::{addresses, prefix, routing_domain, session, way};
use crate::customer::{Customer, plug_domain, plug_session, run, wait};
use crate::scenes::{assert_undisturbed, own_routes, routes, up_since};
use crate::stage::{Stage, number};

const ONE: &str = "10.1.0.0/16";
const TWO: &str = "10.2.0.0/16";

/// What of a domain N the customers reach by `fabricN`.
fn association(n: u32, net: &str) -> Association {
    Association {
        routing_domain: RoutingDomainId::parse(&format!("vgw-{n:08x}")).unwrap(),
        table: 1000 + n,
        announced: vec![way(net, "192.0.2.1", &format!("fabric{n}"))],
        fabric: Vec::new(),
    }
}

/// A Direct Connect gateway with these associations.
fn gateway(associations: Vec<Association>) -> RoutingDomain {
    RoutingDomain {
        id: RoutingDomainId::parse("dxgw-00000008").unwrap(),
        asn: 64_600,
        cidrs: [ONE, TWO].map(prefix).into(),
        associations,
        ..routing_domain(8, &[])
    }
}

/// Two customers of the gateway, of two AS numbers, with their routers.
fn customers(domain: &RoutingDomain) -> Vec<(Session, Customer)> {
    plug_domain(domain, 8);
    let ends = [("169.254.8.1/30", "169.254.8.2/30"), ("169.254.8.5/30", "169.254.8.6/30")];
    let one = |(at, (ours, theirs)): (u32, (&str, &str))| {
        let session = session(8 + at, domain, addresses(ours, theirs), "key-of-gateway");
        let session = Session { asn: 65_008 + at, ..session };
        plug_session(&session);
        let customer = Customer::new(&session, domain, session.auth_key.reveal());
        customer.announce(&own_routes(8 + at));
        (session, customer)
    };
    (0_u32..).zip(ends).map(one).collect()
}

fn apply(stage: &mut Stage, domain: &RoutingDomain, sessions: &[Session]) {
    let mut all = stage.sessions.clone();
    all.put_routing_domain(Arc::new(domain.clone()));
    sessions.iter().for_each(|one| all.put_session(Arc::new(one.clone())));
    stage.bird.apply(&all).unwrap();
}

fn route(n: u32) -> String {
    let theirs = if n == 8 { "169.254.8.2" } else { "169.254.8.6" };
    format!("192.168.{n}.0/24 via {theirs} dev dxvif-f000000{n}")
}

/// The gateway's routes in a domain's table.
fn of_gateway(domain: u32) -> Vec<String> {
    let both = [route(8), route(9)];
    routes(domain).into_iter().filter(|route| both.contains(route)).collect()
}

fn wait_learned(customers: &[(Session, Customer)], expected: &[&str]) {
    for (_, customer) in customers {
        let sorted = || {
            let mut learned = customer.learned();
            learned.sort();
            learned
        };
        wait("what is associated, at the customer", sorted, |seen| seen == expected);
    }
}

fn wait_of_gateway(domain: u32, expected: &[String]) {
    wait("the gateway's routes", || of_gateway(domain), |seen| seen == expected);
}

/// See the module; then the customers reach one another by SiteLink.
pub fn exchanged(stage: &mut Stage) {
    let before = up_since(stage);
    let all = gateway(vec![association(1, ONE), association(2, TWO)]);
    let customers = customers(&all);
    let sessions: Vec<Session> = customers.iter().map(|(session, _)| session.clone()).collect();
    apply(stage, &all, &sessions);
    let both = [route(8), route(9)];
    wait_learned(&customers, &[ONE, TWO]);
    (1..=2).for_each(|domain| wait_of_gateway(domain, &both));
    wait("its own table's routes", || routes(8), |seen| seen == &both);
    // A virtual gateway's own customers hear of none, and none of theirs go anywhere.
    assert_eq!(stage.customers[&1].learned(), [ONE]);
    assert_undisturbed(stage, &before);
    let up = |customers: &[(Session, Customer)]| -> Vec<Option<i64>> {
        customers.iter().map(|(_, customer)| customer.up_since()).collect()
    };
    let began = up(&customers);
    let same = |customers: &[(Session, Customer)]| {
        let now = up(customers);
        let near = |(a, b): (&Option<i64>, &Option<i64>)| {
            a.zip(*b).is_some_and(|(a, b)| (a - b).abs() < 100)
        };
        assert!(began.iter().zip(&now).all(near), "{began:?} {now:?}");
    };

    // Two customers with one prefix share it there too.
    customers.iter().for_each(|(session, customer)| {
        let mut routes = own_routes(number(&session.id));
        routes.push("192.168.80.0/24".to_owned());
        customer.announce(&routes);
    });
    let shared = || run("ip -o route show table 1001 192.168.80.0/24");
    wait("equal paths", shared, |text| text.matches("nexthop").count() == 2);

    // What an association loses and gets disturbs no session.
    apply(stage, &gateway(vec![association(1, ONE)]), &sessions);
    wait_learned(&customers, &[ONE]);
    wait("its routes to go", || of_gateway(2), Vec::is_empty);
    assert_eq!(of_gateway(1), both);
    apply(stage, &all, &sessions);
    wait_learned(&customers, &[ONE, TWO]);
    wait_of_gateway(2, &both);
    same(&customers);
    assert_undisturbed(stage, &before);

    // Without its handoff's carrier a domain's prefixes are withdrawn.
    run("ip link set cloud2 down");
    wait_learned(&customers, &[ONE]);
    run("ip link set cloud2 up");
    wait_learned(&customers, &[ONE, TWO]);

    // Deleted by hand.
    run("ip route delete 192.168.8.0/24 table 1002");
    assert_eq!(of_gateway(2), [route(9)]);
    stage.bird.repair_routes(&[1002].into()).unwrap();
    wait_of_gateway(2, &both);

    site_link(stage, &all, &customers);
    same(&customers);
    restarted(stage, &all, &sessions);
    end(stage);
    stage.wait_all_up();
}

/// What a session with the fabric decides of an association: called while it is up and has announced a part of the first VPC.
pub fn decided_by_fabric(stage: &mut Stage, fabric: &dyn Fn(bool), learned: &dyn Fn() -> String) {
    let mut one = association(1, ONE);
    one.fabric = vec![AddressFamily::Ipv4];
    let all = gateway(vec![one, association(2, TWO)]);
    let customers = customers(&all);
    let sessions: Vec<Session> = customers.iter().map(|(session, _)| session.clone()).collect();
    apply(stage, &all, &sessions);
    wait_learned(&customers, &[ONE, TWO]);
    let part = "10.1.9.0/24 via 192.0.2.1 dev fabric1".to_owned();
    wait("the part of the VPC", || routes(8), |seen| seen.contains(&part));
    assert!(!routes(2).iter().any(|route| route.contains("10.1.9.0")), "{:?}", routes(2));
    wait("the customers' routes at the fabric", learned, |text| {
        text.contains("192.168.8.0/24") && text.contains("192.168.9.0/24")
    });
    fabric(false);
    let look = |stage: &mut Stage| {
        stage.bird.tend_fabric().unwrap();
        customers[0].1.learned()
    };
    wait("the first VPC to be withdrawn", || look(stage), |seen| seen == &[TWO]);
    wait("the part to go", || routes(8), |seen| !seen.contains(&part));
    // A new configuration does not announce it.
    apply(stage, &gateway(all.associations.iter().take(1).cloned().collect()), &sessions);
    wait("nothing", || look(stage), Vec::is_empty);
    fabric(true);
    wait("the first VPC", || look(stage), |seen| seen == &[ONE]);
    end(stage);
}

/// With SiteLink both have each other's routes, with the gateway's AS number once and without our communities.
fn site_link(stage: &mut Stage, domain: &RoutingDomain, customers: &[(Session, Customer)]) {
    customers[0].1.announce(&[
        "192.168.8.0/24 bgp_community.add((7224,7300)); bgp_community.add((65008,1));".to_owned(),
    ]);
    customers[1].1.announce(&own_routes(9));
    let with = |on: [bool; 2]| -> Vec<Session> {
        let each = customers.iter().zip(on);
        each.map(|((session, _), site_link)| Session { site_link, ..session.clone() }).collect()
    };
    apply(stage, domain, &with([true, false]));
    wait_learned(customers, &[ONE, TWO]);
    apply(stage, domain, &with([true, true]));
    wait("the other's", || customers[0].1.learned().len(), |count| *count == 3);
    let learned = || customers[1].1.ask("show route all 192.168.8.0/24");
    let text = wait("the other's", learned, |text| text.contains("BGP.as_path"));
    assert!(text.contains("BGP.as_path: 64600 65008"), "{text}");
    assert!(text.contains("(65008,1)") && !text.contains("(7224,"), "{text}");
    apply(stage, domain, &with([false, true]));
    wait_learned(customers, &[ONE, TWO]);
}

/// BIRD dies: the routes in all tables stay, and are what they were when it is back.
fn restarted(stage: &mut Stage, domain: &RoutingDomain, sessions: &[Session]) {
    let both = [route(8), route(9)];
    apply(stage, domain, sessions);
    (1..=2).for_each(|one| wait_of_gateway(one, &both));
    stage.kill();
    apply(stage, domain, sessions);
    (1..=2).for_each(|one| assert_eq!(of_gateway(one), both));
    stage.wait_all_up();
    let held = || {
        stage.bird.read().unwrap();
        stage.ours("show protocols \"kernel?_*\"").contains("down")
    };
    wait("BIRD to look after the routes again", held, |held| !held);
    (1..=2).for_each(|one| assert_eq!(of_gateway(one), both));
}

fn end(stage: &mut Stage) {
    stage.apply();
    (1..=2).for_each(|one| wait_of_gateway(one, &[]));
    // A router keeps the namespace that it runs in, whatever its name.
    run(
        "for one in 8 9; do kill $(cat /run/dxvif_f000000$one/pid); rm -r /run/dxvif_f000000$one; done; \
         ip link delete dxvif-f0000008; ip link delete dxvif-f0000009; ip link delete fabric8; \
         ip link delete dxgw-00000008; ip netns delete c-dxvif-f0000008; ip netns delete c-dxvif-f0000009",
    );
}
