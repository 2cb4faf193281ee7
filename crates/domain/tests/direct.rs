//! Direct Connect gateways: who may associate what, which prefixes are reached from which edge, and what is shown while edges
//! have not caught up.

mod common;

use common::command::{Command, Outcome};
use common::scene::{A, B, C, DAY, R1, R2, Scene, account, plain};
use common::{Call, World, refused};
use linkway_domain::Fault;
use linkway_domain::access_key::Principal;
use linkway_domain::association_proposal::decide::{AcceptProposal, CreateProposal};
use linkway_domain::association_proposal::{Phase as ProposalPhase, Proposal};
use linkway_domain::dx_gateway::decide::{CreateDirectConnectGateway, UpdateDirectConnectGateway};
use linkway_domain::dx_gateway::{DirectConnectGateway, Phase};
use linkway_domain::gateway_association::allowed::PrefixChange;
use linkway_domain::gateway_association::decide::{
    CreateAssociation, DeleteAssociation, UpdateAssociation,
};
use linkway_domain::gateway_association::{Association, State};
use linkway_domain::id::{AssociationId, DirectConnectGatewayId, EdgeId, VirtualGatewayId};
use linkway_domain::virtual_interface::Phase as InterfacePhase;

fn texts(prefixes: &[&str]) -> Vec<String> {
    prefixes.iter().map(|prefix| (*prefix).to_owned()).collect()
}

fn change(add: &[&str], remove: &[&str]) -> PrefixChange {
    PrefixChange { add: texts(add), remove: texts(remove) }
}

fn association_of(outcome: Outcome) -> Association {
    match outcome {
        Outcome::Association(association) => association,
        other => panic!("{other:?}"),
    }
}

fn proposal_of(outcome: Outcome) -> Proposal {
    match outcome {
        Outcome::Proposal(proposal) => proposal,
        other => panic!("{other:?}"),
    }
}

fn associate(
    gateway: &DirectConnectGatewayId,
    vgw: &VirtualGatewayId,
    allowed: &[&str],
) -> Command {
    Command::Associate(CreateAssociation {
        gateway: gateway.to_string(),
        associated: Some(vgw.to_string()),
        virtual_gateway: None,
        allowed: texts(allowed),
    })
}

fn end(id: &AssociationId) -> Command {
    let association = Some(id.to_string());
    Command::EndAssociation(DeleteAssociation { association, ..DeleteAssociation::default() })
}

fn propose(
    gateway: &DirectConnectGateway,
    vgw: &VirtualGatewayId,
    (add, remove): (&[&str], &[&str]),
) -> Command {
    Command::Propose(CreateProposal {
        gateway: gateway.id.to_string(),
        gateway_owner: gateway.owner.to_string(),
        associated: vgw.to_string(),
        change: change(add, remove),
    })
}

fn accept(proposal: &Proposal, allowed: &[&str]) -> Command {
    Command::AcceptProposal(AcceptProposal {
        gateway: proposal.gateway.to_string(),
        proposal: proposal.id.to_string(),
        associated_owner: proposal.associated_owner.to_string(),
        allowed: texts(allowed),
    })
}

/// The prefixes that the Direct Connect gateway's customers reach from an edge, by associated gateway.
fn reached(
    scene: &Scene,
    edge: &str,
    gateway: &DirectConnectGateway,
) -> Vec<(String, Vec<String>)> {
    let config = scene.world.config(&EdgeId::parse(edge).expect("an edge"));
    let domain = config
        .routing_domains
        .iter()
        .find(|domain| domain.routing_domain_id == gateway.routing_domain);
    let all = domain.into_iter().flat_map(|domain| &domain.associations);
    all.map(|one| {
        let prefixes = one.prefixes.iter().map(ToString::to_string).collect();
        (one.routing_domain_id.to_string(), prefixes)
    })
    .collect()
}

fn state(scene: &Scene, association: &Association) -> State {
    scene.world.association_state(&association.id).expect("is there")
}

