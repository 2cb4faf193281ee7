//! The operator renames a virtual gateway and moves its handoffs.

use std::collections::BTreeSet;

use super::decide::{HandoffText, handoffs};
use super::{Gateway, Handoff};
use crate::access::{self, Action};
use crate::decide::{Changes, Command, Context, Decision};
use crate::id::EdgeId;
use crate::key;
use crate::text;
use crate::view::{Asked, View};

/// Changes a virtual gateway. The interfaces that lead to it stay, and so do their sessions.
#[derive(Clone, Debug)]
pub struct UpdateGateway {
    /// The gateway.
    pub id: String,
    /// What people call it from then on; absent: as before.
    pub name: Option<String>,
    /// All its handoffs from then on; absent: as before.
    pub handoffs: Option<Vec<HandoffText>>,
}

impl Command for UpdateGateway {
    type Outcome = Gateway;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Gateway>> {
        let known = access::find::<Gateway>(view, context, Action::Update, &self.id)?;
        let mut gateway = known.clone();
        if let Some(name) = &self.name {
            gateway.name = Some(text::name("name", name)?);
        }
        if let Some(texts) = &self.handoffs {
            gateway.handoffs = handoffs(view, texts, &known.handoffs)?;
        }
        if gateway == *known {
            return Decision::unchanged(gateway);
        }
        let mut changes = Changes::new(view);
        for edge in changed_edges(&known.handoffs, &gateway.handoffs) {
            changes.mark(key::edge_generation(edge));
        }
        changes.put(gateway.clone())?;
        changes.decision(gateway)
    }
}

/// The edges that have other handoffs than before: each knows its own ones, in their order.
pub(crate) fn changed_edges<'h>(
    before: &'h [Handoff],
    after: &'h [Handoff],
) -> BTreeSet<&'h EdgeId> {
    let on = |handoffs: &'h [Handoff], edge: &'h EdgeId| {
        handoffs.iter().filter(move |handoff| handoff.edge == *edge)
    };
    let edges = before.iter().chain(after).map(|handoff| &handoff.edge);
    edges.filter(|edge| !on(before, edge).eq(on(after, edge))).collect()
}
