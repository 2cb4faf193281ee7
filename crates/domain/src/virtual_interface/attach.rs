//! What an interface leads to: the gateway that a request names, and the rules between its peers and that gateway.

use super::new::subnet_index;
use super::options::path;
use super::{Attachment, GatewayId, InterfaceKind, VirtualInterface};
use crate::access::{self, Action};
use crate::bgp_peer::BgpPeer;
use crate::decide::Context;
use crate::dx_gateway::{self, DirectConnectGateway};
use crate::fault::Fault;
use crate::id::RoutingDomainId;
use crate::key;
use crate::net::PeerAddresses;
use crate::quota::Counter;
use crate::record::Claim;
use crate::view::{Asked, View};
use crate::virtual_gateway::Gateway;

/// Which gateway a request names for an interface of a kind.
pub(super) struct Chosen<'a> {
    pub kind: InterfaceKind,
    pub gateway: Option<&'a str>,
    pub direct: Option<&'a str>,
}

impl Chosen<'_> {
    /// What an interface that leads there is attached to.
    pub(super) fn find(
        &self,
        view: &View,
        parent: &str,
        context: &Context<'_>,
    ) -> Asked<Attachment> {
        match (self.gateway, self.direct) {
            (Some(id), None) => {
                Ok(access::find::<Gateway>(view, context, Action::Use, id)?.into())
            }
            (None, Some(id)) => {
                let gateway = dx_gateway::decide::available(view, context, Action::Use, id)?;
                self.kinds_agree(view, &format!("{parent}directConnectGatewayId"), gateway)?;
                Ok(gateway.into())
            }
            (Some(_), Some(_)) => Err(Fault::client(format!(
                "{parent}virtualGatewayId and {parent}directConnectGatewayId exclude each other: give one of them."
            ))
            .into()),
            (None, None) if self.kind == InterfaceKind::Transit => {
                let field = format!("{parent}directConnectGatewayId");
                let rule = "a transit Virtual Interface needs a Direct Connect gateway".to_owned();
                Err(Fault::Required { field, rule }.into())
            }
            (None, None) => Err(Fault::client(format!(
                "{parent}virtualGatewayId is required: a private Virtual Interface needs virtualGatewayId or \
                 directConnectGatewayId."
            ))
            .into()),
        }
    }

    /// A Direct Connect gateway has virtual gateways and private interfaces, or transit gateways and transit interfaces. Every
    /// commit that adds one of these changes a counter that is read here.
    fn kinds_agree(&self, view: &View, field: &str, gateway: &DirectConnectGateway) -> Asked<()> {
        let is_transit = self.kind == InterfaceKind::Transit;
        let counters = [Counter::Associations(&gateway.id), Counter::Attached(&gateway.id)];
        view.want(counters.iter().map(Counter::key))?;
        let others = match is_transit {
            true => ["virtual gateways", "private Virtual Interfaces"],
            false => ["transit gateways", "transit Virtual Interfaces"],
        };
        for (counter, others) in counters.iter().zip(others) {
            let used = view.count(counter)?.copied().unwrap_or_default();
            let mixes = if is_transit { used.total > used.transit } else { used.transit > 0 };
            if mixes {
                let own = self.kind.as_str();
                let rule =
                    format!("has {others}, beside which it takes no {own} Virtual Interfaces");
                return Err(Fault::field(field, &gateway.id, rule).into());
            }
        }
        Ok(())
    }
}

/// What an interface that leads to a gateway is attached to.
impl From<&Gateway> for Attachment {
    fn from(gateway: &Gateway) -> Self {
        Self {
            gateway: GatewayId::Virtual(gateway.id.clone()),
            routing_domain: RoutingDomainId::of_virtual_gateway(&gateway.id),
            asn: gateway.asn,
        }
    }
}

impl From<&DirectConnectGateway> for Attachment {
    fn from(gateway: &DirectConnectGateway) -> Self {
        Self {
            gateway: GatewayId::DirectConnect(gateway.id.clone()),
            routing_domain: gateway.routing_domain.clone(),
            asn: gateway.asn,
        }
    }
}

/// A /30 that no interface of this routing domain has on this router: the VLAN's own, or one of the next.
pub(crate) fn free_subnet(
    view: &View,
    attachment: &Attachment,
    interface: &VirtualInterface,
) -> Asked<PeerAddresses> {
    for attempt in 0..4 {
        let index = subnet_index(&interface.connection, interface.vlan, attempt);
        let addresses = PeerAddresses::link_local(index);
        if holder(view, attachment, interface, &addresses)?.is_none() {
            return Ok(addresses);
        }
    }
    let text = "No free /30 of 169.254.0.0/16 was found for this gateway: give amazonAddress and customerAddress.";
    Err(Fault::client(text).into())
}

/// Who of the same routing domain on the same router has a part of this subnet.
fn holder<'v>(
    view: &'v View,
    attachment: &Attachment,
    interface: &VirtualInterface,
    addresses: &PeerAddresses,
) -> Asked<Option<&'v Claim>> {
    let pieces = addresses.pieces();
    let domain = &attachment.routing_domain;
    view.want(pieces.iter().map(|p| key::peer_subnet(domain, &interface.edge, p)))?;
    for piece in &pieces {
        if let Some(claim) = view.peer_subnet(domain, &interface.edge, piece)? {
            return Ok(Some(claim));
        }
    }
    Ok(None)
}

/// The rules between a peer and the gateway that its interface leads to.
pub(crate) fn peer_fits(
    view: &View,
    parent: &str,
    attachment: &Attachment,
    interface: &VirtualInterface,
    peer: &BgpPeer,
) -> Asked<()> {
    let gateway = match &attachment.gateway {
        GatewayId::Virtual(id) => id.as_str(),
        GatewayId::DirectConnect(id) => id.as_str(),
        GatewayId::Public => "of the public network",
    };
    if peer.asn.number() == attachment.asn.number() {
        let rule =
            format!("is the AS number of gateway {gateway} itself; the two sides must differ");
        return Err(Fault::field(&path(parent, "asn"), peer.asn, rule).into());
    }
    if let Some(claim) = holder(view, attachment, interface, &peer.addresses)? {
        let rule = match attachment.gateway {
            // The other one may be another account's, who is nobody's business.
            GatewayId::Public => {
                "overlaps the peer subnet of another public Virtual Interface on the same router"
                    .to_owned()
            }
            GatewayId::Virtual(_) | GatewayId::DirectConnect(_) => format!(
                "overlaps the peer subnet of Virtual Interface {} of the same gateway {gateway} on the same router",
                claim.interface
            ),
        };
        let address = peer.addresses.customer();
        return Err(Fault::field(&path(parent, "customerAddress"), address, rule).into());
    }
    Ok(())
}

/// Leads an interface to a gateway.
pub(super) fn attach(
    view: &View,
    parent: &str,
    interface: &mut VirtualInterface,
    attachment: Attachment,
) -> Asked<()> {
    for peer in &interface.peers {
        peer_fits(view, parent, &attachment, interface, peer)?;
    }
    interface.attachment = Some(attachment);
    Ok(())
}