/// A of the interfaces, with one on each router, and two VPCs of its own.
struct At {
    scene: Scene,
    gateway: DirectConnectGateway,
    first: VirtualGatewayId,
    second: VirtualGatewayId,
}

fn at() -> At {
    let mut scene = Scene::new();
    let gateway = scene.direct(A);
    let first = scene.vpc_with(A, &["10.0.0.0/16", "10.9.0.0/16"]).id;
    let second = scene.vpc_with(A, &["10.1.0.0/16"]).id;
    At { scene, gateway, first, second }
}

impl At {
    fn interface(
        &mut self,
        edge: &str,
        port: &str,
    ) -> linkway_domain::virtual_interface::VirtualInterface {
        let line = self.scene.line(A, edge, port);
        let gateway = self.gateway.id.clone();
        self.scene.create_direct(A, &line, &gateway, plain(1)).expect("an interface")
    }

    fn associate(&mut self, vgw: &VirtualGatewayId, allowed: &[&str]) -> Association {
        let command = associate(&self.gateway.id, vgw, allowed);
        association_of(self.scene.tenant(A, command).expect("an association"))
    }
}

#[test]
fn a_gateway_is_there_at_once_and_gone_when_nothing_hangs_on_it() {
    let mut at = at();
    let At { scene, gateway, .. } = &mut at;
    assert_eq!((gateway.asn.number(), gateway.phase), (64_512, Phase::Available));
    assert!(gateway.routing_domain.as_str().starts_with("dxgw-"));
    let rename = |gateway: &DirectConnectGateway| {
        let (gateway, name) = (gateway.id.to_string(), "other".to_owned());
        Command::UpdateDirect(UpdateDirectConnectGateway { gateway, name })
    };
    let missing = format!("Direct Connect Gateway {} does not exist.", gateway.id);
    refused(scene.tenant(B, rename(gateway)), &missing);
    scene.tenant(A, rename(gateway)).expect("its own");
    refused(scene.tenant(B, Command::DeleteDirect(gateway.id.to_string())), &missing);
    let line = scene.line(A, R1, "eth1");
    let vif = scene.create_direct(A, &line, &gateway.id, plain(1)).expect("an interface");
    let vgw = scene.vpc_with(A, &["10.2.0.0/16"]).id;
    let association =
        association_of(scene.tenant(A, associate(&gateway.id, &vgw, &[])).expect("an association"));
    refused(
        scene.tenant(A, Command::DeleteDirect(gateway.id.to_string())),
        &format!(
            "directConnectGatewayId \"{}\" cannot be deleted while these are there: virtual interface {}; gateway association {}.",
            gateway.id, vif.id, association.id
        ),
    );
    let vgw_in_use = format!(
        "virtualGatewayId \"{vgw}\" cannot be deleted while these are there: gateway association {}.",
        association.id
    );
    let delete_vgw = Command::DeleteGateway(vgw.to_string());
    refused(scene.by(Principal::Operator, delete_vgw.clone()), &vgw_in_use);
    scene.tenant(A, end(&association.id)).expect("its own");
    refused(scene.by(Principal::Operator, delete_vgw.clone()), &vgw_in_use);
    scene.delete(A, &vif.id).expect("its own");
    scene.settle(true, true);
    scene.operate(delete_vgw);
    scene.tenant(A, Command::DeleteDirect(gateway.id.to_string())).expect("nothing hangs on it");
    refused(scene.tenant(A, Command::DeleteDirect(gateway.id.to_string())), &missing);
    refused(scene.create_direct(A, &line, &gateway.id, plain(2)), &missing);
    scene.later(DAY).reconcile();
    assert_eq!(scene.world.dx_gateways().count() + scene.world.associations().count(), 0);
    assert_eq!(scene.world.violations(), Vec::<String>::new());
}

