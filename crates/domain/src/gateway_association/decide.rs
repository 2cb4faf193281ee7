//! Associations are made, changed and ended.

use super::allowed::{ADD, PrefixChange};
pub(crate) use super::transit::allowed_fit;
use super::transit::live_on;
use super::{AllowedPrefixes, AssociatedGateway, Association, Event, Phase};
use crate::access::{self, Action};
use crate::connection::decide::ended_now;
use crate::decide::{Changes, Command, Context, Decision};
use crate::dx_gateway::DirectConnectGateway;
use crate::dx_gateway::decide::{available, edges};
use crate::fault::{Fault, ResourceKind};
use crate::id::{AccountId, AssociationId, EdgeId, VirtualGatewayId};
use crate::key;
use crate::net::{GatewayAsn, Prefix};
use crate::quota::{self, Counter};
use crate::stored::Stored as _;
use crate::transit_gateway::TransitGateway;
use crate::view::{Asked, View};
use crate::virtual_gateway::Gateway;

/// `CreateDirectConnectGatewayAssociation`: both gateways are the caller's own.
#[derive(Clone, Debug, Default)]
pub struct CreateAssociation {
    /// The Direct Connect gateway.
    pub gateway: String,
    /// The gateway to associate, of any kind.
    pub associated: Option<String>,
    /// The virtual gateway to associate, in the older member.
    pub virtual_gateway: Option<String>,
    /// The allowed prefixes; none: all of the VPC's.
    pub allowed: Vec<String>,
}

/// `UpdateDirectConnectGatewayAssociation`, by the owner of the Direct Connect gateway.
#[derive(Clone, Debug, Default)]
pub struct UpdateAssociation {
    /// The association.
    pub association: Option<String>,
    /// What of its allowed prefixes changes.
    pub change: PrefixChange,
}

/// `DeleteDirectConnectGatewayAssociation`, by either side: by id, or by both gateways.
#[derive(Clone, Debug, Default)]
pub struct DeleteAssociation {
    /// The association.
    pub association: Option<String>,
    /// The Direct Connect gateway.
    pub gateway: Option<String>,
    /// The virtual gateway.
    pub virtual_gateway: Option<String>,
}

/// A gateway that is to be associated, with what is known of it.
pub(crate) struct Candidate<'a> {
    /// The member of the request that names it.
    pub field: &'static str,
    /// The gateway.
    pub gateway: AssociatedGateway,
    /// Whose it is.
    pub owner: &'a AccountId,
    /// Its VPC's prefixes; none of a transit gateway.
    pub cidrs: &'a [Prefix],
    /// Of a transit gateway: its AS number.
    pub asn: Option<GatewayAsn>,
    /// The member that its allowed prefixes came from.
    pub allowed_field: &'static str,
}

/// The one gateway that a request names in the two members that there are for it.
///
/// # Errors
///
/// If it names none or two, or something that is no gateway.
pub(crate) fn one_gateway<'r>(
    associated: Option<&'r str>,
    virtual_gateway: Option<&'r str>,
) -> Result<(&'static str, &'r str), Fault> {
    match (associated, virtual_gateway) {
        (Some(id), None) => Ok(("gatewayId", id)),
        (None, Some(id)) => Ok(("virtualGatewayId", id)),
        (Some(_), Some(_)) => Err(Fault::client(
            "gatewayId and virtualGatewayId exclude each other: give one of them.",
        )),
        (None, None) => {
            Err(Fault::client("gatewayId is required: give gatewayId or virtualGatewayId."))
        }
    }
}

/// A gateway of the caller's: a transit gateway is named by `gatewayId` alone.
///
/// # Errors
///
/// What must be loaded first, or a fault if there is no such gateway.
pub(crate) fn own_gateway<'v>(
    view: &'v View,
    context: &Context<'_>,
    (field, id): (&'static str, &str),
) -> Asked<Candidate<'v>> {
    if field == "gatewayId" && id.starts_with("tgw-") {
        let gateway = access::find::<TransitGateway>(view, context, Action::Use, id)?;
        return Ok(Candidate {
            field,
            gateway: AssociatedGateway::Transit(gateway.id.clone()),
            owner: &gateway.owner,
            cidrs: &[],
            asn: Some(gateway.asn),
            allowed_field: ADD,
        });
    }
    let gateway = access::find::<Gateway>(view, context, Action::Use, id)?;
    Ok(Candidate {
        field,
        gateway: AssociatedGateway::Virtual(gateway.id.clone()),
        owner: &gateway.owner,
        cidrs: &gateway.cidrs,
        asn: None,
        allowed_field: ADD,
    })
}

