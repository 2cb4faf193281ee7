//! Two callers decide on the same records; one commits first. Exactly one may win where both cannot, and the other, when
//! it decides again, gets the same answer as if it had come later.

mod common;

use std::time::Duration;

use common::command::{Command, Outcome};
use common::race::exclusive;
use common::scene::{
    A, B, C, DAY, R1, Scene, account, addressed, approve, confirm, due_calls, plain,
};
use common::{Call, World};
use linkway_domain::access_key::Principal;
use linkway_domain::connection::ConnectionPhase;
use linkway_domain::edge::ConfigVersion;
use linkway_domain::edge::report::{ReportConnection, ReportHead, ReportInterface};
use linkway_domain::id::{ConnectionId, EdgeId, VirtualGatewayId, VirtualInterfaceId};
use linkway_domain::net::AddressFamily;
use linkway_domain::virtual_interface::decide::AllocatePrivateVirtualInterface as Allocate;
use linkway_domain::virtual_interface::{InterfaceReport, PeerReport, Phase};
use proptest::prelude::*;

fn by(scene: &mut Scene, who: &str, command: Command) -> Call {
    scene.call(Principal::Account(account(who)), command)
}

fn operator(scene: &mut Scene, command: Command) -> Call {
    scene.call(Principal::Operator, command)
}

fn allocate(connection: &ConnectionId, vlan: i64) -> Command {
    let owner = B.to_owned();
    Command::Allocate(Allocate { connection: connection.to_string(), owner, new: plain(vlan) })
}

/// A lends B an interface; B has two gateways.
struct Lent {
    scene: Scene,
    line: ConnectionId,
    interface: VirtualInterfaceId,
    gateways: [VirtualGatewayId; 2],
}

fn lent() -> Lent {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let new = addressed(101, "172.16.0.1/30", "172.16.0.2/30");
    let interface = scene.allocate((A, B), &line, new).expect("is free").id;
    let gateways = [scene.vpc(B).id, scene.vpc(B).id];
    Lent { scene, line, interface, gateways }
}

#[test]
fn deleting_a_connection_against_allocating_on_it() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let delete = by(&mut scene, A, Command::DeleteConnection(line.to_string()));
    let allocate = by(&mut scene, A, allocate(&line, 7));
    exclusive(
        &scene.world,
        &delete,
        &allocate,
        [
            &format!(
                "The specified Connection ID is not available: connectionId \"{line}\" is in state deleting, and a \
                 Virtual Interface needs a connection in state available."
            ),
            &format!(
                "Connection {line} cannot be deleted until its Virtual Interfaces are deleted."
            ),
        ],
    );
}

#[test]
fn the_same_vlan_twice() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let [one, other] = [7, 7].map(|vlan| by(&mut scene, A, allocate(&line, vlan)));
    let taken = format!(
        "newPrivateVirtualInterfaceAllocation.vlan \"7\" is in use by another Virtual Interface on connection {line}."
    );
    exclusive(&scene.world, &one, &other, [&taken, &taken]);
}

/// A connection's counter is compared: who was overtaken decides again, and gets the VLAN all the same.
#[test]
fn different_vlans_of_one_connection_are_all_given_at_once() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let calls: Vec<Call> = (1..=50).map(|vlan| by(&mut scene, A, allocate(&line, vlan))).collect();
    let decided: Vec<_> =
        calls.iter().map(|call| scene.world.decide(call).expect("is free")).collect();
    for (call, prepared) in calls.iter().zip(&decided) {
        if scene.world.commit(prepared).is_err() {
            let again = scene.world.decide(call).expect("is still free");
            scene.world.commit(&again).expect("nothing that it rests on has changed");
        }
    }
    assert_eq!(scene.world.interfaces().count(), 50);
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn interfaces_of_different_connections_for_different_accounts_do_not_wait_for_each_other() {
    let mut scene = Scene::new();
    let lines = [(A, "eth1", B), (B, "eth2", C), (C, "eth3", A)];
    let calls = lines.map(|(lender, port, owner)| {
        let connection = scene.line(lender, R1, port).to_string();
        let new = Allocate { connection, owner: owner.to_owned(), new: plain(7) };
        by(&mut scene, lender, Command::Allocate(new))
    });
    let decided = calls.map(|call| scene.world.decide(&call).expect("is free"));
    for prepared in &decided {
        scene.world.commit(prepared).expect("nothing that it rests on has changed");
    }
    assert_eq!(scene.world.interfaces().count(), 3);
}

#[test]
fn confirming_with_two_gateways() {
    let Lent { mut scene, interface, gateways: [x, y], .. } = lent();
    let [one, other] = [x, y].map(|gateway| by(&mut scene, B, confirm(&interface, &gateway)));
    let done = format!(
        "virtualInterfaceId \"{interface}\" is in state pending; only one in state confirming can be confirmed."
    );
    exclusive(&scene.world, &one, &other, [&done, &done]);
}