#[test]
fn a_gateways_number_is_a_private_one() {
    let mut scene = Scene::new();
    let mut make = |asn| {
        let new =
            CreateDirectConnectGateway { name: "g".to_owned(), asn: Some(asn), tags: Vec::new() };
        scene.tenant(A, Command::CreateDirect(new))
    };
    for asn in [64_512, 65_534, 4_200_000_000, 4_294_967_294] {
        make(asn).expect("a private number");
    }
    for asn in [0, 1, 64_511, 65_535, 7_224, 4_199_999_999, 4_294_967_295] {
        let text = make(asn).expect_err("no private number").to_string();
        assert!(text.starts_with(&format!("amazonSideAsn \"{asn}\"")), "{text}");
    }
}

#[test]
fn what_is_reached_is_what_an_allowed_prefix_covers_on_every_edge_with_an_interface() {
    let mut at = at();
    at.interface(R1, "eth1");
    let (first, second) = (at.first.clone(), at.second.clone());
    let one = at.associate(&first, &[]);
    at.associate(&second, &["10.0.0.0/8", "192.168.0.0/16"]);
    assert_eq!(one.allowed.as_slice().len(), 2, "all of the VPC's, since none were given");
    let both = |at: &At, edge: &str| {
        let reached = reached(&at.scene, edge, &at.gateway);
        reached.into_iter().collect::<std::collections::BTreeMap<_, _>>()
    };
    let expected = std::collections::BTreeMap::from([
        (first.to_string(), texts(&["10.0.0.0/16", "10.9.0.0/16"])),
        (second.to_string(), texts(&["10.1.0.0/16"])),
    ]);
    assert_eq!(both(&at, R1), expected);
    assert!(both(&at, R2).is_empty(), "nothing of it is on the other router");
    at.interface(R2, "eth1");
    assert_eq!(both(&at, R2), expected);
    let update = UpdateAssociation {
        association: Some(one.id.to_string()),
        change: change(&["10.8.0.0/15"], &["10.0.0.0/16", "10.9.0.0/16"]),
    };
    at.scene.tenant(A, Command::UpdateAssociation(update)).expect("its own");
    assert_eq!(both(&at, R1)[first.as_str()], texts(&["10.9.0.0/16"]));
}

#[test]
fn an_association_is_shown_as_the_edges_have_it() {
    let mut at = at();
    let (first, second) = (at.first.clone(), at.second.clone());
    let unused = at.associate(&second, &[]);
    assert_eq!(state(&at.scene, &unused), State::Associated, "no edge has an interface");
    at.interface(R1, "eth1");
    at.interface(R2, "eth1");
    at.scene.settle(true, true);
    assert_eq!(state(&at.scene, &unused), State::Associated);
    let one = at.associate(&first, &[]);
    assert_eq!(state(&at.scene, &one), State::Associating);
    at.scene.settle(true, true);
    assert_eq!(state(&at.scene, &one), State::Associated);
    let update = UpdateAssociation {
        association: Some(one.id.to_string()),
        change: change(&[], &["10.9.0.0/16"]),
    };
    at.scene.tenant(A, Command::UpdateAssociation(update)).expect("its own");
    assert_eq!(state(&at.scene, &one), State::Updating);
    assert_eq!(state(&at.scene, &unused), State::Associated, "the other one did not change");
    at.scene.settle(true, true);
    assert_eq!(state(&at.scene, &one), State::Associated);
    at.scene.tenant(A, end(&one.id)).expect("its own");
    assert_eq!(state(&at.scene, &one), State::Disassociating);
    assert_eq!(reached(&at.scene, R1, &at.gateway).len(), 1, "it is in no configuration any more");
    // One router lets it go, the other has not heard.
    let config = at.scene.world.config(&at.scene.routers[0].id);
    at.scene.routers[0].take(config);
    let report = at.scene.routers[0].report(true, true).expect("has a configuration");
    for call in report.calls(&at.scene.world, at.scene.now) {
        at.scene.world.run(&call).expect("a report");
    }
    assert_eq!(state(&at.scene, &one), State::Disassociating);
    let again = association_of(at.scene.tenant(A, end(&one.id)).expect("it is under way"));
    assert_eq!(again.leaving.len(), 1);
    let elsewhere = at.scene.direct(A);
    let text = format!(
        "gatewayId \"{first}\" is associated with a Direct Connect Gateway already; a virtual gateway has one at most."
    );
    refused(at.scene.tenant(A, associate(&elsewhere.id, &first, &[])), &text);
    at.scene.settle(true, true);
    assert_eq!(state(&at.scene, &one), State::Disassociated);
    let missing = format!("Direct Connect Gateway Association {} does not exist.", one.id);
    refused(at.scene.tenant(A, end(&one.id)), &missing);
    at.scene.tenant(A, associate(&elsewhere.id, &first, &[])).expect("it is free again");
    assert_eq!(at.scene.world.violations(), Vec::<String>::new());
}

