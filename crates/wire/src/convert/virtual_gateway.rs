//! Virtual gateways.

use linkway_domain::virtual_gateway::Gateway;

use crate::generated as wire;

/// A virtual gateway; a deleted one leaves no record, so what is there is available.
#[must_use]
pub fn virtual_gateway(record: &Gateway) -> wire::VirtualGateway {
    wire::VirtualGateway {
        virtual_gateway_id: Some(record.id.to_string()),
        virtual_gateway_state: Some("available".to_owned()),
    }
}
