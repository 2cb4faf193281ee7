//! An interface's attributes and BGP peers change while it is accepted, and never interrupt what stays.

mod common;

use common::command::Command;
use common::scene::{A, B, R1, Scene, published};
use common::{World, refused};
use linkway_domain::bgp_peer::PeerPhase;
use linkway_domain::bgp_peer::decide::{CreateBgpPeer, DeleteBgpPeer};
use linkway_domain::edge::EdgeConfig;
use linkway_domain::id::{EdgeId, VirtualInterfaceId};
use linkway_domain::key;
use linkway_domain::virtual_interface::State;
use linkway_domain::virtual_interface::update::UpdateVirtualInterfaceAttributes;

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

fn config(world: &World) -> EdgeConfig {
    world.config(&edge())
}

fn update(interface: &VirtualInterfaceId) -> UpdateVirtualInterfaceAttributes {
    UpdateVirtualInterfaceAttributes { interface: interface.to_string(), ..Default::default() }
}

fn ipv6(interface: &VirtualInterfaceId) -> CreateBgpPeer {
    CreateBgpPeer {
        interface: interface.to_string(),
        asn: Some(65_000),
        address_family: Some("ipv6".to_owned()),
        ..CreateBgpPeer::default()
    }
}

fn delete(interface: &VirtualInterfaceId, peer: &str) -> Command {
    let (interface, peer) = (interface.to_string(), Some(peer.to_owned()));
    Command::DeletePeer(DeleteBgpPeer { interface, peer, ..DeleteBgpPeer::default() })
}

#[test]
fn a_name_wakes_no_router_and_an_mtu_changes_nothing_else_there() {
    let (mut scene, id) = accepted();
    let before = config(&scene.world);
    let named = UpdateVirtualInterfaceAttributes { name: Some("other".into()), ..update(&id) };
    scene.tenant(B, Command::Update(named)).expect("B's own");
    assert_eq!(scene.world.interface(&id).map(|i| i.name.as_str()), Some("other"));
    assert_eq!(config(&scene.world), before, "the generation too");
    let sized = UpdateVirtualInterfaceAttributes { mtu: Some(9_001), ..update(&id) };
    scene.tenant(B, Command::Update(sized.clone())).expect("B's own");
    let after = config(&scene.world);
    assert!(after.generation > before.generation);
    assert_eq!(after.interfaces[0].mtu.bytes(), 9_001);
    assert_eq!(after.interfaces[0].peers, before.interfaces[0].peers);
    assert_eq!(scene.state(&id), State::Available, "what the edge last said still counts");
    let revision = scene.world.revision;
    scene.tenant(B, Command::Update(sized)).expect("the same again");
    assert_eq!(scene.world.revision, revision, "nothing to change, nothing written");
}

#[test]
fn only_its_owner_changes_an_interface_and_only_once_it_is_accepted() {
    let (mut scene, id) = accepted();
    let named = || UpdateVirtualInterfaceAttributes { name: Some("x".into()), ..update(&id) };
    let text =
        format!("virtualInterfaceId \"{id}\" is not yours to change: its owner is account {B}.");
    refused(scene.tenant(A, Command::Update(named())), &text);
    refused(scene.tenant(A, Command::CreatePeer(ipv6(&id))), &text);
    refused(scene.tenant(A, delete(&id, "dxpeer-f0000000")), &text);
    for (change, text) in [
        (
            UpdateVirtualInterfaceAttributes { site_link: Some(true), ..update(&id) },
            "enableSiteLink \"true\" is not offered: SiteLink needs a Direct Connect gateway.",
        ),
        (
            UpdateVirtualInterfaceAttributes { rate_limit: Some("50Mbps".into()), ..update(&id) },
            &format!(
                "rateLimit of virtualInterfaceId \"{id}\" is not yours to change: the owner of its connection is account {A}."
            ),
        ),
    ] {
        refused(scene.tenant(B, Command::Update(change)), text);
    }
    scene.delete(B, &id).expect("B's own");
    let text = format!(
        "virtualInterfaceId \"{id}\" is in state deleting; only one that was accepted can be changed."
    );
    refused(scene.tenant(B, Command::Update(named())), &text);
}

#[test]
fn a_second_peer_comes_and_goes_beside_the_first() {
    let (mut scene, id) = accepted();
    let first = config(&scene.world).interfaces[0].peers[0].clone();
    scene.tenant(B, Command::CreatePeer(ipv6(&id))).expect("the other family");
    let text = format!(
        "newBGPPeer.addressFamily \"ipv6\" has BGP Peer {} already: an interface has one of each.",
        scene.world.interface(&id).expect("is there").peers[1].id
    );
    refused(scene.tenant(B, Command::CreatePeer(ipv6(&id))), &text);
    let both = config(&scene.world);
    assert_eq!((both.interfaces[0].peers.len(), &both.interfaces[0].peers[0]), (2, &first));
    scene.settle(true, true);
    assert_eq!(scene.world.report(&id).map(|report| report.peers.len()), Some(2));

    let second = scene.world.interface(&id).expect("is there").peers[1].id.to_string();
    scene.tenant(B, delete(&id, &second)).expect("not the last one");
    let peers = |scene: &Scene| scene.world.interface(&id).expect("is there").peers.clone();
    assert_eq!(peers(&scene)[1].phase, PeerPhase::Deleting);
    assert_eq!(config(&scene.world).interfaces[0].peers.len(), 1);
    let text = "The last BGP Peer on a Virtual Interface cannot be deleted.";
    refused(
        scene.tenant(B, delete(&id, first.bgp_peer_id.as_ref().expect("known").as_str())),
        text,
    );
    // Its subnet stays claimed until the router has let go of it.
    let claims = |scene: &Scene| scene.world.ids_in(&key::all("peer")).count();
    let claimed = claims(&scene);
    scene.settle(true, true);
    assert_eq!(peers(&scene).len(), 1);
    assert!(claims(&scene) < claimed);
    assert_eq!(scene.state(&id), State::Available);
    assert_eq!(scene.world.violations(), [""; 0]);
}

#[test]
fn a_peer_is_named_by_its_id_or_by_number_and_address() {
    let (mut scene, id) = accepted();
    scene.tenant(B, Command::CreatePeer(ipv6(&id))).expect("the other family");
    let by = |asn: Option<i64>, address: Option<&str>| {
        let customer_address = address.map(ToOwned::to_owned);
        let interface = id.to_string();
        Command::DeletePeer(DeleteBgpPeer {
            interface,
            asn,
            customer_address,
            ..Default::default()
        })
    };
    let text = "bgpPeerId is required: give it, or asn and customerAddress, which name the peer.";
    refused(scene.tenant(B, by(Some(65_000), None)), text);
    let text = "BGP Peer 172.16.0.9 of AS 65000 does not exist.";
    refused(scene.tenant(B, by(Some(65_000), Some("172.16.0.9"))), text);
    refused(scene.tenant(B, delete(&id, "x")), "BGP Peer x does not exist.");
    for address in ["172.16.0.2", "172.16.0.2/30"] {
        scene.tenant(B, by(Some(65_000), Some(address))).expect("the published one");
    }
    assert_eq!(scene.world.interface(&id).map(|i| i.peers[0].phase), Some(PeerPhase::Deleting));
}
