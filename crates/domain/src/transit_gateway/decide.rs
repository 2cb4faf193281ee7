//! The operator makes, changes and deletes transit gateways.

use super::TransitGateway;
use crate::access::{self, Action};
use crate::account;
use crate::decide::{Changes, Command, Context, Decision};
use crate::id::TransitGatewayId;
use crate::in_use::{self, Uses};
use crate::key;
use crate::net::GatewayAsn;
use crate::text;
use crate::view::{Asked, View};
use crate::virtual_gateway::decide::{HandoffText, handoffs};
use crate::virtual_gateway::update::{change, mark_changed_edges};

/// A new transit gateway.
#[derive(Clone, Debug, Default)]
pub struct CreateTransitGateway {
    /// Whose it is.
    pub account: String,
    /// What people call it.
    pub name: Option<String>,
    /// Its AS number; absent: 64512.
    pub asn: Option<i64>,
    /// Where it is reached.
    pub handoffs: Vec<HandoffText>,
}

/// Renames a transit gateway, or moves its handoffs. What is associated with it stays.
#[derive(Clone, Debug, Default)]
pub struct UpdateTransitGateway {
    /// The gateway.
    pub id: String,
    /// What people call it from then on; absent: as before.
    pub name: Option<String>,
    /// All its handoffs from then on; absent: as before.
    pub handoffs: Option<Vec<HandoffText>>,
}

/// Deletes a transit gateway, by its id.
#[derive(Clone, Debug)]
pub struct DeleteTransitGateway(pub String);

impl Command for CreateTransitGateway {
    type Outcome = TransitGateway;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<TransitGateway>> {
        let asn = match self.asn {
            None => GatewayAsn::DEFAULT,
            Some(number) => GatewayAsn::parse("amazonSideAsn", number)?,
        };
        let name = self.name.as_deref().map(|name| text::name("name", name)).transpose()?;
        let owner = account::decide::existing(view, "accountId", &self.account)?;
        let handoffs = handoffs(view, &self.handoffs, &[])?;
        let mut draws = context.seed.draws();
        let mut id = TransitGatewayId::draw(&mut draws);
        while view.exists(&key::transit_gateway(&id))? {
            id = TransitGatewayId::draw(&mut draws);
        }
        let gateway = TransitGateway { id, name, owner, asn, handoffs, created: context.now };
        let mut changes = Changes::new(view);
        changes.put(gateway.clone())?;
        changes.decision(gateway)
    }
}

impl Command for UpdateTransitGateway {
    type Outcome = TransitGateway;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<TransitGateway>> {
        let known = access::find::<TransitGateway>(view, context, Action::Update, &self.id)?;
        let mut gateway = known.clone();
        let given = (self.name.as_deref(), self.handoffs.as_deref());
        change(view, given, (&mut gateway.name, &mut gateway.handoffs))?;
        if gateway == *known {
            return Decision::unchanged(gateway);
        }
        let mut changes = Changes::new(view);
        mark_changed_edges(&mut changes, &known.handoffs, &gateway.handoffs);
        changes.put(gateway.clone())?;
        changes.decision(gateway)
    }
}

impl Command for DeleteTransitGateway {
    type Outcome = TransitGateway;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<TransitGateway>> {
        let gateway =
            access::find::<TransitGateway>(view, context, Action::Delete, &self.0)?.clone();
        let range = key::live_associated(gateway.id.as_str());
        let uses = [Uses { noun: "gateway association", range }];
        in_use::refuse(view, ("transitGatewayId", &gateway.id), &uses)?;
        let mut changes = Changes::new(view);
        changes.delete(key::transit_gateway(&gateway.id))?;
        changes.decision(gateway)
    }
}
