//! Direct Connect gateways in random stories: made, associated, proposed, attached, taken back.

use linkway_domain::association_proposal::decide::{AcceptProposal, CreateProposal};
use linkway_domain::association_proposal::{Phase as ProposalPhase, Proposal};
use linkway_domain::backbone::decide::PutBackbone;
use linkway_domain::dx_gateway::DirectConnectGateway;
use linkway_domain::dx_gateway::decide::{CreateDirectConnectGateway, UpdateDirectConnectGateway};
use linkway_domain::gateway_association::Association;
use linkway_domain::gateway_association::allowed::PrefixChange;
use linkway_domain::gateway_association::decide::{
    CreateAssociation, DeleteAssociation, UpdateAssociation,
};
use linkway_domain::id::{AccountId, DirectConnectGatewayId, TransitGatewayId, VirtualGatewayId};
use linkway_domain::key;
use linkway_domain::virtual_gateway::decide::{FabricPeerText, HandoffText};
use linkway_domain::virtual_interface::Secret;

use super::World;
use super::act::{ACCOUNTS, Act, pick};
use super::command::Command;
use super::scene::{R1, R2, account};

/// Allowed prefixes that cover all, one, a part or nothing of the VPCs of a story.
const PREFIXES: [&str; 5] =
    ["10.0.0.0/8", "10.0.0.0/16", "10.1.0.0/16", "10.0.0.0/24", "192.168.0.0/16"];

/// Who calls, and what: mostly an account with something of its own.
pub fn command(world: &World, act: &Act) -> (Option<AccountId>, Command) {
    let anyone = account(ACCOUNTS[usize::from(act.who)]);
    let sensible = !act.thing.is_multiple_of(8);
    let (who, command) = match act.detail % 10 {
        0 if act.other.is_multiple_of(2) => (anyone, create(act)),
        0 => gateway_call(world, act, anyone, sensible),
        1 | 2 => associate(world, act, anyone, sensible),
        3 | 4 => update(world, act, anyone, sensible),
        5 => end(world, act, anyone, sensible),
        6 | 7 => propose(world, act, anyone, sensible),
        // The operator's, of gateways that have something.
        8 if act.other.is_multiple_of(3) => return (None, backbone(world, act)),
        8 => accept(world, act, anyone, sensible),
        _ => delete_proposal(world, act, anyone, sensible),
    };
    (Some(who), command)
}

fn create(act: &Act) -> Command {
    let asn = [None, Some(64_513), Some(65_000), Some(1)][usize::from(act.other % 4)];
    let name = format!("gateway {}", act.thing);
    let tags = vec![("k".to_owned(), Some("v".to_owned()))];
    Command::CreateDirect(CreateDirectConnectGateway { name, asn, tags })
}

fn gateway_call(
    world: &World,
    act: &Act,
    anyone: AccountId,
    sensible: bool,
) -> (AccountId, Command) {
    let (id, owner) = gateway(world, act.thing);
    let who = if sensible { owner.unwrap_or(anyone) } else { anyone };
    if act.other.is_multiple_of(2) {
        return (who, Command::DeleteDirect(id));
    }
    let name = format!("name {}", act.other % 5);
    (who, Command::UpdateDirect(UpdateDirectConnectGateway { gateway: id, name }))
}

/// Where a gateway's routers reach the backbone: on one of two edges or on both, now and then nowhere any more.
fn backbone(world: &World, act: &Act) -> Command {
    let (gateway, _) = gateway(world, act.thing);
    if act.detail / 10 % 8 == 7 {
        return Command::DeleteBackbone(gateway);
    }
    let peer = format!("198.51.100.{}", act.detail % 2 + 1);
    let handoff = |edge: &str| HandoffText {
        edge: edge.to_owned(),
        interface: format!("up{}", act.other % 4),
        next_hop: peer.clone(),
        fabric_peer: (act.thing % 16 != 15).then(|| FabricPeerText {
            address: peer.clone(),
            asn: 64_512,
            auth_key: Some(Secret("fjord-Secret-9".to_owned())),
        }),
    };
    let edges: &[&str] = [&[R1, R2][..], &[R1], &[R2]][usize::from(act.detail / 10 % 3)];
    Command::PutBackbone(PutBackbone {
        gateway,
        handoffs: edges.iter().map(|it| handoff(it)).collect(),
    })
}