#[test]
fn two_vpcs_of_a_gateway_have_no_address_in_common() {
    let mut at = at();
    let first = at.first.clone();
    at.associate(&first, &["10.0.0.0/16"]);
    let inside = at.scene.vpc_with(A, &["10.0.128.0/17"]).id;
    let around = at.scene.vpc_with(A, &["172.16.0.0/16", "10.8.0.0/15"]).id;
    for (vgw, own, known) in
        [(&inside, "10.0.128.0/17", "10.0.0.0/16"), (&around, "10.8.0.0/15", "10.9.0.0/16")]
    {
        let text = format!(
            "gatewayId \"{vgw}\" has the prefix {own}, which overlaps {known} of {first}, associated with the same Direct Connect Gateway {}.",
            at.gateway.id
        );
        refused(at.scene.tenant(A, associate(&at.gateway.id, vgw, &[])), &text);
    }
    let other = at.scene.direct(A);
    at.scene.tenant(A, associate(&other.id, &inside, &[])).expect("another gateway");
    at.scene.tenant(A, associate(&other.id, &around, &[])).expect("apart from that");
}

/// Of the two the second is a conflict, and refused when it is decided again. In both orders.
fn exclusive(world: &World, one: &Call, other: &Call) {
    for (first, second) in [(one, other), (other, one)] {
        let mut world = world.clone();
        let [winner, loser] = [first, second].map(|it| world.decide(it).expect("is possible"));
        world.commit(&winner).expect("the first commit wins");
        world.commit(&loser).expect_err("the second is a conflict");
        world.decide(second).expect_err("the second is impossible now");
        assert_eq!(world.violations(), Vec::<String>::new());
    }
}

#[test]
fn who_is_second_loses() {
    let mut at = at();
    let overlapping = at.scene.vpc_with(A, &["10.0.0.0/8"]).id;
    let other = at.scene.direct(A);
    let line = at.scene.line(A, R1, "eth1");
    let call = |scene: &mut Scene, command: Command| -> Call {
        scene.call(Principal::Account(account(A)), command)
    };
    let first = call(&mut at.scene, associate(&at.gateway.id, &at.first, &[]));
    let second = call(&mut at.scene, associate(&at.gateway.id, &overlapping, &[]));
    exclusive(&at.scene.world, &first, &second);
    let elsewhere = call(&mut at.scene, associate(&other.id, &at.first, &[]));
    exclusive(&at.scene.world, &first, &elsewhere);
    let delete = call(&mut at.scene, Command::DeleteDirect(at.gateway.id.to_string()));
    exclusive(&at.scene.world, &first, &delete);
    let attach = call(
        &mut at.scene,
        Command::Create(linkway_domain::virtual_interface::decide::CreatePrivateVirtualInterface {
            connection: line.to_string(),
            new: plain(1),
            direct_connect_gateway: Some(at.gateway.id.to_string()),
            ..Default::default()
        }),
    );
    exclusive(&at.scene.world, &attach, &delete);
    // An interface and an association at once: whoever is second is decided again, and every edge hears of both.
    for (one, two) in [(&first, &attach), (&attach, &first)] {
        let mut world = at.scene.world.clone();
        let [one, two] = [one, two].map(|call| (call, world.decide(call).expect("is possible")));
        world.commit(&one.1).expect("the first");
        if world.commit(&two.1).is_err() {
            world.run(two.0).expect("it is still possible");
        }
        let scene = Scene { world, ..at.scene.clone() };
        assert_eq!(reached(&scene, R1, &at.gateway).len(), 1);
        assert_eq!(scene.world.violations(), Vec::<String>::new());
        let version = |key: &str| scene.world.records[key].0;
        let association = scene.world.associations().next().expect("is there").id.clone();
        let marker = version(&format!("edge-generation/{R1}"));
        assert!(marker >= version(&format!("association/{association}")));
    }
}

