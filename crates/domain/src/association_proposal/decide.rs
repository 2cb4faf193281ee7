//! Proposals are made, accepted and deleted.

use super::{Event, Phase, Proposal};
use crate::access::{self, Action};
use crate::connection::Ended;
use crate::decide::{Changes, Command, Context, Decision};
use crate::dx_gateway::decide::available;
use crate::fault::{Fault, ResourceKind};
use crate::gateway_association::allowed::{ADD, PrefixChange};
use crate::gateway_association::decide::{
    Candidate, allow, allowed_fit, already_associated, associate, own_gateway, put,
};
use crate::gateway_association::{AllowedPrefixes, AssociatedGateway, Association};
use crate::id::{AccountId, AssociationId, DirectConnectGatewayId, ProposalId};
use crate::key;
use crate::quota;
use crate::stored::Stored as _;
use crate::view::{Asked, View};

/// `CreateDirectConnectGatewayAssociationProposal`, by the owner of the gateway to associate.
#[derive(Clone, Debug, Default)]
pub struct CreateProposal {
    /// The Direct Connect gateway.
    pub gateway: String,
    /// Whose that is.
    pub gateway_owner: String,
    /// The caller's gateway.
    pub associated: String,
    /// What of the association's allowed prefixes is to change; nothing of a new one: all of the VPC's are to be allowed.
    pub change: PrefixChange,
}

/// `AcceptDirectConnectGatewayAssociationProposal`, by the owner of the Direct Connect gateway.
#[derive(Clone, Debug, Default)]
pub struct AcceptProposal {
    /// The Direct Connect gateway.
    pub gateway: String,
    /// The proposal.
    pub proposal: String,
    /// Whose the gateway to associate is.
    pub associated_owner: String,
    /// What is allowed in place of what was proposed; none: what was proposed.
    pub allowed: Vec<String>,
}

/// `DeleteDirectConnectGatewayAssociationProposal`, by either side, by the proposal's id.
#[derive(Clone, Debug)]
pub struct DeleteProposal(pub String);

impl Command for CreateProposal {
    type Outcome = Proposal;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Proposal>> {
        self.change.apply(&AllowedPrefixes::default())?;
        let gateway_owner =
            AccountId::parse_field("directConnectGatewayOwnerAccount", &self.gateway_owner)?;
        let candidate = own_gateway(view, context, ("gatewayId", &self.associated))?;
        let gateway = proposed_to(view, &self.gateway, &gateway_owner)?;
        let known = association_of(view, context, &gateway, &candidate.gateway)?;
        if let Some(other) = known.filter(|known| known.gateway != gateway) {
            return Err(already_associated(candidate.field, other).into());
        }
        let existing = known.map(|known| known.allowed.clone()).unwrap_or_default();
        let requested = self.change.apply(&existing)?;
        let all = known.is_none() && requested.is_empty();
        if candidate.gateway.transit_gateway().is_some() && requested.is_empty() {
            let rule = "an association of a transit gateway has one allowed prefix at least";
            let (field, rule) = (ADD.to_owned(), rule.to_owned());
            return Err(Fault::Required { field, rule }.into());
        }
        let mut draws = context.seed.draws();
        let mut id = ProposalId::draw(&mut draws);
        while view.exists(&key::proposal(&id))? {
            id = ProposalId::draw(&mut draws);
        }
        let proposal = Proposal {
            id,
            gateway,
            gateway_owner,
            associated: candidate.gateway,
            associated_owner: candidate.owner.clone(),
            cidrs: candidate.cidrs.to_vec(),
            asn: candidate.asn,
            existing,
            requested: if all { candidate.cidrs.to_vec().into() } else { requested },
            phase: Phase::Requested,
            created: context.now,
            expires: context.now.plus(context.settings.proposal_window),
            ended: None,
        };
        is_only_one(view, &proposal)?;
        quota::room(view, context, proposal.uses())?;
        let mut changes = Changes::new(view);
        changes.put(proposal.clone())?;
        changes.decision(proposal)
    }
}

/// The Direct Connect gateway that a proposal is made to. Its record is another account's business; that the account has it is
/// what an index says.
fn proposed_to(view: &View, id: &str, owner: &AccountId) -> Asked<DirectConnectGatewayId> {
    let missing = || Fault::not_found(ResourceKind::DirectConnectGateway, id);
    let Ok(gateway) = DirectConnectGatewayId::parse(id) else { return Err(missing().into()) };
    if !view.exists(&key::dx_gateway_of(owner, &gateway))? {
        return Err(missing().into());
    }
    Ok(gateway)
}

