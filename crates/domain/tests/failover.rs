//! BGP failover tests: who starts them, what the router is told, and how they end.

mod common;

use common::command::{Command, Outcome};
use common::refused;
use common::scene::{A, B, C, R1, Scene, account, published};
use linkway_domain::bgp_peer::decide::{CreateBgpPeer, DeleteBgpPeer};
use linkway_domain::failover_test::decide::StartBgpFailoverTest as Start;
use linkway_domain::failover_test::{FailoverTest, TestStatus};
use linkway_domain::id::{EdgeId, VirtualInterfaceId};
use linkway_domain::key;
use linkway_domain::record::Record;
use linkway_domain::virtual_interface::State;
use linkway_domain::{Fault, Time};

const MINUTE: u64 = 60_000;

/// A's interface for B, with a peer of each family, both up.
fn accepted() -> (Scene, VirtualInterfaceId) {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let gateway = scene.vpc(B).id;
    let interface = scene.allocate((A, B), &line, published()).expect("is free").id;
    scene.confirm(B, &interface, &gateway).expect("B's own");
    let new = CreateBgpPeer {
        interface: interface.to_string(),
        asn: Some(65_000),
        address_family: Some("ipv6".to_owned()),
        ..CreateBgpPeer::default()
    };
    scene.tenant(B, Command::CreatePeer(new)).expect("the other family");
    scene.settle(true, true);
    (scene, interface)
}

fn start(scene: &mut Scene, who: &str, start: Start) -> Result<FailoverTest, Fault> {
    match scene.tenant(who, Command::StartTest(start))? {
        Outcome::FailoverTest(test) => Ok(test),
        other => panic!("{other:?}"),
    }
}

fn of(id: &VirtualInterfaceId, minutes: Option<i64>) -> Start {
    Start { interface: id.to_string(), minutes, ..Start::default() }
}

fn shut(scene: &Scene) -> Vec<Option<Time>> {
    let config = scene.world.config(&EdgeId::parse(R1).expect("an id"));
    config.interfaces.iter().flat_map(|i| i.peers.iter().map(|peer| peer.shut_until)).collect()
}

fn history(scene: &Scene, test: &FailoverTest) -> Option<(TestStatus, Option<Time>)> {
    match &scene.world.records.get(key::failover_test(&test.id).as_str())?.1 {
        Record::FailoverTest(test) => Some((test.status, test.ended)),
        other => panic!("{other:?}"),
    }
}

fn told(scene: &Scene, who: &str) -> Vec<String> {
    let range = key::notices_of(&account(who));
    let notices = scene.world.records.range(range.as_str().to_owned()..);
    let own = notices.take_while(|(at, _)| at.starts_with(range.as_str()));
    own.filter_map(|(_, (_, record))| match record {
        Record::Notice(notice) => Some(notice.event.as_str().to_owned()),
        _ => None,
    })
    .filter(|event| ["testing", "tested", "down"].contains(&event.as_str()))
    .collect()
}

#[test]
fn a_test_shuts_all_sessions_until_its_time_is_over() {
    let (mut scene, id) = accepted();
    let began = scene.now;
    let test = start(&mut scene, B, of(&id, Some(10))).expect("B's own");
    let until = Time::from_millis(began.millis() + 10 * MINUTE);
    assert_eq!((test.minutes, test.peers.len(), test.until()), (10, 2, until));
    assert_eq!(shut(&scene), [Some(until), Some(until)]);
    assert_eq!(scene.state(&id), State::Testing);
    scene.settle(true, false);
    assert_eq!(scene.state(&id), State::Testing);
    assert_eq!(told(&scene, A), ["testing"], "and not that it is down");
    scene.later(10 * MINUTE - 1).reconcile();
    assert_eq!(history(&scene, &test), Some((TestStatus::InProgress, None)));
    scene.later(1);
    assert_eq!(scene.state(&id), State::Down, "before a reconciler has noticed");
    scene.reconcile();
    assert_eq!(history(&scene, &test), Some((TestStatus::Completed, Some(until))));
    assert_eq!(shut(&scene), [None, None]);
    scene.settle(true, true);
    assert_eq!(scene.state(&id), State::Available);
    assert_eq!(
        (told(&scene, A), told(&scene, B)),
        (vec!["testing".into(), "tested".into()], vec!["tested".into()])
    );
    assert_eq!(scene.world.violations(), [""; 0]);
    // A year later nothing is left of it.
    scene.later(365 * 24 * 60 * MINUTE).reconcile();
    assert_eq!(history(&scene, &test), None);
    assert_eq!(scene.world.ids_in(&key::all("failover-test-of")).count(), 0);
}

