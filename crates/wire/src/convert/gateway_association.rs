//! Associations of gateways with Direct Connect gateways, and proposals of them.

use linkway_domain::Time;
use linkway_domain::association_proposal::Proposal;
use linkway_domain::association_proposal::decide::{
    AcceptProposal, CreateProposal, DeleteProposal,
};
use linkway_domain::gateway_association::allowed::PrefixChange;
use linkway_domain::gateway_association::decide::{
    CreateAssociation, DeleteAssociation, UpdateAssociation,
};
use linkway_domain::gateway_association::{AllowedPrefixes, AssociatedGateway, Association, State};
use linkway_domain::id::AccountId;

use crate::generated as wire;

/// An association in a state.
#[must_use]
pub fn association(
    record: &Association,
    state: State,
    region: &str,
) -> wire::DirectConnectGatewayAssociation {
    let is_virtual = record.associated.virtual_gateway().is_some();
    wire::DirectConnectGatewayAssociation {
        allowed_prefixes_to_direct_connect_gateway: Some(prefixes(&record.allowed)),
        associated_gateway: Some(associated(&record.associated, &record.associated_owner, region)),
        association_id: Some(record.id.to_string()),
        association_state: Some(state.as_str().into()),
        direct_connect_gateway_id: Some(record.gateway.to_string()),
        direct_connect_gateway_owner_account: Some(record.gateway_owner.to_string()),
        virtual_gateway_id: record.associated.virtual_gateway().map(ToString::to_string),
        virtual_gateway_owner_account: is_virtual.then(|| record.associated_owner.to_string()),
        virtual_gateway_region: is_virtual.then(|| region.to_owned()),
        ..wire::DirectConnectGatewayAssociation::default()
    }
}

/// A proposal.
#[must_use]
pub fn proposal(
    record: &Proposal,
    region: &str,
    now: Time,
) -> wire::DirectConnectGatewayAssociationProposal {
    wire::DirectConnectGatewayAssociationProposal {
        associated_gateway: Some(associated(&record.associated, &record.associated_owner, region)),
        direct_connect_gateway_id: Some(record.gateway.to_string()),
        direct_connect_gateway_owner_account: Some(record.gateway_owner.to_string()),
        existing_allowed_prefixes_to_direct_connect_gateway: Some(prefixes(&record.existing)),
        proposal_id: Some(record.id.to_string()),
        proposal_state: Some(record.phase_at(now).as_str().into()),
        requested_allowed_prefixes_to_direct_connect_gateway: Some(prefixes(&record.requested)),
    }
}

fn associated(
    gateway: &AssociatedGateway,
    owner: &AccountId,
    region: &str,
) -> wire::AssociatedGateway {
    let kind = match gateway {
        AssociatedGateway::Virtual(_) => wire::GatewayType::VirtualPrivateGateway,
        AssociatedGateway::Transit(_) => wire::GatewayType::TransitGateway,
    };
    wire::AssociatedGateway {
        id: Some(gateway.as_str().to_owned()),
        owner_account: Some(owner.to_string()),
        region: Some(region.to_owned()),
        r#type: Some(kind),
    }
}

fn prefixes(allowed: &AllowedPrefixes) -> Vec<wire::RouteFilterPrefix> {
    let prefix = |prefix: &dyn ToString| wire::RouteFilterPrefix { cidr: Some(prefix.to_string()) };
    allowed.as_slice().iter().map(|one| prefix(one)).collect()
}

fn texts(prefixes: Option<Vec<wire::RouteFilterPrefix>>) -> Vec<String> {
    let prefixes = prefixes.unwrap_or_default().into_iter();
    prefixes.map(|prefix| prefix.cidr.unwrap_or_default()).collect()
}

impl From<wire::CreateDirectConnectGatewayAssociationRequest> for CreateAssociation {
    fn from(request: wire::CreateDirectConnectGatewayAssociationRequest) -> Self {
        Self {
            gateway: request.direct_connect_gateway_id.unwrap_or_default(),
            associated: request.gateway_id,
            virtual_gateway: request.virtual_gateway_id,
            allowed: texts(request.add_allowed_prefixes_to_direct_connect_gateway),
        }
    }
}

impl From<wire::UpdateDirectConnectGatewayAssociationRequest> for UpdateAssociation {
    fn from(request: wire::UpdateDirectConnectGatewayAssociationRequest) -> Self {
        Self {
            association: request.association_id,
            change: PrefixChange {
                add: texts(request.add_allowed_prefixes_to_direct_connect_gateway),
                remove: texts(request.remove_allowed_prefixes_to_direct_connect_gateway),
            },
        }
    }
}

impl From<wire::DeleteDirectConnectGatewayAssociationRequest> for DeleteAssociation {
    fn from(request: wire::DeleteDirectConnectGatewayAssociationRequest) -> Self {
        Self {
            association: request.association_id,
            gateway: request.direct_connect_gateway_id,
            virtual_gateway: request.virtual_gateway_id,
        }
    }
}

impl From<wire::CreateDirectConnectGatewayAssociationProposalRequest> for CreateProposal {
    fn from(request: wire::CreateDirectConnectGatewayAssociationProposalRequest) -> Self {
        Self {
            gateway: request.direct_connect_gateway_id.unwrap_or_default(),
            gateway_owner: request.direct_connect_gateway_owner_account.unwrap_or_default(),
            associated: request.gateway_id.unwrap_or_default(),
            change: PrefixChange {
                add: texts(request.add_allowed_prefixes_to_direct_connect_gateway),
                remove: texts(request.remove_allowed_prefixes_to_direct_connect_gateway),
            },
        }
    }
}

impl From<wire::AcceptDirectConnectGatewayAssociationProposalRequest> for AcceptProposal {
    fn from(request: wire::AcceptDirectConnectGatewayAssociationProposalRequest) -> Self {
        Self {
            gateway: request.direct_connect_gateway_id.unwrap_or_default(),
            proposal: request.proposal_id.unwrap_or_default(),
            associated_owner: request.associated_gateway_owner_account.unwrap_or_default(),
            allowed: texts(request.override_allowed_prefixes_to_direct_connect_gateway),
        }
    }
}

impl From<wire::DeleteDirectConnectGatewayAssociationProposalRequest> for DeleteProposal {
    fn from(request: wire::DeleteDirectConnectGatewayAssociationProposalRequest) -> Self {
        Self(request.proposal_id.unwrap_or_default())
    }
}
