//! Proposals of associations: made by the owner of one gateway, answered by the owner of the other.

use std::sync::atomic::Ordering;

use linkway_domain::association_proposal::Proposal;
use linkway_domain::association_proposal::decide::{
    AcceptProposal, CreateProposal, DeleteProposal,
};
use linkway_domain::index::Index;
use linkway_wire::{convert, generated as wire};

use super::page::{Asked, element_bytes};
use super::{Answered, Api, Call};
use crate::clock;

impl Api {
    pub(super) async fn create_association_proposal(
        &self,
        call: &Call,
        request: wire::CreateDirectConnectGatewayAssociationProposalRequest,
    ) -> Answered<wire::CreateDirectConnectGatewayAssociationProposalResult> {
        let made = self.run(call, &CreateProposal::from(request)).await?;
        Ok(wire::CreateDirectConnectGatewayAssociationProposalResult {
            direct_connect_gateway_association_proposal: Some(self.show_proposal(&made)),
        })
    }

    pub(super) async fn accept_association_proposal(
        &self,
        call: &Call,
        request: wire::AcceptDirectConnectGatewayAssociationProposalRequest,
    ) -> Answered<wire::AcceptDirectConnectGatewayAssociationProposalResult> {
        let association = self.run(call, &AcceptProposal::from(request)).await?;
        Ok(wire::AcceptDirectConnectGatewayAssociationProposalResult {
            direct_connect_gateway_association: Some(self.show_association(association).await?),
        })
    }

    pub(super) async fn delete_association_proposal(
        &self,
        call: &Call,
        request: wire::DeleteDirectConnectGatewayAssociationProposalRequest,
    ) -> Answered<wire::DeleteDirectConnectGatewayAssociationProposalResult> {
        let deleted = self.run(call, &DeleteProposal::from(request)).await?;
        Ok(wire::DeleteDirectConnectGatewayAssociationProposalResult {
            direct_connect_gateway_association_proposal: Some(self.show_proposal(&deleted)),
        })
    }

    /// Both sides see a proposal. An id that the caller may not know of has an empty answer.
    pub(super) async fn describe_association_proposals(
        &self,
        call: &Call,
        request: wire::DescribeDirectConnectGatewayAssociationProposalsRequest,
    ) -> Answered<wire::DescribeDirectConnectGatewayAssociationProposalsResult> {
        let account = call.account()?;
        let now = clock::now();
        let gateway = request.direct_connect_gateway_id.as_deref();
        let associated = request.associated_gateway_id.as_deref();
        let wanted = |record: &Proposal| {
            let of_gateway = gateway.is_none_or(|id| record.gateway.as_str() == id);
            let of_associated = associated.is_none_or(|id| record.associated.as_str() == id);
            let is_seen = record.is_visible_to(account) && !record.is_purged(now);
            of_gateway && of_associated && is_seen
        };
        let mut proposals = Vec::new();
        let mut next_token = None;
        if let Some(id) = &request.proposal_id {
            let found = self.find_if_any::<Proposal>(call, id).await?;
            proposals.extend(found.iter().filter(|it| wanted(it)).map(|it| self.show_proposal(it)));
            call.showed_nothing.store(proposals.is_empty(), Ordering::Relaxed);
        } else {
            let index = Index::<Proposal>::of_account(account);
            let asked = Asked::by_tenant(request.max_results, request.next_token.as_deref())?;
            let mut list = self.tenants_list(call, &index, asked).await?;
            while let Some(found) = list.next().await? {
                let shown = found.iter().filter(|it| wanted(it)).map(|it| self.show_proposal(it));
                let shown: Vec<_> = shown.collect();
                list.took(shown.iter().map(bytes).sum());
                proposals.extend(shown);
            }
            next_token = list.next_token();
        }
        Ok(wire::DescribeDirectConnectGatewayAssociationProposalsResult {
            direct_connect_gateway_association_proposals: Some(proposals),
            next_token,
        })
    }

    fn show_proposal(&self, record: &Proposal) -> wire::DirectConnectGatewayAssociationProposal {
        convert::proposal(record, &self.records.settings().region, clock::now())
    }
}

/// About what a proposal takes in an answer, in bytes.
fn bytes(shown: &wire::DirectConnectGatewayAssociationProposal) -> usize {
    let existing = shown.existing_allowed_prefixes_to_direct_connect_gateway.as_ref();
    let requested = shown.requested_allowed_prefixes_to_direct_connect_gateway.as_ref();
    let prefixes = [existing, requested].into_iter().flatten().map(Vec::len).sum::<usize>();
    element_bytes(None) + 64 * prefixes
}
