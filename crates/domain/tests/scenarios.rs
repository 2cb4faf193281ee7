//! The stories that the documents tell, step by step, with the exact answers.

mod common;

use std::time::Duration;

use common::command::{Command, Outcome};
use common::scene::{A, B, C, DAY, R1, Scene, account, due_calls, plain, published};
use common::{Call, refused};
use linkway_domain::Time;
use linkway_domain::connection::{ConnectionPhase, ConnectionState};
use linkway_domain::id::{ConnectionId, VirtualGatewayId, VirtualInterfaceId};
use linkway_domain::tag::Tags;
use linkway_domain::tag::decide::TagChange;
use linkway_domain::virtual_interface::decide::{
    AllocatePrivateVirtualInterface as Allocate, ConfirmPrivateVirtualInterface as Confirm,
    CreatePrivateVirtualInterface as Create,
};
use linkway_domain::virtual_interface::options::PrefixNumbers;
use linkway_domain::virtual_interface::{Phase, State};

/// A lends an interface to B.
fn lent() -> (Scene, ConnectionId, VirtualInterfaceId) {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let id = scene.allocate((A, B), &line, published()).expect("the published example").id;
    (scene, line, id)
}

#[test]
fn the_published_walk_from_allocation_to_traffic_and_back() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let made = scene.allocate((A, B), &line, published()).expect("the published example");
    assert_eq!((made.phase, made.lender.as_str(), made.owner.as_str()), (Phase::Confirming, A, B));
    assert_eq!(
        (made.vlan.number(), made.first_peer().asn.number(), made.mtu.bytes()),
        (101, 65_000, 1500)
    );
    assert_eq!(made.first_peer().auth_key.reveal(), "tgyn26example");
    assert_eq!(made.first_peer().addresses.amazon().to_string(), "172.16.0.1/30");
    assert_eq!(made.first_peer().addresses.customer().to_string(), "172.16.0.2/30");
    assert_eq!((made.location.as_str(), made.name.as_str()), ("PAR1", "MyPrivateVirtualInterface"));
    assert_eq!((made.connection.clone(), made.attachment.clone()), (line.clone(), None));

    scene.settle(true, true);
    assert_eq!((scene.state(&made.id), scene.on_routers()), (State::Confirming, vec![]));

    let gateway = scene.vpc(B);
    let confirmed = scene.confirm(B, &made.id, &gateway.id).expect("B's own");
    assert_eq!(confirmed.state(scene.now, None, false), State::Pending);
    assert_eq!(scene.on_routers(), std::slice::from_ref(&made.id));

    scene.settle(true, false);
    assert_eq!(scene.state(&made.id), State::Down, "programmed, but BGP never came up");
    scene.settle(true, true);
    assert_eq!(scene.state(&made.id), State::Available);
    let interface = scene.world.interface(&made.id).expect("is there");
    assert_eq!(
        interface.state(scene.now, scene.world.report(&interface.id), true),
        State::Unknown,
        "the edge is silent"
    );
    scene.settle(true, false);
    assert_eq!(scene.state(&made.id), State::Down);

    let deleted = scene.delete(B, &made.id).expect("B's own");
    assert_eq!((deleted.phase, scene.on_routers()), (Phase::Deleting, vec![]));
    let again = scene.delete(A, &made.id).expect("deleting twice is no error");
    assert_eq!(again.phase, Phase::Deleting);
    scene.settle(true, true);
    assert_eq!(scene.phase(&made.id), Phase::Deleted);
    let ended = scene.world.interface(&made.id).and_then(|i| i.ended).expect("it has ended");
    assert_eq!((ended.at, ended.purge.since(ended.at)), (scene.now, Duration::from_secs(15 * 60)));

    scene.later(15 * 60_000 - 1).reconcile();
    assert_eq!(scene.phase(&made.id), Phase::Deleted, "still shown");
    scene.later(1).reconcile();
    assert!(scene.world.interface(&made.id).is_none(), "forgotten");
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn an_unanswered_interface_expires_at_exactly_seven_days() {
    let (mut scene, line, id) = lent();
    let gateway = scene.vpc(B);
    scene.later(7 * DAY - 1).reconcile();
    assert_eq!(scene.state(&id), State::Confirming);
    let mut in_time = scene.clone();
    assert_eq!(in_time.confirm(B, &id, &gateway.id).expect("in time").phase, Phase::Accepted);

    scene.later(1);
    assert_eq!(scene.state(&id), State::Expired, "whether or not a reconciler has noticed");
    refused(
        scene.confirm(B, &id, &gateway.id),
        &format!(
            "virtualInterfaceId \"{id}\" is in state expired; only one in state confirming can be confirmed."
        ),
    );
    let mut deleted = scene.clone();
    assert_eq!(deleted.delete(B, &id).expect("is overdue").phase, Phase::Expired);
    scene.reconcile();
    assert_eq!(scene.phase(&id), Phase::Expired);
    refused(scene.delete(B, &id), &format!("Virtual Interface {id} does not exist."));
    scene.allocate((A, B), &line, published()).expect("its VLAN is free again");

    in_time.later(30 * DAY).reconcile();
    assert_eq!(in_time.phase(&id), Phase::Accepted, "what is confirmed does not expire");
}

