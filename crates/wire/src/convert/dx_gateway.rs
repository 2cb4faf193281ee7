//! Direct Connect gateways, and the interfaces that lead to them.

use linkway_domain::dx_gateway::DirectConnectGateway;
use linkway_domain::dx_gateway::decide::{
    CreateDirectConnectGateway, DeleteDirectConnectGateway, UpdateDirectConnectGateway,
};
use linkway_domain::tag::Tags;
use linkway_domain::virtual_interface::{
    AttachmentState, InterfaceKind, InterfaceReport, VirtualInterface,
};

use super::{tag_pairs, tags};
use crate::generated as wire;

/// A Direct Connect gateway, with what its reader has labelled it with.
#[must_use]
pub fn dx_gateway(
    record: &DirectConnectGateway,
    labels: Option<&Tags>,
) -> wire::DirectConnectGateway {
    wire::DirectConnectGateway {
        amazon_side_asn: Some(i64::from(record.asn.number())),
        direct_connect_gateway_id: Some(record.id.to_string()),
        direct_connect_gateway_name: Some(record.name.clone()),
        direct_connect_gateway_state: Some(record.phase.as_str().into()),
        owner_account: Some(record.owner.to_string()),
        tags: Some(tags(labels.into_iter().flat_map(Tags::iter))),
        ..wire::DirectConnectGateway::default()
    }
}

/// An interface as what is attached to a Direct Connect gateway; `None` if it never led to one.
#[must_use]
pub fn dx_attachment(
    record: &VirtualInterface,
    report: Option<&InterfaceReport>,
    region: &str,
) -> Option<wire::DirectConnectGatewayAttachment> {
    let gateway = record.attachment.as_ref()?.gateway.direct_connect_gateway()?;
    let state = AttachmentState::of(record.phase, report)?;
    let kind = match record.kind {
        InterfaceKind::Transit => wire::DirectConnectGatewayAttachmentType::TransitVirtualInterface,
        InterfaceKind::Private | InterfaceKind::Public => {
            wire::DirectConnectGatewayAttachmentType::PrivateVirtualInterface
        }
    };
    let error = report.filter(|_| state == AttachmentState::Attaching);
    Some(wire::DirectConnectGatewayAttachment {
        attachment_state: Some(state.as_str().into()),
        attachment_type: Some(kind),
        direct_connect_gateway_id: Some(gateway.to_string()),
        state_change_error: error.and_then(|report| report.error.clone()),
        virtual_interface_id: Some(record.id.to_string()),
        virtual_interface_owner_account: Some(record.owner.to_string()),
        virtual_interface_region: Some(region.to_owned()),
    })
}

impl From<wire::CreateDirectConnectGatewayRequest> for CreateDirectConnectGateway {
    fn from(request: wire::CreateDirectConnectGatewayRequest) -> Self {
        Self {
            name: request.direct_connect_gateway_name.unwrap_or_default(),
            asn: request.amazon_side_asn,
            tags: tag_pairs(request.tags),
        }
    }
}

impl From<wire::UpdateDirectConnectGatewayRequest> for UpdateDirectConnectGateway {
    fn from(request: wire::UpdateDirectConnectGatewayRequest) -> Self {
        Self {
            gateway: request.direct_connect_gateway_id.unwrap_or_default(),
            name: request.new_direct_connect_gateway_name.unwrap_or_default(),
        }
    }
}

impl From<wire::DeleteDirectConnectGatewayRequest> for DeleteDirectConnectGateway {
    fn from(request: wire::DeleteDirectConnectGatewayRequest) -> Self {
        Self(request.direct_connect_gateway_id.unwrap_or_default())
    }
}
