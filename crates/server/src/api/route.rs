//! The routes of an interface's sessions, which its edge is asked for at each call.

use linkway_domain::Fault;
use linkway_domain::decide::Context;
use linkway_domain::edge::{Finding, Question, RouteTable};
use linkway_domain::id::EdgeId;
use linkway_domain::view::View;
use linkway_domain::virtual_interface::routes::{self, RouteFilter, RoutePlace};
use linkway_domain::virtual_interface::{Phase, VirtualInterface};
use linkway_wire::convert;
use linkway_wire::generated;

use super::{Answered, Api, Call, page};

/// About what a route takes in an answer, in bytes: a long AS path and many communities.
const ROUTE_BYTES: usize = 1024;

impl Api {
    pub(super) async fn list_virtual_interface_routes(
        &self,
        call: &Call,
        request: generated::ListVirtualInterfaceRoutesRequest,
    ) -> Answered<generated::ListVirtualInterfaceRoutesResponse> {
        let id = request.virtual_interface_id.ok_or_else(|| Fault::Required {
            field: "virtualInterfaceId".to_owned(),
            rule: "give the interface whose routes are asked for".to_owned(),
        })?;
        let filters = request.filters.map(convert::filter_texts).unwrap_or_default();
        let filter = RouteFilter::parse(&filters)?;
        let most = page::tenants_limit(request.max_results)?;
        let question = format!("routes/{id}/{filter:?}/");
        let after = request.next_token.as_deref();
        let after = after.map(|token| place(&question, token)).transpose()?;
        let rule = |view: &View, context: &Context<'_>| routes::find(view, context, &id).cloned();
        let interface = self.records.read(call.principal(), rule).await?;
        let table = match interface.phase {
            Phase::Accepted => self.routes_of(call, &interface).await?,
            Phase::Confirming
            | Phase::Verifying
            | Phase::Moving
            | Phase::Deleting
            | Phase::Deleted
            | Phase::Rejected
            | Phase::Expired => RouteTable::default(),
        };
        let (found, next) = routes::page(&table.routes, &filter, after, most);
        call.reserve(ROUTE_BYTES * found.len())?;
        let edge = interface.edge.as_str();
        Ok(generated::ListVirtualInterfaceRoutesResponse {
            virtual_interface_id: Some(interface.id.to_string()),
            routes: Some(found.into_iter().map(|route| convert::route(route, edge)).collect()),
            next_token: next
                .map(|next| page::token(&question, &format!("{question}{}", next.text()))),
        })
    }

    async fn routes_of(&self, call: &Call, interface: &VirtualInterface) -> Answered<RouteTable> {
        let question = Question::Routes { virtual_interface_id: interface.id.clone() };
        match &*self.ask_edge(call, &interface.edge, question).await? {
            Finding::Routes(table) => Ok(table.clone()),
            Finding::Failed { reason } => Err(refused(&interface.edge, reason)),
            Finding::Observations(_) => Err(refused(&interface.edge, "it answered something else")),
        }
    }

    /// Asks an edge on behalf of the caller; a silent one is not asked.
    pub(super) async fn ask_edge(
        &self,
        call: &Call,
        edge: &EdgeId,
        question: Question,
    ) -> Answered<std::sync::Arc<Finding>> {
        if self.liveness.is_silent(edge).await? {
            let rule = "has been silent for too long: what its router has now is not known";
            return Err(Fault::field("awsLogicalDeviceId", edge, rule).into());
        }
        let asked = self.feed.ask(edge, question, call.principal().account()).await;
        Ok(asked.map_err(|error| Fault::field("awsLogicalDeviceId", edge, error))?)
    }
}

fn refused(edge: &EdgeId, reason: &str) -> linkway_wire::error::WireError {
    Fault::field("awsLogicalDeviceId", edge, format!("cannot say: {reason}")).into()
}

/// Where a token goes on.
fn place(question: &str, token: &str) -> Result<RoutePlace, Fault> {
    let key = page::last_key(question, token)?;
    let place = key.strip_prefix(question).and_then(RoutePlace::parse);
    place.ok_or_else(|| page::bad_token(token))
}
