//! The operator adds edge routers.

use super::Edge;
use crate::access_key::decide::issue;
use crate::access_key::{AccessKey, Principal};
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::id::{EdgeId, LocationCode};
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