#[test]
fn the_recipient_rejects_and_the_lender_withdraws() {
    for (who, end) in [(B, Phase::Rejected), (A, Phase::Deleted)] {
        let (mut scene, line, id) = lent();
        assert_eq!(scene.delete(who, &id).expect("either may").phase, end);
        refused(scene.delete(who, &id), &format!("Virtual Interface {id} does not exist."));
        let gateway = scene.vpc(B);
        let state = if end == Phase::Rejected { "rejected" } else { "deleted" };
        refused(
            scene.confirm(B, &id, &gateway.id),
            &format!(
                "virtualInterfaceId \"{id}\" is in state {state}; only one in state confirming can be confirmed."
            ),
        );
        scene.allocate((A, C), &line, published()).expect("its VLAN is free at once");
        scene.later(15 * 60_000).reconcile();
        assert!(scene.world.interface(&id).is_none());
        assert_eq!(scene.world.violations(), Vec::<String>::new());
    }
}

#[test]
fn only_the_recipient_confirms_and_only_with_its_own_gateway() {
    let (mut scene, _, id) = lent();
    let (of_a, of_b) = (scene.vpc(A).id, scene.vpc(B).id);
    refused(
        scene.confirm(A, &id, &of_a),
        &format!("virtualInterfaceId \"{id}\" is not yours to confirm: its owner is account {B}."),
    );
    refused(scene.confirm(C, &id, &of_b), &format!("Virtual Interface {id} does not exist."));
    refused(scene.confirm(B, &id, &of_a), &format!("The VirtualGateway {of_a} does not exist."));
    let missing = VirtualGatewayId::parse("vgw-00000000").expect("a gateway id");
    refused(scene.confirm(B, &id, &missing), "The VirtualGateway vgw-00000000 does not exist.");
    for (gateway, direct, text) in [
        (
            None,
            None,
            "virtualGatewayId is required: a private Virtual Interface needs virtualGatewayId or directConnectGatewayId.",
        ),
        (None, Some("dxg-1"), "Direct Connect Gateway dxg-1 does not exist."),
        (
            Some(of_b.to_string()),
            Some("dxg-1"),
            "virtualGatewayId and directConnectGatewayId exclude each other: give one of them.",
        ),
    ] {
        let direct_connect_gateway = direct.map(str::to_owned);
        let confirm = Confirm { interface: id.to_string(), gateway, direct_connect_gateway };
        refused(scene.tenant(B, Command::Confirm(confirm)), text);
    }
    scene.confirm(B, &id, &of_b).expect("B's own");
    refused(
        scene.confirm(B, &id, &of_b),
        &format!(
            "virtualInterfaceId \"{id}\" is in state pending; only one in state confirming can be confirmed."
        ),
    );
}

