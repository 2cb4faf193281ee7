//! A new BGP key waits beside the one in use until the session is up with it, or its time is over.

mod common;

use common::command::{Command, Outcome};
use common::refused;
use common::scene::{A, B, C, R1, Scene, published};
use linkway_domain::access_key::Principal;
use linkway_domain::bgp_peer::decide::{CreateBgpPeer, DeleteBgpPeer};
use linkway_domain::bgp_peer::rotation::{RotateAuthKey, Rotated};
use linkway_domain::edge::ConfigVersion;
use linkway_domain::edge::report::ReportInterface;
use linkway_domain::id::{BgpPeerId, EdgeId, VirtualInterfaceId};
use linkway_domain::virtual_interface::{Secret, State};
use linkway_domain::{Fault, Time};

const OLD: &str = "tgyn26example";
const NEW: &str = "fjord-Secret-1";

fn edge() -> EdgeId {
    EdgeId::parse(R1).expect("an edge id")
}

/// A's interface for B, accepted and up.
fn accepted() -> (Scene, VirtualInterfaceId) {
    let mut scene = Scene::new();
    let line = scene.line(A, R1, "eth1");
    let gateway = scene.vpc(B).id;
    let interface = scene.allocate((A, B), &line, published()).expect("is free").id;
    scene.confirm(B, &interface, &gateway).expect("B's own");
    scene.settle(true, true);
    (scene, interface)
}

fn to(id: &VirtualInterfaceId, key: &str, window_seconds: Option<i64>) -> RotateAuthKey {
    let auth_key = Some(Secret(key.to_owned()));
    RotateAuthKey { interface: id.to_string(), auth_key, window_seconds, peer: None }
}

fn rotate(scene: &mut Scene, who: &str, command: RotateAuthKey) -> Result<Rotated, Fault> {
    match scene.tenant(who, Command::RotateKey(command))? {
        Outcome::Rotated(rotated) => Ok(rotated),
        other => panic!("{other:?}"),
    }
}

/// The first peer's key, and the one that waits with the end of its time, in the record and in the router's configuration alike.
fn keys(scene: &Scene, id: &VirtualInterfaceId) -> (String, Option<(String, Time)>) {
    let interface = scene.world.interface(id).expect("is there");
    let peer = interface.first_peer();
    let waits = peer.rotation.as_ref().map(|it| (it.key.reveal().to_owned(), it.until));
    let config = scene.world.config(&edge());
    let given = &config.interfaces[0].peers[0];
    assert_eq!(given.auth_key, peer.auth_key);
    let new = given.new_key.as_ref().map(|it| (it.auth_key.reveal().to_owned(), it.until));
    assert_eq!(new, waits);
    (peer.auth_key.reveal().to_owned(), waits)
}

fn peer(scene: &Scene, id: &VirtualInterfaceId) -> BgpPeerId {
    scene.world.interface(id).expect("is there").first_peer().id.clone()
}

/// The router says that the session is up with the new key of this generation.
fn up_with_new_key(scene: &mut Scene, id: &VirtualInterfaceId, generation: u64) {
    let router = scene.routers.iter_mut().find(|router| router.id == edge()).expect("there");
    router.take(scene.world.config(&edge()));
    let said = router.report(true, true).expect("has a configuration");
    let mut head = said.head();
    head.version = ConfigVersion { generation, ..head.version };
    let item = ReportInterface {
        head,
        interface: id.clone(),
        report: said.interfaces.get(id).cloned(),
        with_new_keys: vec![peer(scene, id)],
    };
    let principal = Principal::Edge(edge());
    scene.by(principal, Command::ReportInterface(item)).expect("a report");
}

fn generation(scene: &Scene) -> u64 {
    scene.world.config(&edge()).generation
}

#[test]
fn a_new_key_waits_until_the_session_is_up_with_it() {
    let (mut scene, id) = accepted();
    let before = generation(&scene);
    let until = Time::from_millis(scene.now.millis() + 86_400_000);
    let rotated = rotate(&mut scene, B, to(&id, NEW, None)).expect("B's own");
    assert_eq!((rotated.until, &rotated.peer), (Some(until), &peer(&scene, &id)));
    assert_eq!(keys(&scene, &id), (OLD.to_owned(), Some((NEW.to_owned(), until))));
    assert_eq!(scene.state(&id), State::Available);
    // An edge that has not heard of it means another key.
    up_with_new_key(&mut scene, &id, before);
    assert_eq!(keys(&scene, &id).0, OLD);
    let now = generation(&scene);
    assert!(now > before);
    up_with_new_key(&mut scene, &id, now);
    assert_eq!(keys(&scene, &id), (NEW.to_owned(), None));
    assert_eq!(scene.world.violations(), [""; 0]);
    // A report that comes twice, and the end of the time, change nothing more.
    let revision = scene.world.revision;
    let later = generation(&scene);
    scene.later(86_400_000).reconcile();
    up_with_new_key(&mut scene, &id, later);
    assert_eq!(keys(&scene, &id), (NEW.to_owned(), None));
    assert_eq!(generation(&scene), later, "{revision}");
}

