//! The operator's public networks, one at most on each edge.

use linkway_domain::id::RoutingDomainId;
use linkway_domain::index::Index;
use linkway_domain::key;
use linkway_domain::public_network::PublicNetwork;
use linkway_domain::public_network::decide::{DeletePublicNetwork, PutPublicNetwork};
use linkway_wire::operator;

use super::page::Asked;
use super::virtual_gateway::texts;
use super::{Answered, Api, Call, fabric};

impl Api {
    pub(super) async fn put_public_network(
        &self,
        call: &Call,
        request: operator::PutPublicNetwork,
    ) -> Answered<operator::PublicNetwork> {
        let command = PutPublicNetwork {
            edge: request.edge_id,
            prefixes: request.prefixes,
            handoffs: texts(request.handoffs),
        };
        Ok(self.public_network(&self.run(call, &command).await?))
    }

    pub(super) async fn delete_public_network(
        &self,
        call: &Call,
        request: operator::DeletePublicNetwork,
    ) -> Answered<operator::PublicNetwork> {
        let deleted = self.run(call, &DeletePublicNetwork(request.edge_id)).await?;
        Ok(self.public_network(&deleted))
    }

    pub(super) async fn list_public_networks(
        &self,
        _: &Call,
        request: operator::ListPublicNetworks,
    ) -> Answered<operator::PublicNetworkList> {
        let asked = Asked::by_operator(request.max_results, request.next_token.as_deref())?;
        let (found, next_token): (Vec<PublicNetwork>, _) = match &request.edge_id {
            Some(id) => {
                let edge = self.existing_edge(id).await?;
                (self.records.present(&[key::public_network(&edge)]).await?, None)
            }
            None => self.list(&Index::<PublicNetwork>::everything(), asked).await?,
        };
        let public_networks = found.iter().map(|found| self.public_network(found)).collect();
        Ok(operator::PublicNetworkList { public_networks, next_token })
    }

    fn public_network(&self, network: &PublicNetwork) -> operator::PublicNetwork {
        let (mut handoffs, mut errors) = (Vec::new(), Vec::new());
        let domain = RoutingDomainId::public();
        for handoff in &network.handoffs {
            let has_session = handoff.fabric_peer.is_some();
            let heard = has_session.then(|| self.feed.heard(&handoff.edge)).flatten();
            let (shown, error) = fabric::handoff(&domain, handoff, heard.as_deref());
            handoffs.push(shown);
            errors.extend(error);
        }
        operator::PublicNetwork {
            edge_id: network.edge.to_string(),
            prefixes: network.prefixes.iter().map(ToString::to_string).collect(),
            handoffs,
            error: (!errors.is_empty()).then(|| errors.join("; ")),
        }
    }
}