#[test]
fn allocating_to_oneself_to_nobody_and_on_what_is_not_there() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    refused(
        scene.allocate((A, A), &line, published()),
        "Cannot allocate VirtualInterface for the connection owner.",
    );
    refused(
        scene.allocate((A, "999999999999"), &line, published()),
        "ownerAccount \"999999999999\" does not exist.",
    );
    refused(
        scene.allocate((A, "12"), &line, published()),
        "ownerAccount \"12\" is not an account id: it must have exactly 12 digits.",
    );
    refused(
        scene.allocate((C, B), &line, published()),
        &format!("Could not find Connection with ID {line}"),
    );
    for (id, text) in [
        ("dxcon-00000000", "Could not find Connection with ID dxcon-00000000"),
        ("nonsense", "Could not find Connection with ID nonsense"),
        ("dxlag-ffffffff", "Could not find Lag with ID dxlag-ffffffff"),
    ] {
        let allocate =
            Allocate { connection: id.to_owned(), owner: B.to_owned(), new: published() };
        refused(scene.tenant(A, Command::Allocate(allocate)), text);
    }
    let ordered = scene.order(A, "PAR1").id;
    let not_available = |state: &str| {
        format!(
            "The specified Connection ID is not available: connectionId \"{ordered}\" is in state {state}, and a \
             Virtual Interface needs a connection in state available."
        )
    };
    refused(scene.allocate((A, B), &ordered, published()), &not_available("requested"));
    scene.approve(&ordered, R1, "eth2");
    refused(scene.allocate((A, B), &ordered, published()), &not_available("pending"));
    scene.carrier(&ordered, R1, true);
    scene.carrier(&ordered, R1, false);
    scene.allocate((A, B), &ordered, published()).expect("down is no reason: the line was up once");
}

#[test]
fn a_vlan_serves_one_live_interface_of_a_connection() {
    let (mut scene, line, id) = lent();
    let taken = format!(
        "newPrivateVirtualInterfaceAllocation.vlan \"101\" is in use by another Virtual Interface on connection {line}."
    );
    refused(scene.allocate((A, C), &line, plain(101)), &taken);
    scene.allocate((A, C), &line, plain(102)).expect("another VLAN");
    let other = scene.line(A, R1, "eth2");
    scene.allocate((A, C), &other, plain(101)).expect("another connection");
    let gateway = scene.vpc(B);
    scene.confirm(B, &id, &gateway.id).expect("B's own");
    scene.delete(B, &id).expect("B's own");
    refused(scene.allocate((A, C), &line, plain(101)), &taken);
    scene.settle(true, true);
    scene.allocate((A, C), &line, plain(101)).expect("the router has let go");
}

#[test]
fn the_two_sides_of_a_session_have_different_as_numbers() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let (own, theirs) = (scene.vpc(A).id, scene.vpc(B).id);
    let new = || linkway_domain::virtual_interface::NewInterface { asn: Some(64_512), ..plain(5) };
    refused(
        scene.create(A, &line, &own, new()),
        &format!(
            "newPrivateVirtualInterface.asn \"64512\" is the AS number of gateway {own} itself; the two sides must differ."
        ),
    );
    let lent = scene.allocate((A, B), &line, new()).expect("no gateway is known yet").id;
    refused(
        scene.confirm(B, &lent, &theirs),
        &format!(
            "asn \"64512\" is the AS number of gateway {theirs} itself; the two sides must differ."
        ),
    );
}

