//! The sessions with the fabric: what gateways' handoffs have, and what the edges last said of them.

use linkway_domain::edge::FabricSessionStatus;
use linkway_domain::id::{EdgeId, RoutingDomainId};
use linkway_domain::net::AddressFamily;
use linkway_domain::virtual_gateway::{FabricPeer, Gateway, Handoff};
use linkway_wire::operator as wire;

use crate::feed::Heard;

/// Of an agent that knows nothing of the fabric's sessions and goes by the carrier.
const NOT_REPORTED: &str =
    "the edge says nothing of this session: upgrade linkway on the edge router";

/// What an edge said last of the session of a routing domain's handoff.
fn status<'a>(
    heard: &'a Heard,
    domain: &RoutingDomainId,
    peer: &FabricPeer,
) -> Option<&'a FabricSessionStatus> {
    let family: AddressFamily = peer.address.family();
    heard
        .status
        .fabric_sessions
        .iter()
        .find(|one| one.routing_domain_id == *domain && one.address_family == family)
}

/// The sessions of a gateway's handoffs on an edge, one of whose interfaces leads to the gateway.
pub(super) fn sessions<'a>(
    edge: &'a EdgeId,
    gateway: &'a Gateway,
    heard: Option<&'a Heard>,
) -> impl Iterator<Item = wire::FabricSession> + use<'a> {
    let handoffs = gateway.handoffs.iter().filter(move |handoff| handoff.edge == *edge);
    let with_peer = handoffs.filter_map(|handoff| Some((handoff, handoff.fabric_peer.as_ref()?)));
    with_peer.map(move |(handoff, peer)| {
        let domain = RoutingDomainId::of_virtual_gateway(&gateway.id);
        let said = heard.and_then(|heard| status(heard, &domain, peer));
        let error = match (heard, said) {
            (None, _) => None,
            (Some(_), None) => Some(NOT_REPORTED.to_owned()),
            (Some(_), Some(said)) => said.error.clone(),
        };
        wire::FabricSession {
            virtual_gateway_id: gateway.id.to_string(),
            interface: handoff.interface.to_string(),
            address: peer.address.to_string(),
            asn: i64::from(peer.asn),
            state: said.map(|said| said.state),
            reachable: said.map(|said| said.reachable),
            prefixes_accepted: said.map(|said| said.prefixes_accepted),
            prefixes_advertised: said.map(|said| said.prefixes_advertised),
            error,
        }
    })
}

/// A handoff of a routing domain, and why its session is not up if the edge said so.
pub(super) fn handoff(
    domain: &RoutingDomainId,
    handoff: &Handoff,
    heard: Option<&Heard>,
) -> (wire::GatewayHandoff, Option<String>) {
    let peer = handoff.fabric_peer.as_ref();
    let said = peer.zip(heard).and_then(|(peer, heard)| status(heard, domain, peer));
    let shown = wire::GatewayHandoff {
        edge_id: handoff.edge.to_string(),
        interface: handoff.interface.to_string(),
        next_hop: handoff.next_hop.to_string(),
        fabric_peer: peer.map(|peer| wire::HandoffPeer {
            address: peer.address.to_string(),
            asn: i64::from(peer.asn),
            authenticated: peer.auth_key.is_some(),
            state: said.map(|said| said.state),
        }),
    };
    let error = said.and_then(|said| said.error.as_ref());
    (shown, error.map(|error| format!("{}: {error}", handoff.edge)))
}
