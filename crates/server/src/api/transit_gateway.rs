//! Transit gateways: the operator makes, changes, lists and deletes them; their owners associate them.

use linkway_domain::id::RoutingDomainId;
use linkway_domain::index::Index;
use linkway_domain::transit_gateway::TransitGateway;
use linkway_domain::transit_gateway::decide::{
    CreateTransitGateway, DeleteTransitGateway, UpdateTransitGateway,
};
use linkway_wire::operator;

use super::page::Asked;
use super::virtual_gateway::{AVAILABLE, texts};
use super::{Answered, Api, Call, fabric};

impl Api {
    pub(super) async fn create_transit_gateway(
        &self,
        call: &Call,
        request: operator::CreateTransitGateway,
    ) -> Answered<operator::TransitGateway> {
        let command = CreateTransitGateway {
            account: request.account_id,
            name: request.name,
            asn: Some(request.amazon_side_asn),
            handoffs: texts(request.handoffs),
        };
        Ok(self.transit_gateway(&self.run(call, &command).await?, AVAILABLE))
    }

    pub(super) async fn update_transit_gateway(
        &self,
        call: &Call,
        request: operator::UpdateTransitGateway,
    ) -> Answered<operator::TransitGateway> {
        let command = UpdateTransitGateway {
            id: request.transit_gateway_id,
            name: request.name,
            handoffs: request.handoffs.map(texts),
        };
        Ok(self.transit_gateway(&self.run(call, &command).await?, AVAILABLE))
    }

    pub(super) async fn delete_transit_gateway(
        &self,
        call: &Call,
        request: operator::DeleteTransitGateway,
    ) -> Answered<operator::TransitGateway> {
        let deleted = self.run(call, &DeleteTransitGateway(request.transit_gateway_id)).await?;
        Ok(self.transit_gateway(&deleted, "deleted"))
    }

    pub(super) async fn list_transit_gateways(
        &self,
        call: &Call,
        request: operator::ListTransitGateways,
    ) -> Answered<operator::TransitGatewayList> {
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (mut found, next_token) = match (&request.transit_gateway_id, &request.account_id) {
            (Some(id), _) => (vec![self.find::<TransitGateway>(call, id).await?], None),
            (None, None) => self.list(&Index::<TransitGateway>::everything(), asked).await?,
            (None, Some(id)) => {
                let account = self.existing_account(id).await?;
                self.list(&Index::<TransitGateway>::of_account(&account), asked).await?
            }
        };
        found.retain(|gateway| {
            request.account_id.as_deref().is_none_or(|id| gateway.owner.as_str() == id)
        });
        let shown = found.iter().map(|found| self.transit_gateway(found, AVAILABLE));
        Ok(operator::TransitGatewayList { transit_gateways: shown.collect(), next_token })
    }

    fn transit_gateway(&self, gateway: &TransitGateway, state: &str) -> operator::TransitGateway {
        let (mut handoffs, mut errors) = (Vec::new(), Vec::new());
        let domain = RoutingDomainId::of_transit_gateway(&gateway.id);
        for handoff in &gateway.handoffs {
            let has_session = handoff.fabric_peer.is_some();
            let heard = has_session.then(|| self.feed.heard(&handoff.edge)).flatten();
            let (shown, error) = fabric::handoff(&domain, handoff, heard.as_deref());
            handoffs.push(shown);
            errors.extend(error);
        }
        operator::TransitGateway {
            transit_gateway_id: gateway.id.to_string(),
            name: gateway.name.clone(),
            account_id: gateway.owner.to_string(),
            amazon_side_asn: i64::from(gateway.asn.number()),
            handoffs,
            transit_gateway_state: state.to_owned(),
            error: (!errors.is_empty()).then(|| errors.join("; ")),
        }
    }
}