#[test]
fn a_connection_goes_only_after_its_interfaces() {
    let (mut scene, line, id) = lent();
    let delete = || Command::DeleteConnection(line.to_string());
    let waits =
        format!("Connection {line} cannot be deleted until its Virtual Interfaces are deleted.");
    refused(scene.tenant(A, delete()), &waits);
    refused(scene.tenant(B, delete()), &format!("Could not find Connection with ID {line}"));
    let gateway = scene.vpc(B).id;
    scene.confirm(B, &id, &gateway).expect("B's own");
    scene.delete(A, &id).expect("the lender may");
    refused(scene.tenant(A, delete()), &waits);
    scene.settle(true, true);
    scene.tenant(A, delete()).expect("nothing is left on it");
    scene.tenant(A, delete()).expect("deleting twice is no error");
    let state = |scene: &Scene| scene.world.connection(&line).expect("is there").state(false);
    assert_eq!(state(&scene), ConnectionState::Deleting);
    scene.settle(true, true);
    assert_eq!(state(&scene), ConnectionState::Deleted);
    refused(scene.tenant(A, delete()), &format!("Could not find Connection with ID {line}"));
    let next = scene.order(B, "PAR1").id;
    scene.approve(&next, R1, "eth1");
    assert_eq!(scene.world.violations(), Vec::<String>::new(), "the port is free for the next");
}

#[test]
fn a_gateway_goes_only_after_its_interfaces() {
    let (mut scene, _, id) = lent();
    let gateway = scene.vpc(B).id;
    scene.confirm(B, &id, &gateway).expect("B's own");
    let operator = linkway_domain::access_key::Principal::Operator;
    let delete = || Command::DeleteGateway(gateway.to_string());
    let waits = format!(
        "virtualGatewayId \"{gateway}\" cannot be deleted while these are there: virtual interface {id}."
    );
    refused(scene.by(operator.clone(), delete()), &waits);
    scene.delete(B, &id).expect("B's own");
    refused(scene.by(operator.clone(), delete()), &waits);
    scene.settle(true, true);
    scene.by(operator.clone(), delete()).expect("nothing leads to it");
    let gone = format!("The VirtualGateway {gateway} does not exist.");
    refused(scene.by(operator, delete()), &gone);
}

