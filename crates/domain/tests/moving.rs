//! `AssociateVirtualInterface`: an interface is on one port at every moment, and nothing that it holds or will hold is given to
//! others.

mod common;

use common::command::{Command, Outcome};
use common::refused;
use common::scene::{A, B, R1, R2, Scene, addressed, plain};
use linkway_domain::access_key::Principal;
use linkway_domain::edge::give_up::{GiveUpPart, Part};
use linkway_domain::fault::Fault;
use linkway_domain::id::{ConnectionId, EdgeId, VirtualInterfaceId};
use linkway_domain::virtual_interface::NewInterface;
use linkway_domain::virtual_interface::moving::AssociateVirtualInterface;
use linkway_domain::virtual_interface::update::UpdateVirtualInterfaceAttributes;
use linkway_domain::virtual_interface::{Phase, State, VirtualInterface};

fn to(interface: &VirtualInterfaceId, connection: &ConnectionId) -> Command {
    let (interface, connection) = (interface.to_string(), connection.to_string());
    Command::Move(AssociateVirtualInterface { interface, connection })
}

fn interface(result: Result<Outcome, Fault>) -> VirtualInterface {
    match result {
        Ok(Outcome::VirtualInterface(interface)) => interface,
        other => panic!("{other:?}"),
    }
}

/// The ports that have the interface in the configurations of the routers.
fn ports(scene: &Scene, id: &VirtualInterfaceId) -> Vec<(String, String)> {
    let of = |edge: &str| scene.world.config(&EdgeId::parse(edge).expect("an edge"));
    let configs = [R1, R2].map(|edge| (edge, of(edge)));
    let all = configs.iter().flat_map(|(edge, config)| {
        let here = config.interfaces.iter().filter(|one| one.virtual_interface_id == *id);
        here.map(|one| ((*edge).to_owned(), one.interface.to_string()))
    });
    all.collect()
}

/// An interface of A's that is up on the first router, and a connection to the router named.
fn at(edge: &str, port: &str) -> (Scene, VirtualInterface, ConnectionId) {
    let mut scene = Scene::new();
    let gateway = scene.vpc(A).id;
    let line = scene.line(A, R1, "eth1");
    let target = scene.line(A, edge, port);
    let vif = scene.create(A, &line, &gateway, plain(1)).expect("an interface");
    scene.settle(true, true);
    assert_eq!(scene.state(&vif.id), State::Available);
    (scene, vif, target)
}

#[test]
fn it_goes_from_one_port_to_the_other_of_either_router() {
    for (edge, port) in [(R1, "eth2"), (R2, "eth1")] {
        let (mut scene, vif, target) = at(edge, port);
        let moved = interface(scene.tenant(A, to(&vif.id, &target)));
        assert_eq!((moved.phase, scene.state(&vif.id)), (Phase::Moving, State::Pending));
        assert_eq!(moved.shown_connection(), &target);
        assert_eq!(ports(&scene, &vif.id), [], "it is withdrawn first");
        assert_eq!(scene.world.violations(), Vec::<String>::new());
        let again = interface(scene.tenant(A, to(&vif.id, &target)));
        assert_eq!(again, moved, "asked twice it goes there once");
        scene.settle(true, true);
        let there = scene.world.interface(&vif.id).expect("is there").clone();
        assert_eq!((there.phase, &there.connection), (Phase::Accepted, &target));
        assert_eq!(ports(&scene, &vif.id), [(edge.to_owned(), port.to_owned())]);
        scene.settle(true, true);
        assert_eq!(scene.state(&vif.id), State::Available);
        let (old, new) = (vif.first_peer(), there.first_peer());
        assert_ne!(old.id, new.id, "it is another peer");
        let key = |peer: &linkway_domain::bgp_peer::BgpPeer| peer.auth_key.reveal().to_owned();
        assert_eq!((old.addresses, old.asn, key(old)), (new.addresses, new.asn, key(new)));
        // The old place is free again, the new one is not.
        let gateway = scene.vpc(A).id;
        scene.create(A, &vif.connection, &gateway, plain(1)).expect("the VLAN is free");
        scene.create(A, &target, &gateway, plain(1)).expect_err("it is taken");
        assert_eq!(scene.world.violations(), Vec::<String>::new());
    }
}

#[test]
fn both_places_are_held_until_the_first_router_has_let_go() {
    let (mut scene, vif, target) = at(R2, "eth1");
    interface(scene.tenant(A, to(&vif.id, &target)));
    let gateway = scene.vpc(A).id;
    for line in [&vif.connection, &target] {
        let text = format!(
            "newPrivateVirtualInterface.vlan \"1\" is in use by another Virtual Interface on connection {line}."
        );
        refused(scene.create(A, line, &gateway, plain(1)), &text);
        let delete = Command::DeleteConnection(line.to_string());
        scene.tenant(A, delete).expect_err("an interface is on it");
    }
    let own = vif.attachment.clone().and_then(|it| it.gateway.virtual_gateway().cloned());
    let own = own.expect("a virtual gateway");
    let ends = vif.first_peer().addresses;
    let (ours, theirs) = (ends.amazon().to_string(), ends.customer().to_string());
    for line in [&vif.connection, &target] {
        let text = scene
            .create(A, line, &own, addressed(9, &ours, &theirs))
            .expect_err("the addresses are taken")
            .to_string();
        assert!(text.contains("overlaps the peer subnet"), "{text}");
    }
    scene.settle(true, true);
    assert_eq!(scene.phase(&vif.id), Phase::Accepted);
}