/// A Direct Connect gateway and its owner.
fn gateway(world: &World, which: u8) -> (String, Option<AccountId>) {
    let all: Vec<&DirectConnectGateway> = world.dx_gateways().collect();
    match pick(&all, which / 8) {
        Some(gateway) => (gateway.id.to_string(), Some(gateway.owner.clone())),
        None => ("00000000-0000-4000-8000-000000000000".to_owned(), None),
    }
}

/// A virtual or transit gateway, of this account if it has one.
fn virtual_gateway(world: &World, owner: &AccountId, which: u8, sensible: bool) -> String {
    let is_free = |id: &str| world.is_empty(&key::live_associated(id));
    let own = world
        .gateways()
        .filter(|gateway| !sensible || (gateway.owner == *owner && is_free(gateway.id.as_str())));
    let own: Vec<_> = own.collect();
    let transit = world.transit_gateways().filter(|found| !sensible || found.owner == *owner);
    let transit: Vec<_> = transit.collect();
    if which % 8 == 1
        && let Some(found) = pick(&transit, which / 8)
    {
        return found.id.to_string();
    }
    pick(&own, which).map_or_else(|| "vgw-00000000".to_owned(), |gateway| gateway.id.to_string())
}

fn prefixes(which: u8) -> Vec<String> {
    let some = PREFIXES.iter().enumerate().filter(|(nth, _)| which >> nth & 1 == 1);
    some.map(|(_, prefix)| (*prefix).to_owned()).collect()
}

fn associate(world: &World, act: &Act, anyone: AccountId, sensible: bool) -> (AccountId, Command) {
    let (gateway, owner) = gateway(world, act.thing);
    let who = if sensible { owner.unwrap_or(anyone) } else { anyone };
    let other = Some(virtual_gateway(world, &who, act.other, sensible));
    let (associated, virtual_gateway) =
        if act.other.is_multiple_of(2) { (other, None) } else { (None, other) };
    let allowed = prefixes(act.detail / 10);
    (who, Command::Associate(CreateAssociation { gateway, associated, virtual_gateway, allowed }))
}

/// The association of a virtual gateway with a Direct Connect gateway, with all prefixes allowed.
pub fn associate_these(gateway: &DirectConnectGatewayId, vpc: &VirtualGatewayId) -> Command {
    Command::Associate(CreateAssociation {
        gateway: gateway.to_string(),
        associated: Some(vpc.to_string()),
        ..CreateAssociation::default()
    })
}

/// The association of a transit gateway with a Direct Connect gateway.
pub fn associate_transit(gateway: &DirectConnectGatewayId, transit: &TransitGatewayId) -> Command {
    Command::Associate(CreateAssociation {
        gateway: gateway.to_string(),
        associated: Some(transit.to_string()),
        virtual_gateway: None,
        allowed: vec!["10.0.0.0/16".to_owned()],
    })
}

fn association(world: &World, act: &Act, sensible: bool) -> Option<Association> {
    let all = world.associations().filter(|it| !sensible || it.phase.is_live());
    let all: Vec<&Association> = all.collect();
    pick(&all, act.thing / 8).map(|association| (*association).clone())
}

fn update(world: &World, act: &Act, anyone: AccountId, sensible: bool) -> (AccountId, Command) {
    let Some(found) = association(world, act, sensible) else {
        return associate(world, act, anyone, sensible);
    };
    let who = if sensible { found.gateway_owner } else { anyone };
    let association = Some(found.id.to_string());
    let (add, remove) = (act.other, act.detail / 10);
    let remove = if sensible { remove & !add } else { remove };
    let change = PrefixChange { add: prefixes(add), remove: prefixes(remove) };
    (who, Command::UpdateAssociation(UpdateAssociation { association, change }))
}

