//! Virtual gateways: the operator makes and deletes them, their owners see them.

use linkway_domain::index::Index;
use linkway_domain::virtual_gateway::Gateway;
use linkway_domain::virtual_gateway::decide::{CreateGateway, DeleteGateway, HandoffText};
use linkway_wire::{convert, generated, operator};

use super::page::Asked;
use super::{Answered, Api, Call};

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
        let handoffs = request.handoffs.into_iter().map(|handoff| HandoffText {
            edge: handoff.edge_id,
            interface: handoff.interface,
            next_hop: handoff.next_hop,
        });
        let command = CreateGateway {
            account: request.account_id,
            asn: Some(request.amazon_side_asn),
            vpc: request.vpc_id,
            cidrs: request.cidrs,
            handoffs: handoffs.collect(),
        };
        Ok(gateway(&self.run(call, &command).await?, AVAILABLE))
    }

    pub(super) async fn delete_gateway(
        &self,
        call: &Call,
        request: operator::DeleteGateway,
    ) -> Answered<operator::Gateway> {
        let deleted = self.run(call, &DeleteGateway(request.virtual_gateway_id)).await?;
        Ok(gateway(&deleted, "deleted"))
    }

    pub(super) async fn list_gateways(
        &self,
        _: &Call,
        request: operator::ListGateways,
    ) -> Answered<operator::GatewayList> {
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (found, next_token) = self.list(&Index::<Gateway>::everything(), asked).await?;
        let virtual_gateways = found.iter().map(|found| gateway(found, AVAILABLE)).collect();
        Ok(operator::GatewayList { virtual_gateways, next_token })
    }
}

/// The state of a gateway that there is: a deleted one leaves no record.
const AVAILABLE: &str = "available";

fn gateway(gateway: &Gateway, state: &str) -> operator::Gateway {
    let handoffs = gateway.handoffs.iter().map(|handoff| operator::Handoff {
        edge_id: handoff.edge.to_string(),
        interface: handoff.interface.to_string(),
        next_hop: handoff.next_hop.to_string(),
    });
    operator::Gateway {
        virtual_gateway_id: gateway.id.to_string(),
        account_id: gateway.owner.to_string(),
        amazon_side_asn: i64::from(gateway.asn.number()),
        vpc_id: gateway.vpc.to_string(),
        cidrs: gateway.cidrs.iter().map(ToString::to_string).collect(),
        handoffs: handoffs.collect(),
        virtual_gateway_state: state.to_owned(),
    }
}