impl Command for CreateAssociation {
    type Outcome = Association;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Association>> {
        let change = PrefixChange { add: self.allowed.clone(), remove: Vec::new() };
        let allowed = change.apply(&AllowedPrefixes::default())?;
        let named = one_gateway(self.associated.as_deref(), self.virtual_gateway.as_deref())?;
        let gateway = available(view, context, Action::Use, &self.gateway)?;
        let candidate = own_gateway(view, context, named)?;
        let association = associate(view, context, gateway, &candidate, allowed)?;
        put(view, &association)?.decision(association)
    }
}

/// A new association of a gateway with a Direct Connect gateway; nothing allowed: all of a VPC's prefixes.
///
/// # Errors
///
/// What must be loaded first, or the rule that the two break.
pub(crate) fn associate(
    view: &View,
    context: &Context<'_>,
    gateway: &DirectConnectGateway,
    candidate: &Candidate<'_>,
    allowed: AllowedPrefixes,
) -> Asked<Association> {
    let mut draws = context.seed.draws();
    let mut id = AssociationId::draw(&mut draws);
    while view.exists(&key::association(&id))? {
        id = AssociationId::draw(&mut draws);
    }
    let association = Association {
        id,
        gateway: gateway.id.clone(),
        gateway_owner: gateway.owner.clone(),
        associated: candidate.gateway.clone(),
        associated_owner: candidate.owner.clone(),
        cidrs: candidate.cidrs.to_vec(),
        allowed: if allowed.is_empty() { candidate.cidrs.to_vec().into() } else { allowed },
        phase: Phase::Associated,
        leaving: Vec::new(),
        created: context.now,
        ended: None,
    };
    is_free(view, candidate.field, &association)?;
    kinds_agree(view, candidate.field, &association)?;
    numbers_differ(gateway, candidate)?;
    quota::room(view, context, association.uses())?;
    prefixes_are_free(view, candidate.field, &association)?;
    allowed_fit(view, candidate.allowed_field, &association)?;
    Ok(association)
}

/// A virtual gateway has one Direct Connect gateway at most; a transit gateway may have several, each once. Every new
/// association changes the counter of its Direct Connect gateway, so that of two that are made at once one is decided again.
fn is_free(view: &View, field: &str, association: &Association) -> Asked<()> {
    let is_free = match &association.associated {
        AssociatedGateway::Virtual(id) => view.is_empty(&key::live_associated(id.as_str()))?,
        AssociatedGateway::Transit(_) => {
            let mut there = live_on(view, &association.gateway)?.into_iter();
            there.all(|other| other.associated != association.associated)
        }
    };
    if is_free { Ok(()) } else { Err(already_associated(field, association).into()) }
}

/// The AS number of a transit gateway is not that of the Direct Connect gateway.
fn numbers_differ(gateway: &DirectConnectGateway, candidate: &Candidate<'_>) -> Result<(), Fault> {
    if candidate.asn != Some(gateway.asn) {
        return Ok(());
    }
    let rule = format!(
        "has the AS number {}, which Direct Connect Gateway {} has too; the two must differ",
        gateway.asn.number(),
        gateway.id
    );
    Err(Fault::field(candidate.field, candidate.gateway.as_str(), rule))
}

/// The refusal of a second Direct Connect gateway.
pub(crate) fn already_associated(field: &str, association: &Association) -> Fault {
    let rule = match association.associated {
        AssociatedGateway::Virtual(_) => {
            "is associated with a Direct Connect Gateway already; a virtual gateway has one at most"
        }
        AssociatedGateway::Transit(_) => "is associated with this Direct Connect Gateway already",
    };
    Fault::field(field, association.associated.as_str(), rule)
}

/// A Direct Connect gateway has virtual gateways and private interfaces, or transit gateways and transit interfaces.
fn kinds_agree(view: &View, field: &str, association: &Association) -> Asked<()> {
    let counters =
        [Counter::Associations(&association.gateway), Counter::Attached(&association.gateway)];
    view.want(counters.iter().map(Counter::key))?;
    for counter in counters {
        let used = view.count(&counter)?.copied().unwrap_or_default();
        let (agrees, others) = match association.associated {
            AssociatedGateway::Virtual(_) => (used.transit == 0, "transit gateways or interfaces"),
            AssociatedGateway::Transit(_) => {
                (used.transit == used.total, "virtual gateways or private interfaces")
            }
        };
        if !agrees {
            let rule = format!(
                "cannot be associated with Direct Connect Gateway {}, which has {others}",
                association.gateway
            );
            return Err(Fault::field(field, association.associated.as_str(), rule).into());
        }
    }
    Ok(())
}

