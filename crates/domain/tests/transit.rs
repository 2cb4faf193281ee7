//! Transit gateways: what they can be associated with, and what of them is on which edge.

mod common;

use std::collections::BTreeMap;

use common::command::{Command, Outcome};
use common::scene::{A, B, R1, R2, Scene, account, plain};
use common::{Call, refused};
use linkway_domain::access_key::Principal;
use linkway_domain::association_proposal::Proposal;
use linkway_domain::association_proposal::decide::{AcceptProposal, CreateProposal};
use linkway_domain::dx_gateway::DirectConnectGateway;
use linkway_domain::fault::Fault;
use linkway_domain::gateway_association::Association;
use linkway_domain::gateway_association::allowed::PrefixChange;
use linkway_domain::gateway_association::decide::{
    CreateAssociation, DeleteAssociation, UpdateAssociation,
};
use linkway_domain::id::{ConnectionId, EdgeId};
use linkway_domain::transit_gateway::TransitGateway;
use linkway_domain::transit_gateway::decide::{CreateTransitGateway, UpdateTransitGateway};
use linkway_domain::virtual_gateway::decide::HandoffText;
use linkway_domain::virtual_interface::NewInterface;
use linkway_domain::virtual_interface::decide::ConfirmPrivateVirtualInterface;
use linkway_domain::virtual_interface::options::PrefixNumbers;
use linkway_domain::virtual_interface::transit::{
    AllocateTransitVirtualInterface, ConfirmTransitVirtualInterface, CreateTransitVirtualInterface,
};
use linkway_domain::virtual_interface::update::UpdateVirtualInterfaceAttributes;
use linkway_domain::virtual_interface::{InterfaceKind, Phase, State, VirtualInterface};

fn texts(prefixes: &[&str]) -> Vec<String> {
    prefixes.iter().map(|prefix| (*prefix).to_owned()).collect()
}

fn associate(gateway: &DirectConnectGateway, id: &str, allowed: &[&str]) -> Command {
    Command::Associate(CreateAssociation {
        gateway: gateway.id.to_string(),
        associated: Some(id.to_owned()),
        virtual_gateway: None,
        allowed: texts(allowed),
    })
}

fn update(association: &Association, add: &[&str], remove: &[&str]) -> Command {
    let change = PrefixChange { add: texts(add), remove: texts(remove) };
    let association = Some(association.id.to_string());
    Command::UpdateAssociation(UpdateAssociation { association, change })
}

fn end(association: &Association) -> Command {
    let association = Some(association.id.to_string());
    Command::EndAssociation(DeleteAssociation { association, ..DeleteAssociation::default() })
}

fn made(result: Result<Outcome, Fault>) -> Association {
    match result {
        Ok(Outcome::Association(association)) => association,
        other => panic!("{other:?}"),
    }
}

/// An account with a Direct Connect gateway and two transit gateways.
struct At {
    scene: Scene,
    gateway: DirectConnectGateway,
    first: TransitGateway,
    second: TransitGateway,
}

fn at() -> At {
    let mut scene = Scene::new();
    let gateway = scene.direct(A);
    let first = scene.transit(A, &[R1, R2]);
    let second = scene.transit(A, &[R1]);
    At { scene, gateway, first, second }
}

impl At {
    fn associate(&mut self, id: &str, allowed: &[&str]) -> Result<Outcome, Fault> {
        self.scene.tenant(A, associate(&self.gateway, id, allowed))
    }
}

#[test]
fn an_id_is_a_name_of_a_routing_domain() {
    let At { first, .. } = at();
    let digits = first.id.as_str().strip_prefix("tgw-").expect("it begins so");
    assert!(digits.len() == 8 && digits.bytes().all(|b| b.is_ascii_hexdigit()), "{digits}");
}

