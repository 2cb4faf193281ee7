//! The operator says what the public network of an edge is.

use super::PublicNetwork;
use crate::decide::{Changes, Command, Context, Decision};
use crate::edge::decide::existing;
use crate::fault::Fault;
use crate::key;
use crate::view::{Asked, View};
use crate::virtual_gateway::decide::{HandoffText, handoffs, prefixes};

/// Makes the public network of an edge, or replaces it. Public interfaces and their sessions stay.
#[derive(Clone, Debug)]
pub struct PutPublicNetwork {
    /// The edge.
    pub edge: String,
    /// The operator's prefixes.
    pub prefixes: Vec<String>,
    /// Where they are reached; each is of this edge.
    pub handoffs: Vec<HandoffText>,
}

/// Deletes the public network of an edge, by the edge's id. Public interfaces stay, and reach nothing.
#[derive(Clone, Debug)]
pub struct DeletePublicNetwork(pub String);

impl Command for PutPublicNetwork {
    type Outcome = PublicNetwork;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<PublicNetwork>> {
        let prefixes = prefixes("prefixes", "of the public network", &self.prefixes)?;
        let edge = existing(view, &self.edge)?.id.clone();
        let known = view.public_network(&edge)?;
        let before = known.map_or(&[][..], |known| &known.handoffs);
        for (index, text) in self.handoffs.iter().enumerate() {
            if text.edge != edge.as_str() {
                let rule = format!("must be {edge}, whose public network this is");
                let field = format!("handoffs[{index}].edgeId");
                return Err(Fault::field(&field, &text.edge, rule).into());
            }
        }
        let handoffs = handoffs(view, &self.handoffs, before)?;
        let created = known.map_or(context.now, |known| known.created);
        let network = PublicNetwork { edge, prefixes, handoffs, created };
        if known == Some(&network) {
            return Decision::unchanged(network);
        }
        let mut changes = Changes::new(view);
        changes.mark(key::edge_generation(&network.edge));
        changes.put(network.clone())?;
        changes.decision(network)
    }
}

impl Command for DeletePublicNetwork {
    type Outcome = PublicNetwork;

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<PublicNetwork>> {
        let edge = existing(view, &self.0)?.id.clone();
        let Some(network) = view.public_network(&edge)?.cloned() else {
            return Err(Fault::field("edgeId", &edge, "has no public network").into());
        };
        let mut changes = Changes::new(view);
        changes.mark(key::edge_generation(&edge));
        changes.delete(key::public_network(&edge))?;
        changes.decision(network)
    }
}
