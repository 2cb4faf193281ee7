//! The operator connects the routers of a Direct Connect gateway with one another.

use super::Backbone;
use crate::access::Action;
use crate::decide::{Changes, Command, Context, Decision};
use crate::dx_gateway::decide::available;
use crate::fault::Fault;
use crate::key;
use crate::view::{Asked, View};
use crate::virtual_gateway::Handoff;
use crate::virtual_gateway::decide::{HandoffText, handoffs};
use crate::virtual_gateway::update::mark_changed_edges;

/// Makes the backbone of a Direct Connect gateway, or replaces it. Interfaces and their sessions stay.
#[derive(Clone, Debug, Default)]
pub struct PutBackbone {
    /// The gateway.
    pub gateway: String,
    /// All its handoffs from then on; one at most for each edge and address family.
    pub handoffs: Vec<HandoffText>,
}

/// Deletes the backbone of a Direct Connect gateway, by the gateway's id. SiteLink works on each router by itself then.
#[derive(Clone, Debug)]
pub struct DeleteBackbone(pub String);

impl Command for PutBackbone {
    type Outcome = Backbone;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Backbone>> {
        if self.handoffs.is_empty() {
            let rule = "give at least one handoff to the backbone".to_owned();
            return Err(Fault::Required { field: "handoffs".to_owned(), rule }.into());
        }
        let gateway = available(view, context, Action::Update, &self.gateway)?;
        let known = view.backbone(&gateway.id)?;
        let before = known.map_or(&[][..], |known| &known.handoffs);
        let handoffs = handoffs(view, &self.handoffs, before)?;
        peers(&handoffs)?;
        let backbone = Backbone {
            gateway: gateway.id.clone(),
            routing_domain: gateway.routing_domain.clone(),
            created: known.map_or(context.now, |known| known.created),
            handoffs,
        };
        if known == Some(&backbone) {
            return Decision::unchanged(backbone);
        }
        let mut changes = Changes::new(view);
        mark_changed_edges(&mut changes, before, &backbone.handoffs);
        changes.put(backbone.clone())?;
        changes.decision(backbone)
    }
}

impl Command for DeleteBackbone {
    type Outcome = Backbone;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Backbone>> {
        let gateway = available(view, context, Action::Update, &self.0)?;
        let Some(backbone) = view.backbone(&gateway.id)?.cloned() else {
            let rule = "has no backbone";
            return Err(Fault::field("directConnectGatewayId", &gateway.id, rule).into());
        };
        let mut changes = Changes::new(view);
        mark_changed_edges(&mut changes, &backbone.handoffs, &[]);
        changes.delete(key::backbone(&gateway.id))?;
        changes.decision(backbone)
    }
}

/// Routes of the backbone come by a session, and lead to the router that it is with.
fn peers(handoffs: &[Handoff]) -> Result<(), Fault> {
    for (index, handoff) in handoffs.iter().enumerate() {
        let Some(peer) = &handoff.fabric_peer else {
            let rule =
                "give the BGP peer of each handoff: a backbone has no other routes".to_owned();
            return Err(Fault::Required { field: format!("handoffs[{index}].fabricPeer"), rule });
        };
        if handoff.next_hop.address() != peer.address.address() {
            let rule = format!("must be the address of its BGP peer, {}", peer.address);
            let field = format!("handoffs[{index}].nextHop");
            return Err(Fault::field(&field, handoff.next_hop, rule));
        }
    }
    Ok(())
}