#[test]
fn a_simulated_location_approves_by_itself() {
    let mut scene = Scene::new();
    let id = scene.order(A, "SIM1").id;
    let phase = |scene: &Scene| scene.world.connection(&id).expect("is there").phase;
    scene.later(1_999).reconcile();
    assert_eq!(phase(&scene), ConnectionPhase::Requested);
    scene.later(1).reconcile();
    assert_eq!(phase(&scene), ConnectionPhase::Pending);
    let port = scene.world.connection(&id).and_then(|c| c.port.clone()).expect("a port");
    assert_eq!((port.edge.as_str(), port.jumbo, port.simulated), ("simulated-SIM1", true, true));
    assert_eq!(port.name.to_string(), id.to_string().replace("dxcon-", "sim-"));
    scene.settle(true, true);
    assert_eq!(phase(&scene), ConnectionPhase::Up);
    scene.tenant(A, Command::DeleteConnection(id.to_string())).expect("A's own");
    scene.settle(true, true);
    assert_eq!(phase(&scene), ConnectionPhase::Deleted);
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn a_deadline_that_comes_early_does_nothing() {
    let (mut scene, _, interface) = lent();
    let ordered = scene.order(A, "SIM1").id;
    scene.delete(B, &interface).expect("B may");
    let world = scene.world.clone();
    let end = scene.now.plus(Duration::from_millis(30 * DAY));
    let calls = due_calls(&world, end);
    let three = format!("the approval of {ordered}, reminder and forgetting of {interface}");
    assert_eq!(calls.len(), 3, "{three}");
    for call in calls {
        let Command::Due(due) = &call.command else { panic!("{call:?}") };
        let early = Time::from_millis(due.at.millis() - 1);
        let decision =
            world.decide(&Call { now: early, ..call.clone() }).expect("is never refused");
        assert_eq!(decision.decision.writes, vec![]);
        let decision =
            world.decide(&Call { now: due.at, ..call.clone() }).expect("is never refused");
        assert_ne!(decision.decision.writes, vec![]);
    }
}

#[test]
fn tagging_what_is_being_deleted_does_not_hold_it_up() {
    let (mut scene, line, id) = lent();
    let gateway = scene.vpc(B).id;
    scene.confirm(B, &id, &gateway).expect("B's own");
    scene.settle(true, true);
    let tag = |resource: String| {
        let arn = format!("arn:aws:directconnect:eu-west-2:{A}:{resource}");
        Command::Tag(TagChange { arn, add: vec![("k".to_owned(), None)], remove: vec![] })
    };
    scene.delete(B, &id).expect("B's own");
    scene.tenant(A, tag(format!("dxvif/{id}"))).expect("the lender sees it");
    scene.settle(true, true);
    assert_eq!(scene.phase(&id), Phase::Deleted);
    scene.tenant(A, Command::DeleteConnection(line.to_string())).expect("nothing is on it");
    scene.tenant(A, tag(format!("dxcon/{line}"))).expect("A's own");
    scene.settle(true, true);
    let phase = scene.world.connection(&line).map(|c| c.phase);
    assert_eq!(phase, Some(ConnectionPhase::Deleted));
}

#[test]
fn neither_side_of_a_hosted_interface_sees_the_others_tags() {
    let (mut scene, line, id) = lent();
    let arn = |who: &str, what: &str| format!("arn:aws:directconnect:eu-west-2:{who}:{what}");
    let tag = |scene: &mut Scene, who: &str, arn: String, value: &str| {
        let add = vec![("team".to_owned(), Some(value.to_owned()))];
        scene.tenant(who, Command::Tag(TagChange { arn, add, remove: vec![] }))
    };
    let vif = format!("dxvif/{id}");
    tag(&mut scene, A, arn(A, &vif), "alba").expect("the lender sees it");
    tag(&mut scene, B, arn(B, &vif), "boreal").expect("the owner sees it");
    let tags = |scene: &Scene, who: &str| {
        let tags = scene.world.tags(&id, &account(who)).into_iter().flat_map(Tags::iter);
        tags.map(|(k, v)| format!("{k}={}", v.unwrap_or_default())).collect::<Vec<_>>()
    };
    assert_eq!(
        (tags(&scene, A), tags(&scene, B)),
        (vec!["team=alba".into()], vec!["team=boreal".into()])
    );
    let foreign = arn(A, &vif);
    let text = format!("The resource {foreign} does not exist.");
    refused(tag(&mut scene, B, foreign, "x"), &text);
    let text = format!("Virtual Interface {id} does not exist.");
    refused(tag(&mut scene, C, arn(C, &vif), "x"), &text);
    let text = format!("Could not find Connection with ID {line}");
    refused(tag(&mut scene, B, arn(B, &format!("dxcon/{line}")), "x"), &text);
    let remove = TagChange { arn: arn(B, &vif), add: vec![], remove: vec!["team".to_owned()] };
    scene.tenant(B, Command::Tag(remove)).expect("B's own");
    assert_eq!((tags(&scene, A), tags(&scene, B)), (vec!["team=alba".into()], vec![]));
}

#[test]
fn what_is_not_offered_is_refused_by_name() {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1").to_string();
    let gateway = Some(scene.vpc(A).id.to_string());
    let create = || Create {
        connection: line.clone(),
        new: plain(1),
        gateway: gateway.clone(),
        ..Create::default()
    };
    let cases = [
        (
            Create { gateway: None, ..create() },
            "newPrivateVirtualInterface.virtualGatewayId is required: a private Virtual Interface needs virtualGatewayId or directConnectGatewayId.",
        ),
        (
            Create { site_link: true, ..create() },
            "newPrivateVirtualInterface.enableSiteLink \"true\" is not offered: SiteLink needs a Direct Connect gateway.",
        ),
        (
            Create { prefix_pool: PrefixNumbers { ipv4: Some(1_001), ipv6: None }, ..create() },
            "newPrivateVirtualInterface.prefixPoolAllocatedCountIpv4 \"1001\" must be from 0 to 1000 prefixes.",
        ),
    ];
    for (create, text) in cases {
        refused(scene.tenant(A, Command::Create(create)), text);
    }
    let made = scene.tenant(A, Command::Create(create())).expect("the plain one");
    assert!(matches!(made, Outcome::VirtualInterface(made) if made.phase == Phase::Accepted));
}