/// The association of a gateway that has not ended, which both sides see. A virtual gateway has one at most; of a transit gateway
/// it is that with this Direct Connect gateway.
fn association_of<'v>(
    view: &'v View,
    context: &Context<'_>,
    to: &DirectConnectGatewayId,
    gateway: &AssociatedGateway,
) -> Asked<Option<&'v Association>> {
    let listed = view.first(&key::live_associated(gateway.as_str()))?;
    for (at, _) in &listed.entries {
        let Ok(id) = AssociationId::parse(at.last()) else { continue };
        let found = view.association(&id)?;
        let account = context.account()?;
        let counts =
            |found: &&Association| gateway.virtual_gateway().is_some() || found.gateway == *to;
        let seen = found.filter(|found| found.is_visible_to(account));
        if let Some(found) = seen.filter(counts) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Of two gateways there is one unanswered proposal at most, so that nobody fills another's list with them.
fn is_only_one(view: &View, proposal: &Proposal) -> Asked<()> {
    let associated = proposal.associated.as_str();
    if view.is_empty(&key::open_proposals(&proposal.gateway, associated))? {
        return Ok(());
    }
    let rule = format!(
        "has an unanswered proposal to Direct Connect Gateway {} already: delete that one first",
        proposal.gateway
    );
    Err(Fault::field("gatewayId", associated, rule).into())
}

impl Command for AcceptProposal {
    type Outcome = Association;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Association>> {
        const OVERRIDE: &str = "overrideAllowedPrefixesToDirectConnectGateway";
        const REQUESTED: &str = "requestedAllowedPrefixesToDirectConnectGateway";
        let chosen = AllowedPrefixes::parse(OVERRIDE, &self.allowed)?;
        let gateway = available(view, context, Action::Use, &self.gateway)?;
        let proposal = access::find::<Proposal>(view, context, Action::Confirm, &self.proposal)?;
        if proposal.gateway != gateway.id {
            return Err(missing(&self.proposal).into());
        }
        if proposal.associated_owner.as_str() != self.associated_owner {
            let rule = format!(
                "is not the account that proposed it: gateway {} is account {}'s",
                proposal.associated.as_str(),
                proposal.associated_owner
            );
            let field = "associatedGatewayOwnerAccount";
            return Err(Fault::field(field, &self.associated_owner, rule).into());
        }
        let answered = answered(proposal, Event::Accept, context)?;
        let (allowed_field, allowed) = match chosen.is_empty() {
            true => (REQUESTED, proposal.requested.clone()),
            false => (OVERRIDE, chosen),
        };
        is_still_there(view, proposal)?;
        let known = association_of(view, context, &gateway.id, &proposal.associated)?;
        let association = match known.filter(|known| known.gateway == gateway.id) {
            Some(known) => {
                let association = allow(known, allowed)?;
                allowed_fit(view, allowed_field, &association)?;
                association
            }
            None => {
                let candidate = Candidate {
                    field: "proposalId",
                    gateway: proposal.associated.clone(),
                    owner: &proposal.associated_owner,
                    cidrs: &proposal.cidrs,
                    asn: proposal.asn,
                    allowed_field,
                };
                associate(view, context, gateway, &candidate, allowed)?
            }
        };
        let mut changes = match known {
            Some(known) if *known == association => Changes::new(view),
            Some(_) | None => put(view, &association)?,
        };
        changes.put(answered)?;
        changes.decision(association)
    }
}

/// Refuses a proposal of a gateway that was deleted meanwhile. Its record is another account's business; that the account has it
/// is what an index says.
fn is_still_there(view: &View, proposal: &Proposal) -> Asked<()> {
    let (kind, is_there) = match &proposal.associated {
        AssociatedGateway::Virtual(id) => (
            ResourceKind::VirtualGateway,
            view.exists(&key::gateway_of(&proposal.associated_owner, id))?,
        ),
        AssociatedGateway::Transit(id) => (
            ResourceKind::TransitGateway,
            view.exists(&key::transit_gateway_of(&proposal.associated_owner, id))?,
        ),
    };
    match is_there {
        true => Ok(()),
        false => Err(Fault::not_found(kind, proposal.associated.as_str()).into()),
    }
}

impl Command for DeleteProposal {
    type Outcome = Proposal;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Proposal>> {
        let proposal = access::find::<Proposal>(view, context, Action::Delete, &self.0)?;
        let deleted = match is_over(view, proposal, context)? {
            true => proposal.clone().end(Event::Delete, context),
            false => answered(proposal, Event::Delete, context)?,
        };
        let mut changes = Changes::new(view);
        changes.put(deleted.clone())?;
        changes.decision(deleted)
    }
}

/// Whether it was accepted and what came of it has ended. Then it can be deleted, as a client does that deletes an association and
/// its proposal one after the other.
fn is_over(view: &View, proposal: &Proposal, context: &Context<'_>) -> Asked<bool> {
    if proposal.phase != Phase::Accepted {
        return Ok(false);
    }
    let known = association_of(view, context, &proposal.gateway, &proposal.associated)?;
    Ok(known.is_none_or(|known| known.gateway != proposal.gateway))
}

/// A proposal after an answer.
///
/// # Errors
///
/// If it was answered already, or has expired. Clients match on both texts.
fn answered(proposal: &Proposal, event: Event, context: &Context<'_>) -> Result<Proposal, Fault> {
    match proposal.phase_at(context.now) {
        Phase::Requested => Ok(proposal.clone().end(event, context)),
        Phase::Accepted => Err(Fault::client(format!(
            "Direct Connect Gateway Association Proposal {} has been accepted!",
            proposal.id
        ))),
        Phase::Deleted | Phase::Expired => Err(missing(&proposal.id)),
    }
}

fn missing(id: impl std::fmt::Display) -> Fault {
    Fault::not_found(ResourceKind::AssociationProposal, id)
}

impl Proposal {
    /// After it was answered or has expired.
    pub(crate) fn end(mut self, event: Event, context: &Context<'_>) -> Self {
        self.phase = self
            .phase
            .after(event)
            .expect("an unanswered one takes every event, an accepted one its deletion");
        let purge = context.now.plus(context.settings.proposal_visibility);
        self.ended = Some(Ended { at: context.now, purge });
        self
    }
}