/// Two VPCs of a Direct Connect gateway have no address in common. The counter that [`kinds_agree`] has read changes with every
/// association, so that of two that are made at once one is decided again.
fn prefixes_are_free(view: &View, field: &str, association: &Association) -> Asked<()> {
    for other in live_on(view, &association.gateway)? {
        let clash = association.cidrs.iter().find_map(|own| {
            other.cidrs.iter().find(|known| known.overlaps(*own)).map(|known| (own, known))
        });
        if let Some((own, known)) = clash {
            let rule = format!(
                "has the prefix {own}, which overlaps {known} of {}, associated with the same Direct Connect Gateway {}",
                other.associated.as_str(),
                association.gateway
            );
            return Err(Fault::field(field, association.associated.as_str(), rule).into());
        }
    }
    Ok(())
}

/// Writes an association that is to be on the routers, and has these told of it.
///
/// # Errors
///
/// What must be loaded first.
pub(crate) fn put<'v>(view: &'v View, association: &Association) -> Asked<Changes<'v>> {
    let mut changes = Changes::new(view);
    for edge in edges(view, &association.gateway)? {
        changes.mark(key::edge_generation(&edge));
    }
    if association.associated.transit_gateway().is_some() {
        changes.mark(key::allowed_changed(&association.gateway));
    }
    changes.put(association.clone())?;
    Ok(changes)
}

/// An association with these allowed prefixes.
///
/// # Errors
///
/// If it is being ended.
pub(crate) fn allow(known: &Association, allowed: AllowedPrefixes) -> Result<Association, Fault> {
    if allowed == known.allowed && known.phase.is_live() {
        return Ok(known.clone());
    }
    let Some(phase) = known.phase.after(Event::Update) else {
        return Err(Fault::IncorrectState {
            field: "associationId",
            id: known.id.to_string(),
            state: known.phase.state(true).as_str(),
            rule: "only one that is not being ended can be changed".to_owned(),
        });
    };
    Ok(Association { allowed, phase, ..known.clone() })
}

impl Command for UpdateAssociation {
    type Outcome = Association;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Association>> {
        let Some(id) = &self.association else {
            let rule = "name the association".to_owned();
            return Err(Fault::Required { field: "associationId".to_owned(), rule }.into());
        };
        let known = access::find::<Association>(view, context, Action::Update, id)?;
        let association = allow(known, self.change.apply(&known.allowed)?)?;
        if association == *known {
            return Decision::unchanged(association);
        }
        allowed_fit(view, ADD, &association)?;
        put(view, &association)?.decision(association)
    }
}

impl Command for DeleteAssociation {
    type Outcome = Association;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Association>> {
        let known = self.find(view, context)?;
        if known.phase == Phase::Disassociating {
            return Decision::unchanged(known.clone());
        }
        let leaving = edges(view, &known.gateway)?;
        let event = match leaving.is_empty() {
            true => Event::DisassociateUnused,
            false => Event::Disassociate,
        };
        let Some(phase) = known.phase.after(event) else {
            return Err(Fault::not_found(ResourceKind::GatewayAssociation, &known.id).into());
        };
        let mut changes = Changes::new(view);
        for edge in &leaving {
            changes.mark(key::edge_generation(edge));
        }
        let ended = phase.is_terminal().then(|| ended_now(context));
        let association = Association { phase, leaving, ended, ..known.clone() };
        changes.put(association.clone())?;
        changes.decision(association)
    }
}

impl DeleteAssociation {
    fn find<'v>(&self, view: &'v View, context: &Context<'_>) -> Asked<&'v Association> {
        match (&self.association, &self.gateway, &self.virtual_gateway) {
            (Some(id), _, _) => access::find(view, context, Action::Delete, id),
            (None, Some(gateway), Some(associated)) => {
                let pair = format!("of {associated} with Direct Connect Gateway {gateway}");
                let missing = || Fault::not_found(ResourceKind::GatewayAssociation, &pair);
                let Ok(id) = VirtualGatewayId::parse(associated) else {
                    return Err(missing().into());
                };
                let listed = view.first(&key::live_associated(id.as_str()))?;
                let ids = listed.entries.iter().map(|(at, _)| at.last());
                for id in ids {
                    let found = access::find::<Association>(view, context, Action::Delete, id);
                    match found {
                        Ok(found) if found.gateway.as_str() == gateway => return Ok(found),
                        Ok(_) | Err(crate::view::Stop::Fault(_)) => {}
                        Err(need) => return Err(need),
                    }
                }
                Err(missing().into())
            }
            (None, _, _) => {
                let rule = "give it, or directConnectGatewayId and virtualGatewayId".to_owned();
                Err(Fault::Required { field: "associationId".to_owned(), rule }.into())
            }
        }
    }
}

impl Association {
    /// Notes that an edge has nothing of it any more; it ends with the last one.
    pub(crate) fn let_go(mut self, edge: &EdgeId, context: &Context<'_>) -> Self {
        self.leaving.retain(|leaving| leaving != edge);
        if self.leaving.is_empty()
            && let Some(phase) = self.phase.after(Event::Released)
        {
            self.phase = phase;
            self.ended = Some(ended_now(context));
        }
        self
    }
}
