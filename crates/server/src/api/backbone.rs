//! The backbones of Direct Connect gateways, which are the operator's.

use linkway_domain::backbone::Backbone;
use linkway_domain::backbone::decide::{DeleteBackbone, PutBackbone};
use linkway_domain::dx_gateway::DirectConnectGateway;
use linkway_domain::fault::Fault;
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_wire::operator;

use super::page::Asked;
use super::virtual_gateway::texts;
use super::{Answered, Api, Call, fabric};

impl Api {
    pub(super) async fn put_backbone(
        &self,
        call: &Call,
        request: operator::PutBackbone,
    ) -> Answered<operator::Backbone> {
        let command = PutBackbone {
            gateway: request.direct_connect_gateway_id,
            handoffs: texts(request.handoffs),
        };
        Ok(self.backbone(&self.run(call, &command).await?))
    }

    pub(super) async fn delete_backbone(
        &self,
        call: &Call,
        request: operator::DeleteBackbone,
    ) -> Answered<operator::Backbone> {
        let deleted = self.run(call, &DeleteBackbone(request.direct_connect_gateway_id)).await?;
        Ok(self.backbone(&deleted))
    }

    pub(super) async fn list_backbones(
        &self,
        call: &Call,
        request: operator::ListBackbones,
    ) -> Answered<operator::BackboneList> {
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (found, next_token): (Vec<Backbone>, _) = match &request.direct_connect_gateway_id {
            Some(id) => {
                let gateway = self.find::<DirectConnectGateway>(call, id).await?.id;
                let found = self.records.present(&[key::backbone(&gateway)]).await?;
                if found.is_empty() {
                    let rule = "has no backbone";
                    return Err(Fault::field("directConnectGatewayId", &gateway, rule).into());
                }
                (found, None)
            }
            None => self.list(&Index::<Backbone>::everything(), asked).await?,
        };
        let backbones = found.iter().map(|found| self.backbone(found)).collect();
        Ok(operator::BackboneList { backbones, next_token })
    }

    fn backbone(&self, backbone: &Backbone) -> operator::Backbone {
        let (mut handoffs, mut errors) = (Vec::new(), Vec::new());
        for handoff in &backbone.handoffs {
            let heard = self.feed.heard(&handoff.edge);
            let (shown, error) =
                fabric::handoff(&backbone.routing_domain, handoff, heard.as_deref());
            handoffs.push(shown);
            errors.extend(error);
        }
        operator::Backbone {
            direct_connect_gateway_id: backbone.gateway.to_string(),
            handoffs,
            error: (!errors.is_empty()).then(|| errors.join("; ")),
        }
    }
}
