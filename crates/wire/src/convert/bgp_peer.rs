//! BGP peers.

use linkway_domain::bgp_peer::decide::{CreateBgpPeer, DeleteBgpPeer};

use super::secret;
use crate::generated::{CreateBGPPeerRequest, DeleteBGPPeerRequest};

impl From<CreateBGPPeerRequest> for CreateBgpPeer {
    fn from(request: CreateBGPPeerRequest) -> Self {
        let new = request.new_bgp_peer.unwrap_or_default();
        Self {
            interface: request.virtual_interface_id.unwrap_or_default(),
            asn: new.asn,
            asn_long: new.asn_long,
            auth_key: secret(new.auth_key),
            address_family: new.address_family.map(|family| family.to_string()),
            amazon_address: new.amazon_address,
            customer_address: new.customer_address,
        }
    }
}

impl From<DeleteBGPPeerRequest> for DeleteBgpPeer {
    fn from(request: DeleteBGPPeerRequest) -> Self {
        Self {
            interface: request.virtual_interface_id.unwrap_or_default(),
            peer: request.bgp_peer_id,
            asn: request.asn,
            asn_long: request.asn_long,
            customer_address: request.customer_address,
        }
    }
}
