//! The operator adds and deletes edge routers, and lets one be heard again.

use super::{DeletedEdge, Edge, EdgeSeen};
use crate::access_key::decide::{delete_all_of, issue};
use crate::access_key::{AccessKey, Principal};
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::id::{EdgeId, LocationCode};
use crate::in_use::{self, Uses};
use crate::key;
use crate::view::{Asked, View};

/// A new edge router.
#[derive(Clone, Debug)]
pub struct CreateEdge {
    /// Its name.
    pub id: String,
    /// Where it stands.
    pub location: String,
}

/// Deletes an edge router on which nothing is any more, by its id; its access keys go with it.
#[derive(Clone, Debug)]
pub struct DeleteEdge(pub String);

/// Forgets the number of an edge router's last report, by the edge's id: the next report is heard whatever its number is.
#[derive(Clone, Debug)]
pub struct ResetEdge(pub String);

impl Command for CreateEdge {
    type Outcome = (Edge, AccessKey);

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Self::Outcome>> {
        let id = EdgeId::parse(&self.id)?;
        if id.as_str().starts_with("simulated-") {
            let rule = "must not begin with simulated-, which names built-in edges";
            return Err(Fault::field("edgeId", &id, rule).into());
        }
        let code = LocationCode::parse(&self.location)?;
        let Some(location) = view.location(&code)? else {
            return Err(Fault::field("locationCode", &code, "does not exist").into());
        };
        if location.simulated {
            let rule = "is simulated: the built-in edge serves it";
            return Err(Fault::field("locationCode", &code, rule).into());
        }
        if view.exists(&key::edge(&id))? {
            let rule = "is taken: there is such an edge already";
            return Err(Fault::field("edgeId", &id, rule).into());
        }
        let edge = Edge { id, location: code, simulated: false, created: context.now };
        let mut changes = Changes::new(view);
        let access_key = issue(view, Principal::Edge(edge.id.clone()), context, &mut changes)?;
        changes.put(edge.clone())?;
        changes.decision((edge, access_key))
    }
}

impl Command for DeleteEdge {
    type Outcome = DeletedEdge;

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<DeletedEdge>> {
        let edge = existing(view, &self.0)?.clone();
        if edge.simulated {
            let rule = format!("is built in: it goes with its location {}", edge.location);
            return Err(Fault::field("edgeId", &edge.id, rule).into());
        }
        in_use::refuse(view, ("edgeId", &edge.id), &uses(&edge.id))?;
        let mut changes = Changes::new(view);
        let access_keys = delete_all_of(view, &Principal::Edge(edge.id.clone()), &mut changes)?;
        delete(&edge.id, &mut changes)?;
        changes.decision(DeletedEdge { edge, access_keys })
    }
}

impl Command for ResetEdge {
    type Outcome = Edge;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Edge>> {
        let edge = existing(view, &self.0)?.clone();
        let Some(seen) = view.edge_seen(&edge.id)? else { return Decision::unchanged(edge) };
        // When it was heard stays: its silence is judged by that, and a moment in the future would hide it.
        let seen = EdgeSeen {
            at: seen.at.min(context.now),
            sequence: 0,
            access_key: None,
            ..seen.clone()
        };
        let mut changes = Changes::new(view);
        changes.put_at(key::edge_seen(&edge.id), seen)?;
        changes.decision(edge)
    }
}

/// The edge of this id.
///
/// # Errors
///
/// A client fault if there is none, or if it must be loaded first.
pub(crate) fn existing<'v>(view: &'v View, id: &str) -> Asked<&'v Edge> {
    let id = EdgeId::parse(id)?;
    view.edge(&id)?.ok_or_else(|| Fault::field("edgeId", &id, "does not exist").into())
}

/// What may hang on an edge.
pub(crate) fn uses(id: &EdgeId) -> [Uses; 5] {
    [
        Uses { noun: "port", range: key::ports_of(id) },
        Uses { noun: "connection", range: key::edge_connections(id) },
        Uses { noun: "virtual interface", range: key::edge_interfaces(id) },
        Uses { noun: "gateway association", range: key::edge_associations(id) },
        Uses { noun: "handoff of gateway", range: key::handoffs_on(id) },
    ]
}

/// Deletes an edge's records.
///
/// # Errors
///
/// If they must be loaded first.
pub(crate) fn delete(id: &EdgeId, changes: &mut Changes<'_>) -> Asked<()> {
    changes.delete(key::edge_seen(id))?;
    changes.delete(key::public_network(id))?;
    changes.delete(key::edge(id))
}
