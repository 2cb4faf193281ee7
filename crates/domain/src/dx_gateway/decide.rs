//! Direct Connect gateways: made, renamed and deleted by their owners.

use super::{DirectConnectGateway, Event, Phase};
use crate::access::{self, Action};
use crate::account;
use crate::connection::decide::ended_now;
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::{Fault, ResourceKind};
use crate::id::{DirectConnectGatewayId, EdgeId, RoutingDomainId};
use crate::in_use::{self, Uses};
use crate::key;
use crate::net::GatewayAsn;
use crate::quota;
use crate::stored::Stored as _;
use crate::tag::decide::put_tags;
use crate::tag::{self, TaggedResource, Tags};
use crate::text;
use crate::view::{Asked, View};

/// `CreateDirectConnectGateway`.
#[derive(Clone, Debug, Default)]
pub struct CreateDirectConnectGateway {
    /// What its owner calls it.
    pub name: String,
    /// Our AS number; absent: 64512.
    pub asn: Option<i64>,
    /// Tags.
    pub tags: Vec<(String, Option<String>)>,
}

/// `UpdateDirectConnectGateway`.
#[derive(Clone, Debug, Default)]
pub struct UpdateDirectConnectGateway {
    /// The gateway, which must be the caller's own.
    pub gateway: String,
    /// Its new name.
    pub name: String,
}

/// `DeleteDirectConnectGateway`, by the gateway's id.
#[derive(Clone, Debug)]
pub struct DeleteDirectConnectGateway(pub String);

impl Command for CreateDirectConnectGateway {
    type Outcome = DirectConnectGateway;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<DirectConnectGateway>> {
        let name = text::name("directConnectGatewayName", &self.name)?;
        let asn = match self.asn {
            None => GatewayAsn::DEFAULT,
            Some(number) => GatewayAsn::parse("amazonSideAsn", number)?,
        };
        let tags = Tags::parse("tags", &self.tags, &context.settings.quotas)?;
        let owner = account::decide::calling(view, context)?.id.clone();
        let mut draws = context.seed.draws();
        let mut id = DirectConnectGatewayId::draw(&mut draws);
        while view.exists(&key::dx_gateway(&id))? {
            id = DirectConnectGatewayId::draw(&mut draws);
        }
        let gateway = DirectConnectGateway {
            id,
            name,
            owner,
            asn,
            routing_domain: RoutingDomainId::draw(&mut draws),
            phase: Phase::Available,
            created: context.now,
            ended: None,
        };
        quota::room(view, context, gateway.uses())?;
        let resource = TaggedResource::DirectConnectGateway(gateway.id.clone());
        tag::decide::room(view, context, &resource, &tags)?;
        let mut changes = Changes::new(view);
        put_tags(resource, &gateway.owner, tags, &mut changes)?;
        changes.put(gateway.clone())?;
        changes.decision(gateway)
    }
}

impl Command for UpdateDirectConnectGateway {
    type Outcome = DirectConnectGateway;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<DirectConnectGateway>> {
        let name = text::name("newDirectConnectGatewayName", &self.name)?;
        let known = available(view, context, Action::Update, &self.gateway)?;
        let gateway = DirectConnectGateway { name, ..known.clone() };
        if gateway == *known {
            return Decision::unchanged(gateway);
        }
        let mut changes = Changes::new(view);
        changes.put(gateway.clone())?;
        changes.decision(gateway)
    }
}

impl Command for DeleteDirectConnectGateway {
    type Outcome = DirectConnectGateway;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<DirectConnectGateway>> {
        let mut gateway = available(view, context, Action::Delete, &self.0)?.clone();
        let uses = [
            Uses { noun: "virtual interface", range: key::all_dx_attached(&gateway.id) },
            Uses { noun: "gateway association", range: key::live_associations_on(&gateway.id) },
        ];
        in_use::refuse(view, ("directConnectGatewayId", &gateway.id), &uses)?;
        gateway.phase = gateway.phase.after(Event::Delete).expect("it is available");
        gateway.ended = Some(ended_now(context));
        let mut changes = Changes::new(view);
        // No router has anything of it: without interfaces its handoffs are nowhere.
        changes.delete(key::backbone(&gateway.id))?;
        changes.put(gateway.clone())?;
        changes.decision(gateway)
    }
}

/// A Direct Connect gateway that is there, if the caller may do this with it: a deleted one answers like one that never was.
///
/// # Errors
///
/// What must be loaded first, or a fault if there is none.
pub(crate) fn available<'v>(
    view: &'v View,
    context: &Context<'_>,
    action: Action,
    id: &str,
) -> Asked<&'v DirectConnectGateway> {
    let gateway = access::find::<DirectConnectGateway>(view, context, action, id)?;
    if gateway.phase.is_terminal() {
        return Err(Fault::not_found(ResourceKind::DirectConnectGateway, id).into());
    }
    Ok(gateway)
}

/// The edges with a live interface that leads to a Direct Connect gateway, each once. Whoever changes where these are writes the
/// marker that is read here, so that what is decided on the list is committed only while it is still the same.
///
/// # Errors
///
/// What must be loaded first, or a fault if there are too many to list.
pub(crate) fn edges(view: &View, id: &DirectConnectGatewayId) -> Asked<Vec<EdgeId>> {
    view.get(&key::dx_attachments_changed(id))?;
    let range = key::all_dx_attached(id);
    let attached = view.first(&range)?;
    if attached.is_cut {
        let rule = "has more Virtual Interfaces than can be told of a change at once";
        return Err(Fault::field("directConnectGatewayId", id, rule).into());
    }
    let mut edges: Vec<EdgeId> =
        attached.entries.iter().filter_map(|(at, _)| key::edge_of_attached(at)).collect();
    edges.dedup();
    Ok(edges)
}