#[test]
fn confirming_against_deleting_the_gateway() {
    let Lent { mut scene, interface, gateways: [gateway, _], .. } = lent();
    let confirm = by(&mut scene, B, confirm(&interface, &gateway));
    let delete = operator(&mut scene, Command::DeleteGateway(gateway.to_string()));
    let refusals = [
        &*format!(
            "virtualGatewayId \"{gateway}\" cannot be deleted while these are there: virtual interface {interface}."
        ),
        &*format!("The VirtualGateway {gateway} does not exist."),
    ];
    exclusive(&scene.world, &confirm, &delete, refusals);
}

#[test]
fn confirming_two_interfaces_with_overlapping_subnets() {
    let Lent { mut scene, interface, gateways: [gateway, _], .. } = lent();
    let other_line = scene.line(C, R1, "eth2");
    let new = addressed(9, "172.16.0.2/31", "172.16.0.3/31");
    let other = scene.allocate((C, B), &other_line, new).expect("another connection").id;
    let one_call = by(&mut scene, B, confirm(&interface, &gateway));
    let other_call = by(&mut scene, B, confirm(&other, &gateway));
    let overlaps = |address: &str, holder: &VirtualInterfaceId| {
        format!(
            "customerAddress \"{address}\" overlaps the peer subnet of Virtual Interface {holder} of the same gateway \
             {gateway} on the same router."
        )
    };
    let refusals = [&*overlaps("172.16.0.3/31", &interface), &*overlaps("172.16.0.2/30", &other)];
    exclusive(&scene.world, &one_call, &other_call, refusals);
}

#[test]
fn confirming_against_withdrawing_and_against_expiring() {
    let Lent { mut scene, interface, gateways: [gateway, _], .. } = lent();
    let confirm = by(&mut scene, B, confirm(&interface, &gateway));
    let withdraw = by(&mut scene, A, Command::DeleteInterface(interface.to_string()));
    let [won, lost] = [&confirm, &withdraw].map(|call| scene.world.decide(call).expect("possible"));
    let mut world = scene.world.clone();
    world.commit(&won).expect("the first commit wins");
    world.commit(&lost).expect_err("the second is a conflict");
    match world.run(&withdraw) {
        Ok(Outcome::VirtualInterface(i)) => assert_eq!(i.phase, Phase::Deleting, "not at once"),
        other => panic!("{other:?}"),
    }

    let mut expire = due_calls(&scene.world, scene.now.plus(Duration::from_millis(7 * DAY)));
    let expire = expire.pop().expect("the interface expires");
    let mut world = scene.world.clone();
    let expired = world.decide(&expire).expect("is due");
    world.commit(&world.decide(&confirm).expect("in time")).expect("the first commit wins");
    world.commit(&expired).expect_err("the second is a conflict");
    world.run(&expire).expect("a deadline is never refused");
    assert_eq!(world.interface(&interface).map(|i| i.phase), Some(Phase::Accepted));
}

#[test]
fn approving_two_connections_for_one_port() {
    let mut scene = Scene::new();
    let [x, y] = [A, B].map(|owner| scene.order(owner, "PAR1").id);
    let [one, other] = [&x, &y].map(|id| operator(&mut scene, approve(id, R1, "eth1")));
    let taken = |holder: &ConnectionId| {
        format!("interface \"eth1\" of edge par1-r1 is taken by connection {holder}.")
    };
    exclusive(&scene.world, &one, &other, [&taken(&x), &taken(&y)]);
}

#[test]
fn two_reconcilers_at_one_deadline() {
    let Lent { mut scene, interface, .. } = lent();
    let line = scene.order(B, "SIM1").id;
    scene.later(7 * DAY);
    // One deadline may carry out what another is for: an offer is overdue when its reminder comes late.
    while let Some(call) = due_calls(&scene.world, scene.now).into_iter().next() {
        let [one, other] = [&call, &call].map(|call| scene.world.decide(call).expect("is due"));
        scene.world.commit(&one).expect("the first commit wins");
        scene.world.commit(&other).expect_err("the second is a conflict");
        let again = scene.world.decide(&call).expect("a deadline is never refused");
        assert_eq!(again.decision.writes, vec![]);
    }
    assert_eq!(scene.phase(&interface), Phase::Expired);
    assert_eq!(scene.world.connection(&line).map(|c| c.phase), Some(ConnectionPhase::Pending));
}

/// An interface whose session is up.
fn up() -> InterfaceReport {
    let peers = vec![PeerReport { family: AddressFamily::Ipv4, established: true }];
    InterfaceReport { programmed: true, peers, error: None }
}

/// The head of a report that is newer than all before.
fn head(world: &World, edge: &EdgeId, generation: u64) -> ReportHead {
    let version = ConfigVersion { epoch: world.epoch(), generation };
    ReportHead { edge: edge.clone(), version, sequence: 1_000, access_key: None }
}