#[test]
fn a_quota_counts_gateways_interfaces_and_associations() {
    let mut at = at();
    at.scene.world.settings.quotas.direct_connect_gateways_per_account = 2;
    at.scene.world.settings.quotas.interfaces_per_direct_connect_gateway = 1;
    at.scene.world.settings.quotas.virtual_gateways_per_direct_connect_gateway = 1;
    at.scene.direct(A);
    let new = CreateDirectConnectGateway { name: "g".to_owned(), ..Default::default() };
    let text = format!(
        "accountId \"{A}\" may have 2 Direct Connect Gateways: the quota direct_connect_gateways_per_account is used up."
    );
    refused(at.scene.tenant(A, Command::CreateDirect(new)), &text);
    let vif = at.interface(R1, "eth1");
    let line = vif.connection.clone();
    let gateway = at.gateway.id.clone();
    let text = format!(
        "directConnectGatewayId \"{gateway}\" may have 1 Virtual Interfaces that lead to it: the quota interfaces_per_direct_connect_gateway is used up."
    );
    refused(at.scene.create_direct(A, &line, &gateway, plain(2)), &text);
    let (first, second) = (at.first.clone(), at.second.clone());
    at.associate(&first, &[]);
    let text = format!(
        "directConnectGatewayId \"{gateway}\" may have 1 associated virtual gateways: the quota virtual_gateways_per_direct_connect_gateway is used up."
    );
    refused(at.scene.tenant(A, associate(&gateway, &second, &[])), &text);
    assert_eq!(at.scene.world.violations(), Vec::<String>::new());
}