#[test]
fn allowed_prefixes_are_mandatory_and_apart() {
    let mut at = at();
    let (first, second) = (at.first.id.to_string(), at.second.id.to_string());
    let required = "addAllowedPrefixesToDirectConnectGateway is required: an association of a transit gateway has one \
                    allowed prefix at least.";
    refused(at.associate(&first, &[]), required);
    let one = made(at.associate(&first, &["10.0.0.0/8", "2001:db8::/32"]));
    assert_eq!(one.reached().len(), 2, "as they are, whatever is behind the gateway");
    let overlaps = |own: &str, known: &str| {
        format!(
            "addAllowedPrefixesToDirectConnectGateway \"{own}\" overlaps {known} of {first}, associated with the same \
             Direct Connect Gateway {}.",
            at.gateway.id
        )
    };
    let (inside, around) =
        (overlaps("10.1.0.0/16", "10.0.0.0/8"), overlaps("2001:d00::/24", "2001:db8::/32"));
    refused(at.associate(&second, &["192.168.0.0/16", "10.1.0.0/16"]), &inside);
    let two = made(at.associate(&second, &["192.168.0.0/16"]));
    refused(at.scene.tenant(A, update(&two, &["2001:d00::/24"], &[])), &around);
    refused(at.scene.tenant(A, update(&two, &[], &["192.168.0.0/16"])), required);
    made(at.scene.tenant(A, update(&two, &["172.16.0.0/12"], &["192.168.0.0/16"])));
    made(at.scene.tenant(A, end(&one)));
    made(at.scene.tenant(A, update(&two, &["10.1.0.0/16"], &[])));
    assert_eq!(at.scene.world.violations(), Vec::<String>::new());
}