/// `Released` against the generation that the edge has: only one at least as new as the deletion counts.
#[test]
fn it_is_not_there_counts_only_from_an_edge_that_has_heard_of_the_deletion() {
    let Lent { mut scene, line, interface, gateways: [gateway, _] } = lent();
    let edge = EdgeId::parse(R1).expect("an edge id");
    let before = scene.world.config(&edge).generation;
    scene.confirm(B, &interface, &gateway).expect("B's own");
    scene.settle(true, true);
    scene.delete(B, &interface).expect("B's own");
    let deleted = scene.world.config(&edge).generation;
    assert_eq!(deleted, scene.world.revision);
    let report = |scene: &Scene, generation: u64, there: bool| {
        let mut world = scene.world.clone();
        let report = there.then(up);
        let interface = interface.clone();
        let head = head(&world, &edge, generation);
        let report = ReportInterface { head, interface, report, with_new_keys: Vec::new() };
        let principal = Principal::Edge(edge.clone());
        let command = Command::ReportInterface(report);
        world.run(&Call { principal, now: scene.now, seed: 0, command }).expect("a report");
        world
    };
    for (generation, there, end) in [
        (0, false, Phase::Deleting),
        (before, false, Phase::Deleting),
        (deleted - 1, false, Phase::Deleting),
        (deleted, true, Phase::Deleting),
        (deleted, false, Phase::Deleted),
    ] {
        let world = report(&scene, generation, there);
        let phase = world.interface(&interface).map(|i| i.phase);
        assert_eq!(phase, Some(end), "generation {generation} of {deleted}, there: {there}");
    }
    scene.settle(true, true);
    scene.tenant(A, Command::DeleteConnection(line.to_string())).expect("nothing is on it");
    let deleted = scene.world.config(&edge).generation;
    for (generation, carrier, end) in [
        (deleted - 1, None, ConnectionPhase::Deleting),
        (deleted, Some(true), ConnectionPhase::Deleting),
        (deleted, Some(false), ConnectionPhase::Deleting),
        (deleted, None, ConnectionPhase::Deleted),
    ] {
        let mut world = scene.world.clone();
        let connection = line.clone();
        let report =
            ReportConnection { head: head(&world, &edge, generation), connection, carrier };
        let principal = Principal::Edge(edge.clone());
        let command = Command::ReportConnection(report);
        world.run(&Call { principal, now: scene.now, seed: 0, command }).expect("a report");
        assert_eq!(world.connection(&line).map(|c| c.phase), Some(end), "{carrier:?}");
    }
}

#[test]
fn another_edges_word_does_not_count() {
    let Lent { mut scene, interface, gateways: [gateway, _], line } = lent();
    scene.confirm(B, &interface, &gateway).expect("B's own");
    let before = scene.world.clone();
    for other in ["par1-r2", "simulated-SIM1"] {
        let edge = EdgeId::parse(other).expect("an edge id");
        let generation = scene.world.revision;
        let principal = Principal::Edge(edge.clone());
        let report = Some(up());
        let head = head(&scene.world, &edge, generation);
        let on_vif = ReportInterface {
            head: head.clone(),
            interface: interface.clone(),
            report,
            with_new_keys: Vec::new(),
        };
        let on_line = ReportConnection { head, connection: line.clone(), carrier: Some(false) };
        scene.by(principal.clone(), Command::ReportInterface(on_vif)).expect("is ignored");
        scene.by(principal, Command::ReportConnection(on_line)).expect("is ignored");
    }
    assert_eq!(scene.world, before);
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: Some(Box::new(proptest::test_runner::FileFailurePersistence::WithSource("regressions"))),
        source_file: Some(file!()),
        ..ProptestConfig::with_cases(64)
    })]

    #[test]
    fn a_configuration_does_not_depend_on_the_order_of_what_led_to_it(
        order in Just((0..8_usize).collect::<Vec<_>>()).prop_shuffle(),
        noise in prop::collection::vec(0..8_usize, 0..8),
    ) {
        let mut scene = Scene::new();
        let line = scene.line(A, R1, "eth1");
        let (own, gateways) = (scene.vpc(A).id, [scene.vpc(B).id, scene.vpc(B).id]);
        let lent: Vec<_> = (0..8)
            .map(|index| scene.allocate((A, B), &line, plain(index + 1)).expect("is free").id)
            .collect();
        let edge = EdgeId::parse(R1).expect("an edge id");
        let mut straight = scene.clone();
        for index in 0..8 {
            straight.confirm(B, &lent[index], &gateways[index % 2]).expect("B's own");
        }
        for (step, index) in order.into_iter().enumerate() {
            // Others come and go on the way, routers report, time passes.
            if let Some(vlan) = noise.get(step) {
                let new = plain(100 + i64::try_from(*vlan).expect("is small"));
                let passing = scene.create(A, &line, &own, new).expect("is free").id;
                scene.settle(step % 2 == 0, step % 3 == 0);
                scene.delete(A, &passing).expect("A's own");
                scene.settle(true, step % 3 == 0);
                scene.later(1_000);
            }
            scene.confirm(B, &lent[index], &gateways[index % 2]).expect("B's own");
        }
        let (mut one, other) = (straight.world.config(&edge), scene.world.config(&edge));
        one.generation = other.generation;
        prop_assert_eq!(one, other);
    }
}
