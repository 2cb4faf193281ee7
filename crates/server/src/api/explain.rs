//! Why an interface is not up: what the store has of it, and what its edge sees now.

use linkway_domain::edge::{EdgeSeen, Finding, Question};
use linkway_domain::key;
use linkway_domain::virtual_interface::explain::{Check, Facts, explain, reason};
use linkway_domain::virtual_interface::{Phase, VirtualInterface, VirtualInterfaceStatus};
use linkway_wire::operator as wire;
use std::sync::Arc;

use super::{Answered, Api, Call, page};
use crate::clock;

impl Api {
    /// For its owner and its lender.
    pub(super) async fn explain_virtual_interface(
        &self,
        call: &Call,
        request: wire::ExplainVirtualInterface,
    ) -> Answered<wire::Explanation> {
        self.explain(call, &request.virtual_interface_id).await
    }

    /// For the operator.
    pub(super) async fn explain_interface(
        &self,
        call: &Call,
        request: wire::ExplainInterface,
    ) -> Answered<wire::Explanation> {
        self.explain(call, &request.virtual_interface_id).await
    }

    async fn explain(&self, call: &Call, id: &str) -> Answered<wire::Explanation> {
        let interface = self.find::<VirtualInterface>(call, id).await?;
        let edge = &interface.edge;
        let is_silent = self.liveness.is_silent(edge).await?;
        let keys = [key::interface_status(&interface.id), key::edge_seen(edge)];
        let mut found = self.records_at(&keys).await?.into_iter();
        let status = page::one_of::<VirtualInterfaceStatus>(found.next().flatten());
        let error = status.and_then(|status| status.report.error);
        let heard = page::one_of::<EdgeSeen>(found.next().flatten()).map(|seen| seen.at);
        // What is quiet is written now and then only; what came here is known to the moment.
        let heard = heard.max(self.feed.heard(edge).map(|heard| heard.at));
        let found = match interface.phase {
            Phase::Accepted if !is_silent => {
                let question = Question::Observe { virtual_interface_id: interface.id.clone() };
                let asked = self.feed.ask(edge, question, call.principal().account()).await;
                asked.map_err(|error| format!("edge router {edge} {error}"))
            }
            Phase::Accepted
            | Phase::Moving
            | Phase::Confirming
            | Phase::Verifying
            | Phase::Deleting
            | Phase::Deleted
            | Phase::Rejected
            | Phase::Expired => Err(String::new()),
        };
        let seen = match found.as_ref().map(Arc::as_ref) {
            Ok(Finding::Observations(seen)) => Ok(&**seen),
            Ok(Finding::Failed { reason }) => Err(reason.as_str()),
            Ok(Finding::Routes(_)) => Err("the router answered something else"),
            Err(why) => Err(why.as_str()),
        };
        let error = error.as_deref();
        let now = clock::now();
        let facts = Facts { interface: &interface, now, heard, is_silent, error, seen };
        let checks = explain(&facts);
        Ok(wire::Explanation {
            virtual_interface_id: interface.id.to_string(),
            reason: reason(&checks).map(|check| check.name.as_str().to_owned()),
            checks: checks.into_iter().map(shown).collect(),
        })
    }
}

fn shown(check: Check) -> wire::InterfaceCheck {
    wire::InterfaceCheck {
        check: check.name.as_str().to_owned(),
        address_family: check.family.map(|family| family.as_str().to_owned()),
        state: check.state.as_str().to_owned(),
        seen: check.seen,
        at: check.at.map(clock::timestamp),
        advice: check.advice,
    }
}
