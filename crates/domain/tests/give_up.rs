//! A router that burned reports nothing, so the operator says of it that nothing is there any more.

mod common;

use common::command::{Command, Outcome};
use common::scene::{A, B, R1, R2, Scene, addressed, plain};
use common::{World, refused};
use linkway_domain::Fault;
use linkway_domain::access_key::Principal;
use linkway_domain::bgp_peer::decide::{CreateBgpPeer, DeleteBgpPeer};
use linkway_domain::connection::ConnectionPhase;
use linkway_domain::edge::give_up::{Ended, GiveUpPart, GivenUp, Part};
use linkway_domain::id::{ConnectionId, EdgeId, VirtualInterfaceId};
use linkway_domain::key;
use linkway_domain::port::decide::DeletePort;
use linkway_domain::virtual_interface::{Phase, State};

/// Longer than an edge may be silent.
const SILENT: u64 = 91_000;

fn id(edge: &str) -> EdgeId {
    EdgeId::parse(edge).expect("an edge's id")
}

fn give_up_part(
    scene: &mut Scene,
    edge: &str,
    force: bool,
    part: Part,
) -> Result<Vec<Ended>, Fault> {
    let command = Command::GiveUp(GiveUpPart { edge: edge.to_owned(), force, part });
    scene.by(Principal::Operator, command).map(|outcome| match outcome {
        Outcome::GivenUp(GivenUp { ended, .. }) => ended,
        other => panic!("{other:?}"),
    })
}

/// What an edge holds, interfaces first.
fn parts(world: &World, edge: &str) -> Vec<Part> {
    let interfaces = world.ids_in(&key::edge_interfaces(&id(edge)));
    let connections = world.ids_in(&key::edge_connections(&id(edge)));
    let parsed = "an index's key";
    interfaces
        .map(|id| Part::Interface(id.parse().expect(parsed)))
        .chain(connections.map(|id| Part::Connection(id.parse().expect(parsed))))
        .collect()
}

/// Everything on an edge, as the server does it; what ended.
fn give_up(scene: &mut Scene, edge: &str, force: bool) -> Vec<Ended> {
    let parts = parts(&scene.world, edge);
    let each = parts.into_iter().map(|part| give_up_part(scene, edge, force, part));
    each.flat_map(|ended| ended.expect("it is given up")).collect()
}

/// A's line on R1 with an interface that B has accepted, reported up.
fn installation() -> (Scene, ConnectionId, VirtualInterfaceId) {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let gateway = scene.vpc(B).id;
    let new = addressed(101, "172.16.0.1/30", "172.16.0.2/30");
    let interface = scene.allocate((A, B), &line, new).expect("is free").id;
    scene.confirm(B, &interface, &gateway).expect("B's own");
    scene.settle(true, true);
    (scene, line, interface)
}

