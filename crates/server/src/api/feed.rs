//! The two operations of the edge feed. An edge's key is good for that edge's feed and nothing else.

use std::time::Duration;

use linkway_domain::access_key::Principal;
use linkway_domain::id::EdgeId;
use linkway_domain::{Fault, fault::FaultKind};
use linkway_wire::error::WireError;
use linkway_wire::feed::{
    EdgeConfigAnswer, GetEdgeConfig, LONGEST_WAIT, ReportAnswer, ReportEdgeStatus,
};
use linkway_wire::json;

use super::{Answered, Api, Call};

impl Api {
    pub(super) async fn get_edge_config(&self, call: &Call) -> Answered {
        let edge = edge_of(call)?;
        let request: GetEdgeConfig = json::decode(&call.body)?;
        let limit = Duration::from_secs(request.wait_seconds.min(LONGEST_WAIT));
        let known = request.after_generation;
        let generation = tokio::select! {
            generation = self.feed.wait(edge, known, limit) => generation?,
            () = self.closing.cancelled() => known,
        };
        let config = match generation != known {
            true => Some(self.feed.config(edge).await?),
            false => None,
        };
        let generation = config.as_ref().map_or(generation, |config| config.generation);
        Ok(json::encode(&EdgeConfigAnswer { generation, config }))
    }

    pub(super) async fn report_edge_status(&self, call: &Call) -> Answered {
        let edge = edge_of(call)?;
        let status: ReportEdgeStatus = json::decode(&call.body)?;
        self.feed.report(edge, &status).await?;
        Ok(json::encode(&ReportAnswer { generation: self.feed.generation(edge).await? }))
    }
}

fn edge_of(call: &Call) -> Result<&EdgeId, WireError> {
    match &call.caller.principal {
        Principal::Edge(id) => Ok(id),
        Principal::Account(_) | Principal::Operator => {
            Err(Fault::of(FaultKind::AccessDenied, "This operation is for edges.").into())
        }
    }
}