#[test]
fn a_test_of_one_peer_leaves_the_other_alone_and_can_be_stopped() {
    let (mut scene, id) = accepted();
    let peers = scene.world.interface(&id).expect("is there").peers.clone();
    let one = peers[0].id.to_string();
    let named = Start { peers: vec![one.clone(), one.clone()], ..of(&id, None) };
    let test = start(&mut scene, B, named.clone()).expect("B's own");
    assert_eq!((test.minutes, test.peers.len()), (180, 1));
    assert_eq!(shut(&scene), [Some(test.until()), None]);
    let text = format!(
        "virtualInterfaceId \"{id}\" is in state testing; one BGP failover test runs at a time: wait for its end or stop it."
    );
    refused(start(&mut scene, B, named), &text);
    scene.later(MINUTE).tenant(B, Command::StopTest(id.to_string())).expect("B's own");
    assert_eq!(history(&scene, &test), Some((TestStatus::Cancelled, Some(scene.now))));
    assert_eq!(shut(&scene), [None, None]);
    assert_eq!(scene.state(&id), State::Available);
    let text = format!(
        "virtualInterfaceId \"{id}\" is in state available; no BGP failover test runs on it."
    );
    refused(scene.tenant(B, Command::StopTest(id.to_string())), &text);
    start(&mut scene, B, of(&id, Some(4_320))).expect("another one");
    assert_eq!(scene.world.violations(), [""; 0]);
}

#[test]
fn only_its_owner_tests_an_interface_and_only_one_that_is_programmed() {
    let (mut scene, id) = accepted();
    let text =
        format!("virtualInterfaceId \"{id}\" is not yours to change: its owner is account {B}.");
    refused(start(&mut scene, A, of(&id, None)), &text);
    refused(scene.tenant(A, Command::StopTest(id.to_string())), &text);
    let text = format!("Virtual Interface {id} does not exist.");
    refused(start(&mut scene, C, of(&id, None)), &text);
    for minutes in [0, -1, 4_321] {
        let text = format!("testDurationInMinutes \"{minutes}\" must be from 1 to 4320 minutes.");
        refused(start(&mut scene, B, of(&id, Some(minutes))), &text);
    }
    let stranger = Start { peers: vec!["dxpeer-00000000".to_owned()], ..of(&id, None) };
    let said = start(&mut scene, B, stranger).expect_err("no such peer").to_string();
    assert!(said.contains("dxpeer-00000000") && said.contains("does not exist"), "{said}");
    let line = scene.line(A, R1, "eth2");
    let waiting = scene.allocate((A, B), &line, published()).expect("is free").id;
    let text = format!(
        "virtualInterfaceId \"{waiting}\" is in state confirming; only one that is available or down can be tested."
    );
    refused(start(&mut scene, B, of(&waiting, None)), &text);
    let gateway = scene.vpc(B).id;
    scene.confirm(B, &waiting, &gateway).expect("B's own");
    let said = start(&mut scene, B, of(&waiting, None)).expect_err("pending").to_string();
    assert!(said.contains("is in state pending"), "{said}");
}

#[test]
fn what_is_deleted_during_its_test_has_failed_it() {
    let (mut scene, id) = accepted();
    let test = start(&mut scene, B, of(&id, None)).expect("B's own");
    scene.later(1).delete(A, &id).expect("A's connection");
    assert_eq!(history(&scene, &test), Some((TestStatus::Failed, Some(scene.now))));
    assert_eq!(scene.world.violations(), [""; 0]);

    let (mut scene, id) = accepted();
    let peer = scene.world.interface(&id).expect("is there").peers[1].id.to_string();
    let named = Start { peers: vec![peer.clone()], ..of(&id, None) };
    let test = start(&mut scene, B, named).expect("B's own");
    let gone = DeleteBgpPeer { interface: id.to_string(), peer: Some(peer), ..Default::default() };
    scene.later(1).tenant(B, Command::DeletePeer(gone)).expect("not the last one");
    assert_eq!(history(&scene, &test), Some((TestStatus::Failed, Some(scene.now))));
    assert_eq!(scene.state(&id), State::Available);
    assert_eq!(scene.world.violations(), [""; 0]);
}

/// The clock went on while no reconciler ran.
#[test]
fn a_test_that_is_over_makes_room_for_the_next() {
    let (mut scene, id) = accepted();
    let first = start(&mut scene, B, of(&id, Some(1))).expect("B's own");
    scene.later(MINUTE);
    let second = start(&mut scene, B, of(&id, Some(1))).expect("the first is over");
    assert_eq!(history(&scene, &first), Some((TestStatus::Completed, Some(first.until()))));
    assert_eq!(history(&scene, &second), Some((TestStatus::InProgress, None)));
    assert_eq!(scene.world.violations(), [""; 0]);
}