#[test]
fn a_lost_router_holds_nothing_any_more() {
    let (mut scene, line, interface) = installation();
    let kept = scene.vpc(A).id;
    let kept = scene.create(A, &line, &kept, plain(7)).expect("is free").id;
    scene.settle(true, true);
    scene.later(SILENT);
    assert_eq!(give_up(&mut scene, R1, false), []);
    assert_eq!([scene.state(&kept), scene.state(&interface)], [State::Pending; 2]);

    scene.delete(B, &interface).expect("B's own");
    let id = interface.clone();
    assert_eq!(give_up(&mut scene, R1, false), [Ended::Interface(id)]);
    assert_eq!(scene.phase(&interface), Phase::Deleted);
    assert_eq!(scene.phase(&kept), Phase::Accepted);
    assert_eq!(give_up(&mut scene, R1, false), [], "a second time");
    // Its VLAN and its addresses are free.
    let new = addressed(101, "172.16.0.1/30", "172.16.0.2/30");
    let next = scene.allocate((A, B), &line, new).expect("is free").id;

    for interface in [&kept, &next] {
        scene.delete(A, interface).expect("A's own");
    }
    scene
        .tenant(A, Command::DeleteConnection(line.to_string()))
        .expect_err("an interface is there");
    assert_eq!(give_up(&mut scene, R1, false), [Ended::Interface(kept)]);
    scene.tenant(A, Command::DeleteConnection(line.to_string())).expect("A's own");
    assert_eq!(give_up(&mut scene, R1, false), [Ended::Connection(line.clone())]);
    let connection = scene.world.connection(&line).expect("it is shown for a while");
    assert_eq!(connection.phase, ConnectionPhase::Deleted);
    for port in ["eth1", "eth2", "eth3", "eth4"] {
        let [edge, interface] = [R1, port].map(str::to_owned);
        scene.operate(Command::DeletePort(DeletePort { edge, interface }));
    }
    scene.operate(Command::DeleteEdge(R1.to_owned()));
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn a_deleted_peer_goes_and_its_interface_stays() {
    let (mut scene, _, interface) = installation();
    let peer = CreateBgpPeer {
        interface: interface.to_string(),
        asn: Some(65_000),
        address_family: Some("ipv6".to_owned()),
        ..CreateBgpPeer::default()
    };
    scene.tenant(B, Command::CreatePeer(peer)).expect("B's own");
    scene.settle(true, true);
    let peer = scene.world.interface(&interface).expect("is there").peers[1].id.clone();
    let delete = DeleteBgpPeer {
        interface: interface.to_string(),
        peer: Some(peer.to_string()),
        ..DeleteBgpPeer::default()
    };
    scene.tenant(B, Command::DeletePeer(delete)).expect("B's own");
    scene.later(SILENT);
    let ended = give_up(&mut scene, R1, false);
    assert_eq!(ended, [Ended::BgpPeer(interface.clone(), peer)]);
    assert_eq!(scene.world.interface(&interface).expect("is there").peers.len(), 1);
    assert_eq!(scene.state(&interface), State::Pending);
    scene.settle(true, true);
    assert_eq!(scene.state(&interface), State::Available);
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

/// It has still what it had: it gets its configuration, takes away what has ended and reports.
#[test]
fn a_router_that_comes_back_reports_as_ever() {
    let (mut scene, line, interface) = installation();
    scene.later(SILENT);
    scene.delete(B, &interface).expect("B's own");
    assert_eq!(give_up(&mut scene, R1, false), [Ended::Interface(interface.clone())]);
    let gateway = scene.vpc(B).id;
    let new = addressed(101, "172.16.0.1/30", "172.16.0.2/30");
    let next = scene.allocate((A, B), &line, new).expect("is free").id;
    scene.confirm(B, &next, &gateway).expect("B's own");
    // What it says before it has heard of anything is about what has ended.
    let router = scene.routers.iter_mut().find(|router| router.id == id(R1)).expect("of the scene");
    let before = router.report(true, true).expect("it has its last configuration");
    assert!(before.interfaces.contains_key(&interface));
    for call in before.calls(&scene.world, scene.now) {
        scene.world.run(&call).expect("a report");
    }
    assert_eq!((scene.phase(&interface), scene.state(&next)), (Phase::Deleted, State::Pending));
    scene.settle(true, true);
    assert_eq!((scene.phase(&interface), scene.state(&next)), (Phase::Deleted, State::Available));
    assert_eq!(scene.on_routers(), [next]);
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn an_edge_that_was_heard_is_given_up_with_force_alone() {
    let (mut scene, _, interface) = installation();
    scene.later(1_000).delete(B, &interface).expect("B's own");
    let part = || Part::Interface(interface.clone());
    let heard = |seconds: u64| {
        format!(
            "edgeId \"par1-r1\" was heard {seconds} seconds ago: while it runs it ends by itself what is being deleted. Give it \
             up when it is off and has been silent for 90 seconds, or with force."
        )
    };
    refused(give_up_part(&mut scene, R1, false, part()), &heard(1));
    scene.later(89_000);
    refused(give_up_part(&mut scene, R1, false, part()), &heard(90));
    // A clock that was set back says nothing about when it was heard.
    scene.now = common::scene::START;
    refused(give_up_part(&mut scene, R1, false, part()), &heard(0));
    assert_eq!(scene.phase(&interface), Phase::Deleting);
    let ended = give_up_part(&mut scene, R1, true, part());
    assert_eq!(ended, Ok(vec![Ended::Interface(interface)]));
}

#[test]
fn other_edges_and_the_built_in_one_are_let_alone() {
    let (mut scene, line, interface) = installation();
    scene.delete(B, &interface).expect("B's own");
    scene.tenant(A, Command::DeleteConnection(line.to_string())).expect_err("it has an interface");
    scene.later(SILENT);
    for part in [
        Part::Interface(interface.clone()),
        Part::Status(interface.clone()),
        Part::Connection(line.clone()),
        Part::Connection("dxcon-ffffffff".parse().expect("an id")),
    ] {
        let revision = scene.world.revision;
        assert_eq!(give_up_part(&mut scene, R2, true, part.clone()), Ok(Vec::new()));
        assert_eq!(scene.world.revision, revision, "{part:?}");
    }
    assert_eq!(scene.phase(&interface), Phase::Deleting);
    let part = Part::Connection(line);
    refused(
        give_up_part(&mut scene, "simulated-SIM1", true, part.clone()),
        "edgeId \"simulated-SIM1\" is built in: it always reports, and cannot be given up.",
    );
    refused(give_up_part(&mut scene, "r9", true, part), "edgeId \"r9\" does not exist.");
}
