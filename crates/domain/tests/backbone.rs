//! The operator's backbone between the routers of a Direct Connect gateway: what is refused, and what of it is on which edge.

mod common;

use common::command::{Command, Outcome};
use common::refused;
use common::scene::{A, B, R1, R2, Scene, plain};
use linkway_domain::access_key::Principal;
use linkway_domain::backbone::Backbone;
use linkway_domain::backbone::decide::PutBackbone;
use linkway_domain::dx_gateway::DirectConnectGateway;
use linkway_domain::edge::{EdgeConfig, HandoffConfig};
use linkway_domain::id::{EdgeId, VirtualInterfaceId};
use linkway_domain::key;
use linkway_domain::port::decide::CreatePort;
use linkway_domain::public_network::decide::PutPublicNetwork;
use linkway_domain::virtual_gateway::decide::{FabricPeerText, HandoffText};
use linkway_domain::virtual_gateway::update::UpdateGateway;
use linkway_domain::virtual_interface::Secret;
use linkway_domain::virtual_interface::decide::CreatePrivateVirtualInterface;
use linkway_domain::virtual_interface::update::UpdateVirtualInterfaceAttributes;

const FOUR: &str = "198.51.100.2";
const SIX: &str = "2001:db8:ff::2";
const KEY: &str = "fjord-Secret-9";

fn handoff(edge: &str, interface: &str, next_hop: &str) -> HandoffText {
    HandoffText {
        edge: edge.to_owned(),
        interface: interface.to_owned(),
        next_hop: next_hop.to_owned(),
        fabric_peer: Some(FabricPeerText {
            address: next_hop.to_owned(),
            asn: 64_512,
            auth_key: Some(Secret(KEY.to_owned())),
        }),
    }
}

fn put(gateway: &DirectConnectGateway, handoffs: &[HandoffText]) -> Command {
    let gateway = gateway.id.to_string();
    Command::PutBackbone(PutBackbone { gateway, handoffs: handoffs.to_vec() })
}

fn made(outcome: Outcome) -> Backbone {
    match outcome {
        Outcome::Backbone(backbone) => backbone,
        other => panic!("{other:?}"),
    }
}