#[test]
fn there_are_200_prefixes_at_most() {
    let mut at = at();
    let first = at.first.id.to_string();
    let many: Vec<String> = (0..=200).map(|nth| format!("10.{nth}.0.0/16")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let text = "addAllowedPrefixesToDirectConnectGateway would give the association 201 allowed prefixes; it may have 200.";
    refused(at.associate(&first, &many), text);
    made(at.associate(&first, &many[..200]));
}

#[test]
fn its_number_is_another_than_the_direct_connect_gateways() {
    let mut at = at();
    let new = CreateTransitGateway { account: A.to_owned(), ..CreateTransitGateway::default() };
    let Outcome::TransitGateway(same) = at.scene.operate(Command::CreateTransitGateway(new)) else {
        panic!("a transit gateway")
    };
    assert_eq!(same.asn, at.gateway.asn);
    let text = format!(
        "gatewayId \"{}\" has the AS number 64512, which Direct Connect Gateway {} has too; the two must differ.",
        same.id, at.gateway.id
    );
    refused(at.associate(same.id.as_str(), &["10.0.0.0/8"]), &text);
}

#[test]
fn the_two_kinds_of_gateways_do_not_mix() {
    let mut at = at();
    let (transit, vgw) = (at.first.id.to_string(), at.scene.vpc(A).id.to_string());
    let refusal = |id: &str, others: &str| {
        format!(
            "gatewayId \"{id}\" cannot be associated with Direct Connect Gateway {}, which has {others}.",
            at.gateway.id
        )
    };
    let to_virtual = refusal(&vgw, "transit gateways or interfaces");
    let to_transit = refusal(&transit, "virtual gateways or private interfaces");
    let one = made(at.associate(&transit, &["10.0.0.0/8"]));
    refused(at.associate(&vgw, &[]), &to_virtual);
    let line = at.scene.line(A, R1, "eth1");
    let text = format!(
        "newPrivateVirtualInterface.directConnectGatewayId \"{}\" has transit gateways, beside which it takes no private \
         Virtual Interfaces.",
        at.gateway.id
    );
    let gateway = at.gateway.id.clone();
    refused(at.scene.create_direct(A, &line, &gateway, plain(1)), &text);
    made(at.scene.tenant(A, end(&one)));
    at.scene.create_direct(A, &line, &gateway, plain(1)).expect("it has no transit gateway");
    refused(at.associate(&transit, &["10.0.0.0/8"]), &to_transit);
    made(at.associate(&vgw, &[]));
    refused(at.associate(&transit, &["10.0.0.0/8"]), &to_transit);
}

#[test]
fn it_has_twenty_direct_connect_gateways_each_once() {
    let mut at = at();
    let id = at.first.id.to_string();
    made(at.associate(&id, &["10.0.0.0/8"]));
    let twice =
        format!("gatewayId \"{id}\" is associated with this Direct Connect Gateway already.");
    refused(at.associate(&id, &["192.168.0.0/16"]), &twice);
    for _ in 1..20 {
        let other = at.scene.direct(A);
        made(at.scene.tenant(A, associate(&other, &id, &["10.0.0.0/8"])));
    }
    let last = at.scene.direct(A);
    let text = format!(
        "gatewayId \"{id}\" may have 20 associated Direct Connect Gateways: the quota direct_connect_gateways_per_transit_gateway is used up."
    );
    refused(at.scene.tenant(A, associate(&last, &id, &["10.0.0.0/8"])), &text);
    for nth in 0..6 {
        let other = at.scene.transit(A, &[]).id.to_string();
        let made = at.scene.tenant(A, associate(&last, &other, &[&format!("10.{nth}.0.0/16")]));
        made.expect("six are allowed");
    }
    let seventh = at.scene.transit(A, &[]).id.to_string();
    let text = format!(
        "directConnectGatewayId \"{}\" may have 6 associated transit gateways: the quota transit_gateways_per_direct_connect_gateway is used up.",
        last.id
    );
    refused(at.scene.tenant(A, associate(&last, &seventh, &["10.9.0.0/16"])), &text);
    assert_eq!(at.scene.world.violations(), Vec::<String>::new());
}

#[test]
fn of_two_that_allow_the_same_at_once_the_second_loses() {
    let mut at = at();
    let first = made(at.associate(at.first.id.clone().as_str(), &["10.0.0.0/16"]));
    let second = made(at.associate(at.second.id.clone().as_str(), &["10.1.0.0/16"]));
    let mut call =
        |command: Command| -> Call { at.scene.call(Principal::Account(account(A)), command) };
    let one = call(update(&first, &["172.16.0.0/12"], &[]));
    let other = call(update(&second, &["172.16.0.0/16"], &[]));
    for (winner, loser) in [(&one, &other), (&other, &one)] {
        let mut world = at.scene.world.clone();
        let [won, lost] = [winner, loser].map(|it| world.decide(it).expect("is possible"));
        world.commit(&won).expect("the first commit wins");
        world.commit(&lost).expect_err("the second is a conflict");
        world.decide(loser).expect_err("the second is impossible now");
    }
}

#[test]
fn a_proposal_of_another_account_is_judged_as_the_association_is() {
    let mut at = at();
    let theirs = at.scene.transit(B, &[]);
    let propose = |id: &str, gateway: &DirectConnectGateway, add: &[&str]| {
        Command::Propose(CreateProposal {
            gateway: gateway.id.to_string(),
            gateway_owner: A.to_owned(),
            associated: id.to_owned(),
            change: PrefixChange { add: texts(add), remove: Vec::new() },
        })
    };
    let accept = |proposal: &Proposal, allowed: &[&str]| {
        Command::AcceptProposal(AcceptProposal {
            gateway: proposal.gateway.to_string(),
            proposal: proposal.id.to_string(),
            associated_owner: B.to_owned(),
            allowed: texts(allowed),
        })
    };
    let proposed = |scene: &mut Scene, command: Command| match scene.tenant(B, command) {
        Ok(Outcome::Proposal(proposal)) => proposal,
        other => panic!("{other:?}"),
    };
    let required = "addAllowedPrefixesToDirectConnectGateway is required: an association of a transit gateway has one \
                    allowed prefix at least.";
    let id = theirs.id.to_string();
    refused(at.scene.tenant(B, propose(&id, &at.gateway, &[])), required);
    let foreign = format!("The TransitGateway {} does not exist.", at.first.id);
    let other = at.first.id.to_string();
    refused(at.scene.tenant(B, propose(&other, &at.gateway, &["10.0.0.0/8"])), &foreign);
    made(at.associate(&other, &["10.0.0.0/16"]));
    let proposal = proposed(&mut at.scene, propose(&id, &at.gateway, &["10.0.0.0/8"]));
    let overlaps = |field: &str, own: &str| {
        format!(
            "{field} \"{own}\" overlaps 10.0.0.0/16 of {other}, associated with the same Direct Connect Gateway {}.",
            at.gateway.id
        )
    };
    let requested = overlaps("requestedAllowedPrefixesToDirectConnectGateway", "10.0.0.0/8");
    let chosen = overlaps("overrideAllowedPrefixesToDirectConnectGateway", "10.0.1.0/24");
    refused(at.scene.tenant(A, accept(&proposal, &[])), &requested);
    refused(at.scene.tenant(A, accept(&proposal, &["10.0.1.0/24"])), &chosen);
    let association = made(at.scene.tenant(A, accept(&proposal, &["10.1.0.0/16"])));
    assert_eq!(association.associated_owner, account(B));
    // A second proposal to the same gateway changes what is allowed; one to another gateway is another association.
    let proposal = proposed(&mut at.scene, propose(&id, &at.gateway, &["10.2.0.0/16"]));
    assert_eq!(proposal.existing, association.allowed);
    let changed = made(at.scene.tenant(A, accept(&proposal, &[])));
    assert_eq!((changed.id, changed.allowed.as_slice().len()), (association.id.clone(), 2));
    let elsewhere = at.scene.direct(A);
    let proposal = proposed(&mut at.scene, propose(&id, &elsewhere, &["10.0.0.0/8"]));
    let another = made(at.scene.tenant(A, accept(&proposal, &[])));
    assert_ne!(another.id, association.id);
    // A gateway of one number, and one that was deleted meanwhile.
    let new = CreateTransitGateway { account: B.to_owned(), ..CreateTransitGateway::default() };
    let Outcome::TransitGateway(same) = at.scene.operate(Command::CreateTransitGateway(new)) else {
        panic!("a transit gateway")
    };
    let proposal = proposed(&mut at.scene, propose(same.id.as_str(), &elsewhere, &["10.9.0.0/16"]));
    let text = format!(
        "proposalId \"{}\" has the AS number 64512, which Direct Connect Gateway {} has too; the two must differ.",
        same.id, elsewhere.id
    );
    refused(at.scene.tenant(A, accept(&proposal, &["172.16.0.0/12"])), &text);
    at.scene.operate(Command::DeleteTransitGateway(same.id.to_string()));
    let gone = format!("The TransitGateway {} does not exist.", same.id);
    refused(at.scene.tenant(A, accept(&proposal, &[])), &gone);
    assert_eq!(at.scene.world.violations(), Vec::<String>::new());
}

#[test]
fn it_is_not_deleted_while_it_is_associated() {
    let mut at = at();
    let id = at.first.id.to_string();
    let association = made(at.associate(&id, &["10.0.0.0/8"]));
    let delete = Command::DeleteTransitGateway(id.clone());
    let text = format!(
        "transitGatewayId \"{id}\" cannot be deleted while these are there: gateway association {}.",
        association.id
    );
    refused(at.scene.by(Principal::Operator, delete.clone()), &text);
    made(at.scene.tenant(A, end(&association)));
    at.scene.operate(delete.clone());
    let text = format!("The TransitGateway {id} does not exist.");
    refused(at.scene.by(Principal::Operator, delete), &text);
}

#[test]
fn its_handoffs_are_its_own() {
    let mut at = at();
    let taken = HandoffText {
        edge: R1.to_owned(),
        interface: "tg0".to_owned(),
        next_hop: "192.0.2.9".to_owned(),
        fabric_peer: None,
    };
    let moved = |id: &TransitGateway, handoffs| {
        let (id, handoffs) = (id.id.to_string(), Some(handoffs));
        Command::UpdateTransitGateway(UpdateTransitGateway { id, name: None, handoffs })
    };
    let text =
        format!("handoffs[0].interface \"tg0\" of edge {R1} is the handoff of another gateway.");
    let theirs = moved(&at.second, vec![taken.clone()]);
    refused(at.scene.by(Principal::Operator, theirs), &text);
    at.scene.operate(moved(&at.first, vec![taken]));
    assert_eq!(at.scene.world.violations(), Vec::<String>::new());
}

fn create(
    line: &ConnectionId,
    gateway: Option<&DirectConnectGateway>,
    vlan: i64,
) -> CreateTransitVirtualInterface {
    CreateTransitVirtualInterface {
        connection: line.to_string(),
        new: plain(vlan),
        direct_connect_gateway: gateway.map(|gateway| gateway.id.to_string()),
        ..CreateTransitVirtualInterface::default()
    }
}

fn interface(result: Result<Outcome, Fault>) -> VirtualInterface {
    match result {
        Ok(Outcome::VirtualInterface(interface)) => interface,
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_interface_reaches_what_the_associations_allow_as_it_is() {
    let mut at = at();
    made(at.associate(at.first.id.clone().as_str(), &["10.0.0.0/8", "2001:db8::/32"]));
    let line = at.scene.line(A, R1, "eth1");
    let new = create(&line, Some(&at.gateway), 1);
    let vif = interface(at.scene.tenant(A, Command::CreateTransit(new)));
    assert_eq!((vif.kind, vif.phase), (InterfaceKind::Transit, Phase::Accepted));
    let config = at.scene.world.config(&EdgeId::parse(R1).expect("an edge"));
    let domains: BTreeMap<_, _> =
        config.routing_domains.iter().map(|it| (it.routing_domain_id.as_str(), it)).collect();
    assert_eq!(domains.len(), 2, "the Direct Connect gateway's and the transit gateway's");
    let transit = domains[at.first.id.as_str()];
    assert_eq!((transit.handoffs.len(), transit.cidrs.len()), (1, 0));
    assert_eq!(transit.amazon_side_asn, at.first.asn);
    let direct = domains[at.gateway.routing_domain.as_str()];
    let [reached] = &direct.associations[..] else { panic!("{direct:?}") };
    assert_eq!(reached.routing_domain_id.as_str(), at.first.id.as_str());
    let prefixes: Vec<_> = reached.prefixes.iter().map(ToString::to_string).collect();
    assert_eq!(prefixes, ["10.0.0.0/8", "2001:db8::/32"]);
    let elsewhere = at.scene.world.config(&EdgeId::parse(R2).expect("an edge"));
    assert_eq!(elsewhere.routing_domains.len(), 0);
    // What is moved is on the router at once.
    let generation = config.generation;
    let update = UpdateTransitGateway {
        id: at.first.id.to_string(),
        handoffs: Some(Vec::new()),
        ..UpdateTransitGateway::default()
    };
    at.scene.operate(Command::UpdateTransitGateway(update));
    let config = at.scene.world.config(&EdgeId::parse(R1).expect("an edge"));
    assert!(config.generation > generation);
    assert!(config.routing_domains.iter().all(|domain| domain.handoffs.is_empty()));
    assert_eq!(at.scene.world.violations(), Vec::<String>::new());
}

#[test]
fn an_interface_is_lent_and_confirmed() {
    let mut at = at();
    let line = at.scene.line(B, R1, "eth1");
    let allocate = AllocateTransitVirtualInterface {
        connection: line.to_string(),
        owner: A.to_owned(),
        new: plain(7),
    };
    let vif = interface(at.scene.tenant(B, Command::AllocateTransit(allocate)));
    assert_eq!((vif.kind, vif.phase), (InterfaceKind::Transit, Phase::Confirming));
    let confirm = |gateway: Option<String>| {
        let interface = vif.id.to_string();
        Command::ConfirmTransit(ConfirmTransitVirtualInterface {
            interface,
            direct_connect_gateway: gateway,
        })
    };
    let required = "directConnectGatewayId is required: a transit Virtual Interface needs a Direct Connect gateway.";
    refused(at.scene.tenant(A, confirm(None)), required);
    let private = Command::Confirm(ConfirmPrivateVirtualInterface {
        interface: vif.id.to_string(),
        gateway: None,
        direct_connect_gateway: Some(at.gateway.id.to_string()),
    });
    let text = format!(
        "virtualInterfaceId \"{}\" is a transit Virtual Interface, which ConfirmTransitVirtualInterface confirms.",
        vif.id
    );
    refused(at.scene.tenant(A, private), &text);
    let own = Some(at.gateway.id.to_string());
    let not_yours = format!(
        "virtualInterfaceId \"{}\" is not yours to confirm: its owner is account {A}.",
        vif.id
    );
    refused(at.scene.tenant(B, confirm(own.clone())), &not_yours);
    let vif = interface(at.scene.tenant(A, confirm(own)));
    assert_eq!(vif.phase, Phase::Accepted);
    assert_eq!(vif.dx_gateway(), Some(&at.gateway.id));
    at.scene.settle(true, true);
    assert_eq!(at.scene.state(&vif.id), State::Available);
    assert_eq!(at.scene.world.violations(), Vec::<String>::new());
}

#[test]
fn an_interface_needs_a_vlan_a_gateway_and_an_mtu_of_its_kind() {
    let mut at = at();
    let line = at.scene.line(A, R1, "eth1");
    let good = create(&line, Some(&at.gateway), 1);
    let with = |change: &dyn Fn(&mut CreateTransitVirtualInterface)| {
        let mut new = good.clone();
        change(&mut new);
        Command::CreateTransit(new)
    };
    let cases: [(Command, &str); 3] = [
        (
            with(&|new| new.new.vlan = None),
            "newTransitVirtualInterface.vlan is required: give the VLAN of the Virtual Interface on its connection.",
        ),
        (
            with(&|new| new.direct_connect_gateway = None),
            "newTransitVirtualInterface.directConnectGatewayId is required: a transit Virtual Interface needs a Direct Connect gateway.",
        ),
        (
            with(&|new| new.new.mtu = Some(9001)),
            "newTransitVirtualInterface.mtu \"9001\" must be 1500 or 8500 for a transit Virtual Interface.",
        ),
    ];
    for (command, text) in cases {
        refused(at.scene.tenant(A, command), text);
    }
    let vif = interface(at.scene.tenant(A, with(&|new| new.new.mtu = Some(8500))));
    let update = |mtu| {
        Command::Update(UpdateVirtualInterfaceAttributes {
            interface: vif.id.to_string(),
            mtu: Some(mtu),
            ..UpdateVirtualInterfaceAttributes::default()
        })
    };
    let text = "mtu \"9001\" must be 1500 or 8500 for a transit Virtual Interface.";
    refused(at.scene.tenant(A, update(9001)), text);
    interface(at.scene.tenant(A, update(1500)));
}

#[test]
fn interfaces_of_two_kinds_do_not_share_a_gateway() {
    let mut at = at();
    let line = at.scene.line(A, R1, "eth1");
    let transit = Command::CreateTransit(create(&line, Some(&at.gateway), 1));
    let vgw = at.scene.vpc(A).id.to_string();
    let association = made(at.associate(&vgw, &[]));
    let refusal = |others: &str, own: &str| {
        let member = format!("new{own}VirtualInterface.directConnectGatewayId");
        let kind = own.to_lowercase();
        format!(
            "{member} \"{}\" has {others}, beside which it takes no {kind} Virtual Interfaces.",
            at.gateway.id
        )
    };
    let beside_virtual = refusal("virtual gateways", "Transit");
    let beside_private = refusal("private Virtual Interfaces", "Transit");
    let beside_transit = refusal("transit Virtual Interfaces", "Private");
    refused(at.scene.tenant(A, transit.clone()), &beside_virtual);
    made(at.scene.tenant(A, end(&association)));
    let gateway = at.gateway.id.clone();
    let private = at.scene.create_direct(A, &line, &gateway, plain(2)).expect("a private one");
    refused(at.scene.tenant(A, transit.clone()), &beside_private);
    at.scene.delete(A, &private.id).expect("its own");
    at.scene.settle(true, true);
    interface(at.scene.tenant(A, transit));
    refused(at.scene.create_direct(A, &line, &gateway, plain(2)), &beside_transit);
    let text = format!(
        "gatewayId \"{vgw}\" cannot be associated with Direct Connect Gateway {gateway}, which has transit gateways or interfaces."
    );
    refused(at.associate(&vgw, &[]), &text);
    assert_eq!(at.scene.world.violations(), Vec::<String>::new());
}

#[test]
fn a_connection_has_four_transit_interfaces() {
    let mut at = at();
    let line = at.scene.line(A, R1, "eth1");
    for vlan in 1..=4 {
        interface(
            at.scene.tenant(A, Command::CreateTransit(create(&line, Some(&at.gateway), vlan))),
        );
    }
    let fifth = Command::CreateTransit(create(&line, Some(&at.gateway), 5));
    let text = format!(
        "connectionId \"{line}\" may have 4 transit Virtual Interfaces: the quota transit_interfaces_per_connection is used up."
    );
    refused(at.scene.tenant(A, fifth), &text);
}

#[test]
fn an_interface_has_site_link_a_rate_limit_and_a_prefix_pool_as_a_private_one() {
    let mut at = at();
    let line = at.scene.line(A, R1, "eth1");
    let new = create(&line, Some(&at.gateway), 1);
    let new = CreateTransitVirtualInterface {
        site_link: true,
        prefix_pool: PrefixNumbers { ipv4: Some(200), ipv6: None },
        new: NewInterface { rate_limit: Some("50Mbps".to_owned()), ..new.new.clone() },
        ..new
    };
    let vif = interface(at.scene.tenant(A, Command::CreateTransit(new)));
    let config = at.scene.world.config(&EdgeId::parse(R1).expect("an edge"));
    let [there] = &config.interfaces[..] else { panic!("{config:?}") };
    assert_eq!((there.kind, there.site_link), (InterfaceKind::Transit, true));
    assert_eq!(there.rate_limit, vif.options.rate_limit);
    assert!(there.rate_limit.is_some());
    assert_eq!(there.peers[0].prefix_limit, Some(200));
}