/// By either side, by id or by both gateways.
fn end(world: &World, act: &Act, anyone: AccountId, sensible: bool) -> (AccountId, Command) {
    let Some(found) = association(world, act, sensible) else {
        return associate(world, act, anyone, sensible);
    };
    let either =
        if act.other.is_multiple_of(2) { &found.gateway_owner } else { &found.associated_owner };
    let who = if sensible { either.clone() } else { anyone };
    let command = if act.other.is_multiple_of(3) {
        DeleteAssociation {
            gateway: Some(found.gateway.to_string()),
            virtual_gateway: Some(found.associated.as_str().to_owned()),
            association: None,
        }
    } else {
        let association = Some(found.id.to_string());
        DeleteAssociation { association, ..DeleteAssociation::default() }
    };
    (who, Command::EndAssociation(command))
}

fn propose(world: &World, act: &Act, anyone: AccountId, sensible: bool) -> (AccountId, Command) {
    let (gateway, owner) = gateway(world, act.thing);
    let gateway_owner = owner.filter(|_| sensible).unwrap_or_else(|| anyone.clone()).to_string();
    let associated = virtual_gateway(world, &anyone, act.other, sensible);
    let (add, remove) = (prefixes(act.detail / 10), prefixes(act.other / 32));
    let change = PrefixChange { add, remove };
    (anyone, Command::Propose(CreateProposal { gateway, gateway_owner, associated, change }))
}

fn proposal(world: &World, act: &Act, sensible: bool) -> Option<Proposal> {
    let open = |proposal: &&Proposal| !sensible || proposal.phase == ProposalPhase::Requested;
    let all: Vec<&Proposal> = world.proposals().filter(open).collect();
    pick(&all, act.thing / 8).map(|proposal| (*proposal).clone())
}

fn accept(world: &World, act: &Act, anyone: AccountId, sensible: bool) -> (AccountId, Command) {
    let Some(found) = proposal(world, act, sensible) else {
        return propose(world, act, anyone, sensible);
    };
    let who = if sensible { found.gateway_owner } else { anyone };
    let command = AcceptProposal {
        gateway: found.gateway.to_string(),
        proposal: found.id.to_string(),
        associated_owner: found.associated_owner.to_string(),
        allowed: prefixes(act.other),
    };
    (who, Command::AcceptProposal(command))
}

fn delete_proposal(
    world: &World,
    act: &Act,
    anyone: AccountId,
    sensible: bool,
) -> (AccountId, Command) {
    let Some(found) = proposal(world, act, sensible) else {
        return propose(world, act, anyone, sensible);
    };
    let either =
        if act.other.is_multiple_of(2) { found.gateway_owner } else { found.associated_owner };
    (if sensible { either } else { anyone }, Command::DeleteProposal(found.id.to_string()))
}

/// A Direct Connect gateway of this account for an interface to lead to, now and then.
pub fn instead(world: &World, act: &Act, owner: &AccountId) -> Option<String> {
    let own = world.dx_gateways().filter(|gateway| gateway.owner == *owner);
    let own: Vec<&DirectConnectGateway> = own.collect();
    let gateway = pick(&own, act.other / 2)?;
    act.other.is_multiple_of(2).then(|| gateway.id.to_string())
}

/// A Direct Connect gateway of this account that no virtual gateway is associated with.
pub fn for_transit(world: &World, act: &Act, owner: &AccountId) -> Option<String> {
    let is_virtual =
        |it: &&Association| it.associated.virtual_gateway().is_some() && !it.phase.is_terminal();
    let taken: Vec<_> = world.associations().filter(is_virtual).map(|it| &it.gateway).collect();
    let own = world.dx_gateways().filter(|it| it.owner == *owner && !taken.contains(&&it.id));
    let own: Vec<&DirectConnectGateway> = own.collect();
    pick(&own, act.other).map(|gateway| gateway.id.to_string())
}