/// C's connection, A's interface and Direct Connect gateway, B's VPC.
#[test]
fn three_accounts_and_a_proposal() {
    let mut at = at();
    let vgw = at.scene.vpc_with(B, &["10.5.0.0/16"]).id;
    let line = at.scene.line(C, R1, "eth1");
    let lent = at.scene.allocate((C, A), &line, plain(7)).expect("an offer");
    let confirm = linkway_domain::virtual_interface::decide::ConfirmPrivateVirtualInterface {
        interface: lent.id.to_string(),
        gateway: None,
        direct_connect_gateway: Some(at.gateway.id.to_string()),
    };
    let missing = format!("Direct Connect Gateway {} does not exist.", at.gateway.id);
    refused(
        at.scene.tenant(B, Command::Confirm(confirm.clone())),
        &format!("Virtual Interface {} does not exist.", lent.id),
    );
    at.scene.tenant(A, Command::Confirm(confirm)).expect("A's own gateway");
    at.scene.settle(true, true);
    // Only B may give its VPC away, and only A may take it.
    let not_a_gateway = format!("The VirtualGateway {vgw} does not exist.");
    refused(at.scene.tenant(A, associate(&at.gateway.id, &vgw, &[])), &not_a_gateway);
    refused(at.scene.tenant(B, associate(&at.gateway.id, &vgw, &[])), &missing);
    refused(at.scene.tenant(C, propose(&at.gateway, &vgw, (&[], &[]))), &not_a_gateway);
    let strange = DirectConnectGateway { owner: account(C), ..at.gateway.clone() };
    refused(at.scene.tenant(B, propose(&strange, &vgw, (&[], &[]))), &missing);
    let proposal =
        proposal_of(at.scene.tenant(B, propose(&at.gateway, &vgw, (&[], &[]))).expect("B's VPC"));
    assert_eq!(proposal.requested.as_slice().len(), 1);
    let twice = format!(
        "gatewayId \"{vgw}\" has an unanswered proposal to Direct Connect Gateway {} already: delete that one first.",
        at.gateway.id
    );
    refused(at.scene.tenant(B, propose(&at.gateway, &vgw, (&[], &[]))), &twice);
    refused(at.scene.tenant(C, accept(&proposal, &[])), &missing);
    let not_yours = format!("Direct Connect Gateway {} does not exist.", at.gateway.id);
    refused(at.scene.tenant(B, accept(&proposal, &[])), &not_yours);
    let wrong = Proposal { associated_owner: account(C), ..proposal.clone() };
    refused(
        at.scene.tenant(A, accept(&wrong, &[])),
        &format!(
            "associatedGatewayOwnerAccount \"{C}\" is not the account that proposed it: gateway {vgw} is account {B}'s."
        ),
    );
    let association =
        association_of(at.scene.tenant(A, accept(&proposal, &["10.0.0.0/8"])).expect("A's own"));
    assert_eq!(state(&at.scene, &association), State::Associating);
    assert_eq!(reached(&at.scene, R1, &at.gateway), [(vgw.to_string(), texts(&["10.5.0.0/16"]))]);
    let accepted =
        format!("Direct Connect Gateway Association Proposal {} has been accepted!", proposal.id);
    refused(at.scene.tenant(A, accept(&proposal, &[])), &accepted);
    refused(at.scene.tenant(B, Command::DeleteProposal(proposal.id.to_string())), &accepted);
    // B sees it and ends it, but does not say what is reached.
    let update = UpdateAssociation {
        association: Some(association.id.to_string()),
        change: change(&[], &["10.0.0.0/8"]),
    };
    refused(
        at.scene.tenant(B, Command::UpdateAssociation(update)),
        &format!(
            "associationId \"{}\" is not yours to change: its owner is account {A}.",
            association.id
        ),
    );
    let proposal = proposal_of(
        at.scene
            .tenant(B, propose(&at.gateway, &vgw, (&["10.5.0.0/16"], &["10.0.0.0/8"])))
            .expect("an update"),
    );
    assert_eq!(proposal.existing.as_slice(), association.allowed.as_slice());
    let updated = association_of(at.scene.tenant(A, accept(&proposal, &[])).expect("A's own"));
    assert_eq!(
        (&updated.id, updated.allowed.as_slice()),
        (&association.id, proposal.requested.as_slice())
    );
    at.scene.settle(true, true);
    assert_eq!(state(&at.scene, &association), State::Associated);
    refused(
        at.scene.tenant(C, end(&association.id)),
        &format!("Direct Connect Gateway Association {} does not exist.", association.id),
    );
    at.scene.tenant(B, end(&association.id)).expect("B's own VPC");
    let delete = || Command::DeleteProposal(proposal.id.to_string());
    let accepted =
        format!("Direct Connect Gateway Association Proposal {} has been accepted!", proposal.id);
    refused(at.scene.tenant(B, delete()), &accepted);
    at.scene.settle(true, true);
    // What came of it is gone, and so it may go.
    let deleted = proposal_of(at.scene.tenant(B, delete()).expect("B's own"));
    assert_eq!(deleted.phase, ProposalPhase::Deleted);
    refused(
        at.scene.tenant(B, delete()),
        &format!("Direct Connect Gateway Association Proposal {} is not found.", proposal.id),
    );
    assert_eq!(state(&at.scene, &association), State::Disassociated);
    assert_eq!(at.scene.phase(&lent.id), InterfacePhase::Accepted);
    assert_eq!(at.scene.world.violations(), Vec::<String>::new());
}

