//! Virtual gateways: the operator makes, changes and deletes them, their owners see them.

use linkway_domain::id::RoutingDomainId;
use linkway_domain::index::Index;
use linkway_domain::virtual_gateway::Gateway;
use linkway_domain::virtual_gateway::decide::{
    CreateGateway, DeleteGateway, FabricPeerText, HandoffText,
};
use linkway_domain::virtual_gateway::update::UpdateGateway;
use linkway_domain::virtual_interface::Secret;
use linkway_wire::{convert, generated, operator};

use super::page::Asked;
use super::{Answered, Api, Call, fabric};

impl Api {
    pub(super) async fn describe_virtual_gateways(
        &self,
        call: &Call,
        _: generated::DescribeVirtualGatewaysRequest,
    ) -> Answered<generated::VirtualGateways> {
        let all = self.records.all(&Index::<Gateway>::of_account(call.account()?)).await?;
        let virtual_gateways = all.iter().map(convert::virtual_gateway).collect();
        Ok(generated::VirtualGateways { virtual_gateways: Some(virtual_gateways) })
    }

    pub(super) async fn create_gateway(
        &self,
        call: &Call,
        request: operator::CreateGateway,
    ) -> Answered<operator::Gateway> {
        let command = CreateGateway {
            account: request.account_id,
            name: request.name,
            asn: Some(request.amazon_side_asn),
            vpc: request.vpc_id,
            cidrs: request.cidrs,
            handoffs: texts(request.handoffs),
        };
        Ok(self.gateway(&self.run(call, &command).await?, AVAILABLE))
    }

    pub(super) async fn update_gateway(
        &self,
        call: &Call,
        request: operator::UpdateGateway,
    ) -> Answered<operator::Gateway> {
        let command = UpdateGateway {
            id: request.virtual_gateway_id,
            name: request.name,
            handoffs: request.handoffs.map(texts),
        };
        Ok(self.gateway(&self.run(call, &command).await?, AVAILABLE))
    }

    pub(super) async fn delete_gateway(
        &self,
        call: &Call,
        request: operator::DeleteGateway,
    ) -> Answered<operator::Gateway> {
        let deleted = self.run(call, &DeleteGateway(request.virtual_gateway_id)).await?;
        Ok(self.gateway(&deleted, "deleted"))
    }

    pub(super) async fn list_gateways(
        &self,
        call: &Call,
        request: operator::ListGateways,
    ) -> Answered<operator::GatewayList> {
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (mut found, next_token) = match (&request.virtual_gateway_id, &request.account_id) {
            (Some(id), _) => (vec![self.find::<Gateway>(call, id).await?], None),
            (None, None) => self.list(&Index::<Gateway>::everything(), asked).await?,
            (None, Some(id)) => {
                let account = self.existing_account(id).await?;
                self.list(&Index::<Gateway>::of_account(&account), asked).await?
            }
        };
        found.retain(|gateway| {
            request.account_id.as_deref().is_none_or(|id| gateway.owner.as_str() == id)
        });
        let virtual_gateways = found.iter().map(|found| self.gateway(found, AVAILABLE)).collect();
        Ok(operator::GatewayList { virtual_gateways, next_token })
    }

    fn gateway(&self, gateway: &Gateway, state: &str) -> operator::Gateway {
        let (mut handoffs, mut errors) = (Vec::new(), Vec::new());
        for handoff in &gateway.handoffs {
            let has_session = handoff.fabric_peer.is_some();
            let heard = has_session.then(|| self.feed.heard(&handoff.edge)).flatten();
            let domain = RoutingDomainId::of_virtual_gateway(&gateway.id);
            let (shown, error) = fabric::handoff(&domain, handoff, heard.as_deref());
            handoffs.push(shown);
            errors.extend(error);
        }
        operator::Gateway {
            virtual_gateway_id: gateway.id.to_string(),
            name: gateway.name.clone(),
            account_id: gateway.owner.to_string(),
            amazon_side_asn: i64::from(gateway.asn.number()),
            vpc_id: gateway.vpc.to_string(),
            cidrs: gateway.cidrs.iter().map(ToString::to_string).collect(),
            handoffs,
            virtual_gateway_state: state.to_owned(),
            error: (!errors.is_empty()).then(|| errors.join("; ")),
        }
    }
}

/// The state of a gateway that there is: a deleted one leaves no record.
pub(super) const AVAILABLE: &str = "available";

/// Handoffs as a request names them.
pub(super) fn texts(handoffs: Vec<operator::Handoff>) -> Vec<HandoffText> {
    let text = |handoff: operator::Handoff| HandoffText {
        edge: handoff.edge_id,
        interface: handoff.interface,
        next_hop: handoff.next_hop,
        fabric_peer: handoff.fabric_peer.map(|peer| FabricPeerText {
            address: peer.address,
            asn: peer.asn,
            auth_key: peer.auth_key.map(|key| Secret(key.into_exposed())),
        }),
    };
    handoffs.into_iter().map(text).collect()
}