#[test]
fn it_is_refused_where_there_is_no_room() {
    let (mut scene, vif, target) = at(R2, "eth1");
    let own = vif.attachment.clone().and_then(|it| it.gateway.virtual_gateway().cloned());
    let own = own.expect("a virtual gateway");
    let other = scene.vpc(A).id;
    // The VLAN at the target.
    let taken = scene.create(A, &target, &other, plain(1)).expect("an interface");
    let text = format!(
        "virtualInterfaceId \"{}\" has VLAN 1, which is in use by another Virtual Interface on connection {target}.",
        vif.id
    );
    refused(scene.tenant(A, to(&vif.id, &target)), &text);
    scene.delete(A, &taken.id).expect("its own");
    scene.settle(true, true);
    // The addresses on the target's router.
    let ends = vif.first_peer().addresses;
    let (ours, theirs) = (ends.amazon().to_string(), ends.customer().to_string());
    let taken = scene.create(A, &target, &own, addressed(9, &ours, &theirs)).expect("elsewhere");
    let text = format!(
        "customerAddress \"{theirs}\" overlaps the peer subnet of Virtual Interface {} of the same gateway {own} on the same router.",
        taken.id
    );
    refused(scene.tenant(A, to(&vif.id, &target)), &text);
    assert_eq!(scene.phase(&vif.id), Phase::Accepted, "a refused move changes nothing");
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn only_the_owner_of_all_three_moves_it() {
    let (mut scene, vif, target) = at(R2, "eth1");
    let theirs = scene.line(B, R2, "eth2");
    let no_vif = format!("Virtual Interface {} does not exist.", vif.id);
    refused(scene.tenant(B, to(&vif.id, &theirs)), &no_vif);
    let no_line = format!("Could not find Connection with ID {theirs}");
    refused(scene.tenant(A, to(&vif.id, &theirs)), &no_line);
    // A hosted one is its recipient's, on a connection that is not.
    let hosted = scene.allocate((B, A), &theirs, plain(5)).expect("an offer");
    let gateway = scene.vpc(A).id;
    scene.confirm(A, &hosted.id, &gateway).expect("its own");
    let text = format!(
        "virtualInterfaceId \"{}\" is on a connection of account {B}: only one on a connection of yours can be moved.",
        hosted.id
    );
    refused(scene.tenant(A, to(&hosted.id, &target)), &text);
    scene.tenant(B, to(&hosted.id, &theirs)).expect_err("the lender does not own it");
    let lag = ConnectionId::parse("dxlag-00000000").is_err();
    assert!(lag, "a LAG is no connection");
}

#[test]
fn while_it_moves_it_is_not_changed_but_can_be_deleted() {
    let (mut scene, vif, target) = at(R2, "eth1");
    let third = scene.line(A, R2, "eth3");
    interface(scene.tenant(A, to(&vif.id, &target)));
    let rename = Command::Update(UpdateVirtualInterfaceAttributes {
        interface: vif.id.to_string(),
        name: Some("other".to_owned()),
        ..UpdateVirtualInterfaceAttributes::default()
    });
    let text = format!(
        "virtualInterfaceId \"{}\" is in state pending; only one that was accepted can be changed.",
        vif.id
    );
    refused(scene.tenant(A, rename), &text);
    let text = format!(
        "virtualInterfaceId \"{}\" is in state pending; only one that was accepted, and is not being moved already, can be moved.",
        vif.id
    );
    refused(scene.tenant(A, to(&vif.id, &third)), &text);
    scene.delete(A, &vif.id).expect("its own");
    assert_eq!(scene.phase(&vif.id), Phase::Deleting);
    let gateway = scene.vpc(A).id;
    scene.create(A, &target, &gateway, plain(1)).expect("nothing was there yet");
    scene.create(A, &vif.connection, &gateway, plain(1)).expect_err("the router may have it");
    scene.settle(true, true);
    assert_eq!(scene.phase(&vif.id), Phase::Deleted);
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn a_router_that_has_not_heard_of_it_does_not_let_it_go() {
    let (mut scene, vif, target) = at(R2, "eth1");
    let before = scene.routers[0].report(true, true).expect("has a configuration");
    interface(scene.tenant(A, to(&vif.id, &target)));
    for call in before.calls(&scene.world, scene.now) {
        // It still has the interface, and says so.
        scene.world.run(&call).expect("a report");
    }
    assert_eq!(scene.phase(&vif.id), Phase::Moving);
    assert_eq!(ports(&scene, &vif.id), []);
}

#[test]
fn it_leaves_a_router_that_is_given_up() {
    let (mut scene, vif, target) = at(R2, "eth1");
    interface(scene.tenant(A, to(&vif.id, &target)));
    let give_up =
        GiveUpPart { edge: R1.to_owned(), force: true, part: Part::Interface(vif.id.clone()) };
    scene.by(Principal::Operator, Command::GiveUp(give_up)).expect("it is off");
    assert_eq!(ports(&scene, &vif.id), [(R2.to_owned(), "eth1".to_owned())]);
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn what_it_takes_of_a_connection_goes_with_it() {
    let (mut scene, vif, target) = at(R2, "eth1");
    let gateway = scene.vpc(A).id;
    let limited = |vlan| NewInterface { rate_limit: Some("50Mbps".to_owned()), ..plain(vlan) };
    let vif2 = scene.create(A, &vif.connection, &gateway, limited(2)).expect("an interface");
    for vlan in 100..110 {
        scene.create(A, &target, &gateway, limited(vlan)).expect("ten are allowed");
    }
    let text = scene.tenant(A, to(&vif2.id, &target)).expect_err("no limiter is left").to_string();
    assert!(text.contains("rate_limiters_per_connection"), "{text}");
    interface(scene.tenant(A, to(&vif.id, &target)));
    scene.settle(true, true);
    assert_eq!(scene.world.violations(), Vec::<String>::new(), "the counters are right");
}