fn refuse(scene: &mut Scene, command: Command, text: &str) {
    refused(scene.by(Principal::Operator, command), text);
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

fn config(scene: &Scene, edge: &str) -> EdgeConfig {
    scene.world.config(&EdgeId::parse(edge).expect("an edge"))
}

/// The handoffs of a gateway's domain on an edge; `None`: there is no such domain.
fn there(scene: &Scene, edge: &str, gateway: &DirectConnectGateway) -> Option<Vec<String>> {
    let text = |one: &HandoffConfig| {
        let peer = one.fabric_peer.as_ref().expect("a backbone's has a peer");
        assert_eq!(peer.auth_key.as_ref().expect("has a key").reveal(), KEY);
        format!("{} {} AS {}", one.interface, peer.address, peer.asn.number())
    };
    let config = config(scene, edge);
    let mut domains = config.routing_domains.iter();
    let domain = domains.find(|one| one.routing_domain_id == gateway.routing_domain)?;
    Some(domain.handoffs.iter().map(text).collect())
}

/// An interface of A's that leads to the gateway.
fn interface(scene: &mut Scene, edge: &str, gateway: &DirectConnectGateway) -> VirtualInterfaceId {
    let line = scene.line(A, edge, "eth1");
    let create = Command::Create(CreatePrivateVirtualInterface {
        connection: line.to_string(),
        direct_connect_gateway: Some(gateway.id.to_string()),
        new: plain(7),
        ..CreatePrivateVirtualInterface::default()
    });
    match scene.tenant(A, create) {
        Ok(Outcome::VirtualInterface(interface)) => interface.id,
        other => panic!("{other:?}"),
    }
}

fn site_link(scene: &mut Scene, id: &VirtualInterfaceId, on: bool) {
    let change = UpdateVirtualInterfaceAttributes {
        interface: id.to_string(),
        site_link: Some(on),
        ..UpdateVirtualInterfaceAttributes::default()
    };
    scene.tenant(A, Command::Update(change)).expect("it has a Direct Connect gateway");
}

#[test]
fn it_is_where_an_interface_has_site_link_and_nowhere_else() {
    let mut scene = Scene::new();
    let (gateway, other) = (scene.direct(A), scene.direct(A));
    let all = [handoff(R1, "bb0", FOUR), handoff(R1, "bb0", SIX), handoff(R2, "bb0", FOUR)];
    scene.operate(put(&gateway, &all));
    scene.operate(put(&other, &[handoff(R1, "bb1", FOUR)]));
    assert_eq!(there(&scene, R1, &gateway), None);
    let id = interface(&mut scene, R1, &gateway);
    assert_eq!(there(&scene, R1, &gateway), Some(Vec::new()));
    let before = config(&scene, R1).generation;
    site_link(&mut scene, &id, true);
    let own = [format!("bb0 {FOUR} AS 64512"), format!("bb0 {SIX} AS 64512")];
    assert_eq!(there(&scene, R1, &gateway), Some(own.to_vec()));
    assert!(config(&scene, R1).generation > before, "the router hears of it");
    assert_eq!(there(&scene, R2, &gateway), None);
    // Another gateway's SiteLink is no reason.
    assert_eq!(there(&scene, R1, &other), None);
    site_link(&mut scene, &id, false);
    assert_eq!(there(&scene, R1, &gateway), Some(Vec::new()));
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn only_the_edges_whose_handoffs_change_hear_of_it() {
    let mut scene = Scene::new();
    let gateway = scene.direct(A);
    let id = interface(&mut scene, R1, &gateway);
    site_link(&mut scene, &id, true);
    let generations = |scene: &Scene| [R1, R2].map(|edge| config(scene, edge).generation);
    let step = |scene: &mut Scene, command: Command, heard: [bool; 2], left: &[String]| {
        let before = generations(scene);
        scene.operate(command);
        let after = generations(scene);
        assert_eq!([before[0] < after[0], before[1] < after[1]], heard);
        assert_eq!(there(scene, R1, &gateway).as_deref(), Some(left));
    };
    let both = [handoff(R1, "bb0", FOUR), handoff(R2, "bb0", FOUR)];
    let four = |interface: &str| vec![format!("{interface} {FOUR} AS 64512")];
    step(&mut scene, put(&gateway, &both), [true, true], &four("bb0"));
    step(&mut scene, put(&gateway, &both), [false, false], &four("bb0"));
    let moved = [handoff(R1, "bb0", FOUR), handoff(R2, "bb1", FOUR)];
    step(&mut scene, put(&gateway, &moved), [false, true], &four("bb0"));
    step(&mut scene, put(&gateway, &moved[1..]), [true, false], &[]);
    step(&mut scene, put(&gateway, &both[..1]), [true, true], &four("bb0"));
    step(&mut scene, Command::DeleteBackbone(gateway.id.to_string()), [true, false], &[]);
    let text = format!("directConnectGatewayId \"{}\" has no backbone.", gateway.id);
    refuse(&mut scene, Command::DeleteBackbone(gateway.id.to_string()), &text);
}

#[test]
fn it_needs_a_peer_on_each_handoff_and_one_handoff_of_a_family_on_an_edge() {
    let mut scene = Scene::new();
    let gateway = scene.direct(A);
    let four = || handoff(R1, "bb0", FOUR);
    let mut check = |handoffs: &[HandoffText], text: &str| {
        refuse(&mut scene, put(&gateway, handoffs), text);
    };
    check(&[], "handoffs is required: give at least one handoff to the backbone.");
    check(
        &[HandoffText { fabric_peer: None, ..four() }],
        "handoffs[0].fabricPeer is required: give the BGP peer of each handoff: a backbone has no other routes.",
    );
    check(
        &[four(), HandoffText { next_hop: "198.51.100.3".to_owned(), ..handoff(R2, "bb0", FOUR) }],
        "handoffs[1].nextHop \"198.51.100.3\" must be the address of its BGP peer, 198.51.100.2.",
    );
    check(
        &[four(), handoff(R1, "bb1", "198.51.100.6")],
        "handoffs[1].fabricPeer.address \"198.51.100.6\" is on a handoff that does not count: of edge par1-r1 and this \
         address family, handoffs[0] comes first.",
    );
    check(&[handoff("nowhere", "bb0", FOUR)], "handoffs[0].edgeId \"nowhere\" does not exist.");
    let unknown = "00000000-0000-4000-8000-000000000000";
    for command in [
        Command::PutBackbone(PutBackbone { gateway: unknown.to_owned(), handoffs: vec![four()] }),
        Command::DeleteBackbone(unknown.to_owned()),
    ] {
        let text = format!("Direct Connect Gateway with ID {unknown} does not exist.");
        let fault = scene.by(Principal::Operator, command).expect_err("there is none").to_string();
        assert!(fault.contains(unknown), "{fault} ({text})");
    }
}

#[test]
fn an_interface_of_a_router_is_one_handoff_or_a_port_and_nothing_else() {
    let mut scene = Scene::new();
    let (gateway, other) = (scene.direct(A), scene.direct(B));
    let vpc = scene.vpc(A).id;
    let taken = "interface \"bb0\" of edge par1-r1 is the handoff of another gateway.";
    let text = format!("handoffs[0].{taken}");
    scene.operate(put(&gateway, &[handoff(R1, "bb0", FOUR)]));
    let bare = || HandoffText { fabric_peer: None, ..handoff(R1, "bb0", FOUR) };
    let moved = |handoffs| {
        Command::UpdateGateway(UpdateGateway {
            id: vpc.to_string(),
            name: None,
            handoffs: Some(handoffs),
        })
    };
    let network = |handoffs| {
        let (edge, prefixes) = (R1.to_owned(), vec!["203.0.113.0/24".to_owned()]);
        Command::PutPublicNetwork(PutPublicNetwork { edge, prefixes, handoffs })
    };
    refuse(&mut scene, put(&other, &[handoff(R1, "bb0", FOUR)]), &text);
    refuse(&mut scene, moved(vec![bare()]), &text);
    refuse(&mut scene, network(vec![bare()]), &text);
    let port = Command::CreatePort(CreatePort {
        edge: R1.to_owned(),
        interface: "bb0".to_owned(),
        bandwidth: "1Gbps".to_owned(),
        jumbo: false,
    });
    let of_port =
        "interface \"bb0\" of edge par1-r1 is the handoff of a gateway to the cloud's fabric.";
    refuse(&mut scene, port.clone(), of_port);
    let of_edge = format!("handoff of gateway {}", gateway.id);
    let edge = scene.by(Principal::Operator, Command::DeleteEdge(R1.to_owned()));
    let edge = edge.expect_err("it has handoffs").to_string();
    assert!(edge.contains(&of_edge), "{edge}");
    // The other way round.
    scene.operate(Command::DeleteBackbone(gateway.id.to_string()));
    scene.operate(moved(vec![bare()]));
    refuse(&mut scene, put(&gateway, &[handoff(R1, "bb0", FOUR)]), &text);
    let of_customer = "handoffs[0].interface \"eth1\" is a customer port of edge par1-r1; a handoff leads to the cloud's fabric.";
    refuse(&mut scene, put(&gateway, &[handoff(R1, "eth1", FOUR)]), of_customer);
    scene.operate(moved(Vec::new()));
    scene.operate(port);
}

#[test]
fn it_goes_with_its_gateway() {
    let mut scene = Scene::new();
    let (gateway, other) = (scene.direct(A), scene.direct(B));
    let backbone = made(scene.operate(put(&gateway, &[handoff(R1, "bb0", FOUR)])));
    assert_eq!(
        (&backbone.gateway, &backbone.routing_domain),
        (&gateway.id, &gateway.routing_domain)
    );
    scene.tenant(A, Command::DeleteDirect(gateway.id.to_string())).expect("nothing is in use");
    assert!(!scene.world.records.contains_key(key::backbone(&gateway.id).as_str()));
    // Its interface is free, and a gateway that is deleted gets none.
    scene.operate(put(&other, &[handoff(R1, "bb0", FOUR)]));
    let fault = scene.by(Principal::Operator, put(&gateway, &[handoff(R2, "bb0", FOUR)]));
    let fault = fault.expect_err("it is deleted").to_string();
    assert!(fault.contains("does not exist"), "{fault}");
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}
