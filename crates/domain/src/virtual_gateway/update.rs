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

/// Gives a gateway, virtual or transit, the name and the handoffs that a request has; what is absent stays.
pub(crate) fn change(
    view: &View,
    (name, texts): (Option<&str>, Option<&[HandoffText]>),
    (its_name, its_handoffs): (&mut Option<String>, &mut Vec<Handoff>),
) -> Asked<()> {
    if let Some(name) = name {
        *its_name = Some(text::name("name", name)?);
    }
    if let Some(texts) = texts {
        *its_handoffs = handoffs(view, texts, its_handoffs)?;
    }
    Ok(())
}

/// Has the edges whose handoffs differ read their configurations.
pub(crate) fn mark_changed_edges(changes: &mut Changes<'_>, before: &[Handoff], after: &[Handoff]) {
    for edge in changed_edges(before, after) {
        changes.mark(key::edge_generation(edge));
    }
}

/// The edges that have other handoffs than before: each knows its own ones, in their order.
fn changed_edges<'h>(before: &'h [Handoff], after: &'h [Handoff]) -> BTreeSet<&'h EdgeId> {
    let on = |handoffs: &'h [Handoff], edge: &'h EdgeId| {
        handoffs.iter().filter(move |handoff| handoff.edge == *edge)
    };
    let edges = before.iter().chain(after).map(|handoff| &handoff.edge);
    edges.filter(|edge| !on(before, edge).eq(on(after, edge))).collect()
}