#[test]
fn a_proposal_expires_after_a_week_and_is_shown_for_three_days_more() {
    let mut at = at();
    let vgw = at.scene.vpc_with(B, &["10.5.0.0/16"]).id;
    let made = |at: &mut At| {
        let command = propose(&at.gateway, &vgw, (&[], &[]));
        proposal_of(at.scene.tenant(B, command).expect("B's VPC"))
    };
    let proposal = made(&mut at);
    at.scene.later(7 * DAY - 1).reconcile();
    let shown = |at: &At, proposal: &Proposal| {
        at.scene.world.proposal(&proposal.id).map(|it| it.phase_at(at.scene.now).as_str())
    };
    assert_eq!(shown(&at, &proposal), Some("requested"));
    at.scene.later(1);
    assert_eq!(shown(&at, &proposal), Some("deleted"), "whether or not a reconciler has noticed");
    let missing =
        format!("Direct Connect Gateway Association Proposal {} is not found.", proposal.id);
    refused(at.scene.tenant(A, accept(&proposal, &[])), &missing);
    at.scene.reconcile();
    let phase = at.scene.world.proposal(&proposal.id).map(|it| it.phase);
    assert_eq!(phase, Some(ProposalPhase::Expired));
    let next = made(&mut at);
    at.scene.later(3 * DAY).reconcile();
    assert_eq!((shown(&at, &proposal), shown(&at, &next)), (None, Some("requested")));
    at.scene.tenant(A, Command::DeleteProposal(next.id.to_string())).expect("A declines");
    refused(
        at.scene.tenant(B, Command::DeleteProposal(next.id.to_string())),
        &format!("Direct Connect Gateway Association Proposal {} is not found.", next.id),
    );
    at.scene.later(3 * DAY).reconcile();
    assert_eq!(shown(&at, &next), None);
    assert_eq!(at.scene.world.violations(), Vec::<String>::new());
}

#[test]
fn a_proposal_of_what_was_deleted_meanwhile_cannot_be_accepted() {
    let mut at = at();
    let vgw = at.scene.vpc_with(B, &["10.5.0.0/16"]).id;
    let command = propose(&at.gateway, &vgw, (&[], &[]));
    let proposal = proposal_of(at.scene.tenant(B, command).expect("B's VPC"));
    at.scene.operate(Command::DeleteGateway(vgw.to_string()));
    let gone = format!("The VirtualGateway {vgw} does not exist.");
    refused(at.scene.tenant(A, accept(&proposal, &[])), &gone);
}

#[test]
fn a_request_names_one_gateway() {
    let mut at = at();
    let (gateway, first) = (at.gateway.id.to_string(), at.first.to_string());
    let mut check = |associated: Option<&str>, virtual_gateway: Option<&str>, text: &str| {
        let [associated, virtual_gateway] =
            [associated, virtual_gateway].map(|id| id.map(str::to_owned));
        let new = CreateAssociation {
            gateway: gateway.clone(),
            associated,
            virtual_gateway,
            allowed: Vec::new(),
        };
        refused(at.scene.tenant(A, Command::Associate(new)), text);
    };
    check(None, None, "gatewayId is required: give gatewayId or virtualGatewayId.");
    check(
        Some(&first),
        Some(&first),
        "gatewayId and virtualGatewayId exclude each other: give one of them.",
    );
    check(Some("tgw-01234567"), None, "The TransitGateway tgw-01234567 does not exist.");
    check(None, Some("vgw-01234567"), "The VirtualGateway vgw-01234567 does not exist.");
    let delete = |association: Option<&str>, gateway: Option<&str>| {
        Command::EndAssociation(DeleteAssociation {
            association: association.map(str::to_owned),
            gateway: gateway.map(str::to_owned),
            virtual_gateway: gateway.map(|_| first.clone()),
        })
    };
    refused::<Outcome>(
        at.scene.tenant(A, delete(None, None)),
        "associationId is required: give it, or directConnectGatewayId and virtualGatewayId.",
    );
    refused::<Outcome>(
        at.scene.tenant(A, delete(None, Some(&gateway))),
        &format!(
            "Direct Connect Gateway Association of {first} with Direct Connect Gateway {gateway} does not exist."
        ),
    );
    let made: Result<Outcome, Fault> =
        at.scene.tenant(A, associate(&at.gateway.id, &at.first, &[]));
    let made = association_of(made.expect("an association"));
    let ended = at.scene.tenant(A, delete(None, Some(&gateway))).expect("by both gateways");
    assert_eq!(association_of(ended).id, made.id);
}