#[test]
fn at_the_end_of_its_time_it_is_the_only_one() {
    let (mut scene, id) = accepted();
    rotate(&mut scene, B, to(&id, NEW, Some(60))).expect("B's own");
    scene.later(59_999).reconcile();
    assert_eq!(keys(&scene, &id).0, OLD);
    scene.later(1).reconcile();
    assert_eq!(keys(&scene, &id), (NEW.to_owned(), None));
    assert_eq!(scene.world.violations(), [""; 0]);
    // Before a reconciler has noticed: the new key is the one in use.
    rotate(&mut scene, B, to(&id, OLD, Some(60))).expect("B's own");
    scene.later(60_000);
    let rotated = rotate(&mut scene, B, to(&id, OLD, Some(60))).expect("B's own");
    assert_eq!((rotated.until, keys(&scene, &id)), (None, (OLD.to_owned(), None)));
}

#[test]
fn another_call_replaces_it_and_one_with_the_key_in_use_ends_it() {
    let (mut scene, id) = accepted();
    rotate(&mut scene, B, to(&id, NEW, None)).expect("B's own");
    let first = generation(&scene);
    let second = rotate(&mut scene, B, to(&id, "fjord-Secret-2", Some(600))).expect("B's own");
    let waits = Some(("fjord-Secret-2".to_owned(), second.until.expect("it waits")));
    assert_eq!(keys(&scene, &id), (OLD.to_owned(), waits.clone()));
    // What the router says of the first is not of the second.
    up_with_new_key(&mut scene, &id, first);
    assert_eq!(keys(&scene, &id), (OLD.to_owned(), waits));
    let ended = rotate(&mut scene, B, to(&id, OLD, None)).expect("B's own");
    assert_eq!((ended.until, keys(&scene, &id)), (None, (OLD.to_owned(), None)));
    let revision = scene.world.revision;
    rotate(&mut scene, B, to(&id, OLD, None)).expect("the same again");
    assert_eq!(scene.world.revision, revision, "nothing to change, nothing written");
    assert_eq!(scene.world.violations(), [""; 0]);
}

#[test]
fn a_key_of_one_of_two_peers_is_named_with_it() {
    let (mut scene, id) = accepted();
    let six = CreateBgpPeer {
        interface: id.to_string(),
        asn: Some(65_000),
        address_family: Some("ipv6".to_owned()),
        ..CreateBgpPeer::default()
    };
    scene.tenant(B, Command::CreatePeer(six)).expect("the other family");
    let text = "bgpPeerId is required: the interface has 2 BGP Peers with a session.";
    refused(rotate(&mut scene, B, to(&id, NEW, None)), text);
    let second = scene.world.interface(&id).expect("is there").peers[1].id.to_string();
    let named = |peer: &str| RotateAuthKey { peer: Some(peer.to_owned()), ..to(&id, NEW, None) };
    let rotated = rotate(&mut scene, B, named(&second)).expect("B's own");
    assert_eq!(rotated.peer.as_str(), second);
    let waits = |scene: &Scene| -> Vec<bool> {
        let peers = &scene.world.interface(&id).expect("is there").peers;
        peers.iter().map(|peer| peer.rotation.is_some()).collect()
    };
    assert_eq!(waits(&scene), [false, true]);
    refused(rotate(&mut scene, B, named("dxpeer-x")), "BGP Peer dxpeer-x does not exist.");
    // One that is deleted has no session, and no new key.
    let (interface, peer) = (id.to_string(), Some(second.clone()));
    let gone = DeleteBgpPeer { interface, peer, ..DeleteBgpPeer::default() };
    scene.tenant(B, Command::DeletePeer(gone)).expect("not the last one");
    assert_eq!(waits(&scene), [false, false]);
    let text = format!(
        "bgpPeerId \"{second}\" has no session: it was not verified yet, or is being deleted."
    );
    refused(rotate(&mut scene, B, named(&second)), &text);
    rotate(&mut scene, B, to(&id, NEW, None)).expect("the only one that has a session");
    scene.delete(B, &id).expect("B's own");
    assert_eq!(waits(&scene), [false, false]);
    assert_eq!(scene.world.violations(), [""; 0]);
}

#[test]
fn only_its_owner_gives_a_key_and_only_a_good_one() {
    let (mut scene, id) = accepted();
    let text =
        format!("virtualInterfaceId \"{id}\" is not yours to change: its owner is account {B}.");
    refused(rotate(&mut scene, A, to(&id, NEW, None)), &text);
    let text = format!("Virtual Interface {id} does not exist.");
    refused(rotate(&mut scene, C, to(&id, NEW, None)), &text);
    for seconds in [0, -1, 59, 604_801, i64::MAX] {
        let text = format!("windowSeconds \"{seconds}\" must be from 60 to 604800 seconds.");
        refused(rotate(&mut scene, B, to(&id, NEW, Some(seconds))), &text);
    }
    let text = "authKey (not shown) must have 6 to 80 characters, not 5.";
    refused(rotate(&mut scene, B, to(&id, "Qx7!z", None)), text);
    let text = "authKey (not shown) must consist of printable ASCII characters without spaces.";
    refused(rotate(&mut scene, B, to(&id, "Qx7! Wx", None)), text);
    let none = RotateAuthKey { interface: id.to_string(), ..RotateAuthKey::default() };
    let text = "authKey is required: give the key that the session is to have.";
    refused(rotate(&mut scene, B, none), text);
    let line = scene.line(A, R1, "eth2");
    let waiting = scene.allocate((A, B), &line, published()).expect("is free").id;
    let text = format!(
        "virtualInterfaceId \"{waiting}\" is in state confirming; only one that was accepted has a BGP session."
    );
    refused(rotate(&mut scene, B, to(&waiting, NEW, None)), &text);
    assert_eq!(keys(&scene, &id), (OLD.to_owned(), None));
}
