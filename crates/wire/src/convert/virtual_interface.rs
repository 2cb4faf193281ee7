//! Virtual interfaces as the model's structures. This is the answer that is asked for most, so it borrows from the record
//! and is written straight into the body; `tests/clients` holds the members of every answer to those of the model.

use compact_str::{CompactString, ToCompactString};
use linkway_domain::bgp_peer::{BgpPeer, PeerPhase};
use linkway_domain::id::{DirectConnectGatewayId, VirtualGatewayId};
use linkway_domain::net::{AddressFamily, RateLimit};
use linkway_domain::router_configuration::{Document, RouterType, router_configuration as render};
use linkway_domain::tag::Tags;
use linkway_domain::virtual_interface::decide::{
    AllocatePrivateVirtualInterface, ConfirmPrivateVirtualInterface, CreatePrivateVirtualInterface,
    DeleteVirtualInterface,
};
use linkway_domain::virtual_interface::moving::AssociateVirtualInterface;
use linkway_domain::virtual_interface::options::PrefixNumbers;
use linkway_domain::virtual_interface::update::UpdateVirtualInterfaceAttributes;
use linkway_domain::virtual_interface::{GatewayId, Phase, State, VirtualInterface};
use serde::{Serialize, Serializer};

use super::View;
use crate::generated as wire;
use crate::generated::{
    AllocatePrivateVirtualInterfaceRequest, AssociateVirtualInterfaceRequest,
    ConfirmPrivateVirtualInterfaceRequest, CreatePrivateVirtualInterfaceRequest,
    DeleteVirtualInterfaceRequest, UpdateVirtualInterfaceAttributesRequest,
};
use crate::value::Secret;

/// The model's `VirtualInterface`, for one of the two who share it. As in answers of the real service every member is
/// there, and a text or list without a value is empty; only members of what is not built are absent. The operator sees no
/// tags: they are the tenants'.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interface<'a> {
    address_family: &'static str,
    amazon_address: CompactString,
    amazon_side_asn: u32,
    asn: u32,
    asn_long: u32,
    auth_key: &'a str,
    aws_device_v2: &'a str,
    aws_logical_device_id: &'a str,
    bgp_peers: Vec<Peer<'a>>,
    connection_id: &'a str,
    customer_address: CompactString,
    customer_router_config: RouterConfig<'a>,
    direct_connect_gateway_id: &'a str,
    jumbo_frame_capable: bool,
    location: &'a str,
    mtu: u16,
    owner_account: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_pool_allocated_count_ipv4: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix_pool_allocated_count_ipv6: Option<u16>,
    rate_limit: &'static str,
    region: &'a str,
    route_filter_prefixes: Vec<RouteFilterPrefix>,
    site_link_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Vec<Tag<'a>>>,
    virtual_gateway_id: &'a str,
    virtual_interface_id: &'a str,
    virtual_interface_name: &'a str,
    virtual_interface_state: &'static str,
    virtual_interface_type: &'static str,
    vlan: u16,
}

/// The model's `VirtualInterfaces`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Interfaces<T> {
    /// The interfaces of this page, which are written as [`Interface`]s.
    pub virtual_interfaces: Vec<T>,
    /// Where the next page starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// An interface within an answer (`CreateBGPPeerResponse` and others).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wrapped<T> {
    /// The interface, which is written as an [`Interface`].
    pub virtual_interface: T,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Peer<'a> {
    address_family: &'static str,
    amazon_address: CompactString,
    asn: u32,
    asn_long: u32,
    auth_key: &'a str,
    aws_device_v2: &'a str,
    aws_logical_device_id: &'a str,
    bgp_peer_id: &'a str,
    bgp_peer_state: wire::BGPPeerState,
    bgp_status: wire::BGPStatus,
    customer_address: CompactString,
}

#[derive(Serialize)]
struct RouteFilterPrefix {
    cidr: CompactString,
}

#[derive(Serialize)]
struct Tag<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

impl<'a> Interface<'a> {
    /// As one of its two sides, or the operator, sees a record.
    #[must_use]
    pub fn new(record: &'a VirtualInterface, view: View<'a>) -> Self {
        let state = record.state(view.now, view.report, view.edge_silent);
        // Of one that is moved the peers that go are shown, and those that come.
        let moving = record.moving.as_ref();
        let coming = moving.into_iter().flat_map(|moving| {
            moving.peers.iter().map(|peer| Peer {
                aws_device_v2: moving.edge.as_str(),
                aws_logical_device_id: moving.edge.as_str(),
                bgp_peer_state: wire::BGPPeerState::Pending,
                bgp_status: wire::BGPStatus::Down,
                ..Peer::new(record, peer, state, &view)
            })
        });
        let peers = record.peers.iter().map(|peer| Peer::new(record, peer, state, &view));
        let peers: Vec<Peer<'_>> = peers.chain(coming).collect();
        let peer = Peer::new(record, record.first_peer(), state, &view);
        let tags = view.tags.into_iter().flat_map(Tags::iter);
        let tags = tags.map(|(key, value)| Tag { key, value }).collect();
        // The gateway is the recipient's: the lender of a hosted interface learns its AS number, not its name.
        let of_reader = view.reader.is_none_or(|reader| *reader == record.owner);
        let attachment = record.attachment.as_ref().filter(|_| of_reader);
        let gateway = attachment.map(|attached| &attached.gateway);
        Self {
            address_family: peer.address_family,
            amazon_address: peer.amazon_address,
            amazon_side_asn: record.amazon_asn().number(),
            asn: peer.asn,
            asn_long: peer.asn_long,
            auth_key: peer.auth_key,
            aws_device_v2: peer.aws_device_v2,
            aws_logical_device_id: peer.aws_logical_device_id,
            connection_id: record.shown_connection().as_str(),
            customer_address: peer.customer_address,
            customer_router_config: RouterConfig(record),
            bgp_peers: peers,
            direct_connect_gateway_id: gateway
                .and_then(GatewayId::direct_connect_gateway)
                .map_or("", DirectConnectGatewayId::as_str),
            jumbo_frame_capable: moving.map_or(record.jumbo, |moving| moving.jumbo),
            location: moving.map_or(&record.location, |moving| &moving.location).as_str(),
            mtu: record.mtu.bytes(),
            owner_account: record.owner.as_str(),
            prefix_pool_allocated_count_ipv4: record.allocated_prefixes(AddressFamily::Ipv4),
            prefix_pool_allocated_count_ipv6: record.allocated_prefixes(AddressFamily::Ipv6),
            rate_limit: record.options.rate_limit.map_or("", RateLimit::as_str),
            region: view.region,
            route_filter_prefixes: record
                .options
                .route_filter_prefixes
                .iter()
                .map(|prefix| RouteFilterPrefix { cidr: prefix.to_compact_string() })
                .collect(),
            site_link_enabled: record.options.site_link,
            tags: view.reader.map(|_| tags),
            virtual_gateway_id: gateway
                .and_then(GatewayId::virtual_gateway)
                .map_or("", VirtualGatewayId::as_str),
            virtual_interface_id: record.id.as_str(),
            virtual_interface_name: &record.name,
            virtual_interface_state: state.as_str(),
            virtual_interface_type: record.kind.as_str(),
            vlan: record.vlan.number(),
        }
    }

    /// The state alone, for the answers that have nothing else.
    #[must_use]
    pub fn state(&self) -> wire::VirtualInterfaceState {
        self.virtual_interface_state.into()
    }

    /// As the generated type, by way of the wire: for the operator's lists, which clear some of its members.
    ///
    /// # Panics
    ///
    /// If a member is none of the model's, which `tests/clients` would find.
    #[must_use]
    pub fn into_generated(self) -> wire::VirtualInterface {
        crate::json::decode(&crate::json::encode(&self)).expect("it is the model's structure")
    }
}

impl<'a> Peer<'a> {
    fn new(record: &'a VirtualInterface, peer: &'a BgpPeer, state: State, view: &View<'_>) -> Self {
        let family = peer.addresses.family();
        let report = view.report.and_then(|report| report.peer(family));
        Self {
            address_family: family.as_str(),
            amazon_address: peer.addresses.amazon().to_compact_string(),
            asn: peer.asn.in_asn(),
            asn_long: peer.asn.number(),
            auth_key: peer.auth_key.reveal(),
            aws_device_v2: record.edge.as_str(),
            aws_logical_device_id: record.edge.as_str(),
            bgp_peer_id: peer.id.as_str(),
            bgp_peer_state: peer_state(record, peer, view),
            bgp_status: bgp_status(state, report.is_some_and(|report| report.established)),
            customer_address: peer.addresses.customer().to_compact_string(),
        }
    }
}

fn peer_state(record: &VirtualInterface, peer: &BgpPeer, view: &View<'_>) -> wire::BGPPeerState {
    match (record.phase, peer.phase) {
        (Phase::Confirming, _) => wire::BGPPeerState::Pending,
        (Phase::Verifying, _) | (Phase::Accepted, PeerPhase::Verifying) => {
            wire::BGPPeerState::Verifying
        }
        (Phase::Accepted, PeerPhase::Live) => {
            let report = view.report.filter(|report| report.programmed);
            match report.and_then(|report| report.peer(peer.addresses.family())) {
                Some(_) => wire::BGPPeerState::Available,
                None => wire::BGPPeerState::Pending,
            }
        }
        (Phase::Accepted, PeerPhase::Deleting) | (Phase::Deleting | Phase::Moving, _) => {
            wire::BGPPeerState::Deleting
        }
        (Phase::Deleted | Phase::Rejected | Phase::Expired, _) => wire::BGPPeerState::Deleted,
    }
}

fn bgp_status(state: State, established: bool) -> wire::BGPStatus {
    match state {
        State::Available | State::Testing if established => wire::BGPStatus::Up,
        State::Unknown => wire::BGPStatus::Unknown,
        State::Confirming
        | State::Verifying
        | State::Pending
        | State::Available
        | State::Down
        | State::Testing
        | State::Deleting
        | State::Deleted
        | State::Rejected
        | State::Expired => wire::BGPStatus::Down,
    }
}

/// The XML document, written straight into the answer.
struct RouterConfig<'a>(&'a VirtualInterface);

impl Serialize for RouterConfig<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&Document::of(self.0))
    }
}

/// What is to be done on a router of a type.
#[must_use]
pub fn router_configuration(
    record: &VirtualInterface,
    router: RouterType,
) -> wire::DescribeRouterConfigurationResponse {
    wire::DescribeRouterConfigurationResponse {
        customer_router_config: Some(Secret::from(render(record, router))),
        router: Some(wire::RouterType {
            vendor: Some(router.vendor().to_owned()),
            platform: Some(router.platform().to_owned()),
            software: Some(router.software().to_owned()),
            xslt_template_name: Some(router.xslt().to_owned()),
            xslt_template_name_for_mac_sec: Some(router.xslt_with_macsec().to_owned()),
            router_type_identifier: Some(router.identifier().to_owned()),
        }),
        virtual_interface_id: Some(record.id.to_string()),
        virtual_interface_name: Some(record.name.clone()),
    }
}

impl From<CreatePrivateVirtualInterfaceRequest> for CreatePrivateVirtualInterface {
    fn from(request: CreatePrivateVirtualInterfaceRequest) -> Self {
        let mut new = request.new_private_virtual_interface.unwrap_or_default();
        let prefix_pool = PrefixNumbers {
            ipv4: new.prefix_pool_allocated_count_ipv4,
            ipv6: new.prefix_pool_allocated_count_ipv6,
        };
        Self {
            connection: request.connection_id.unwrap_or_default(),
            gateway: new.virtual_gateway_id.take(),
            direct_connect_gateway: new.direct_connect_gateway_id.take(),
            site_link: new.enable_site_link.unwrap_or_default(),
            prefix_pool,
            new: new.into(),
        }
    }
}

impl From<AllocatePrivateVirtualInterfaceRequest> for AllocatePrivateVirtualInterface {
    fn from(request: AllocatePrivateVirtualInterfaceRequest) -> Self {
        Self {
            connection: request.connection_id.unwrap_or_default(),
            owner: request.owner_account.unwrap_or_default(),
            new: request.new_private_virtual_interface_allocation.unwrap_or_default().into(),
        }
    }
}

impl From<ConfirmPrivateVirtualInterfaceRequest> for ConfirmPrivateVirtualInterface {
    fn from(request: ConfirmPrivateVirtualInterfaceRequest) -> Self {
        Self {
            interface: request.virtual_interface_id.unwrap_or_default(),
            gateway: request.virtual_gateway_id,
            direct_connect_gateway: request.direct_connect_gateway_id,
        }
    }
}

impl From<AssociateVirtualInterfaceRequest> for AssociateVirtualInterface {
    fn from(request: AssociateVirtualInterfaceRequest) -> Self {
        Self {
            interface: request.virtual_interface_id.unwrap_or_default(),
            connection: request.connection_id.unwrap_or_default(),
        }
    }
}

impl From<DeleteVirtualInterfaceRequest> for DeleteVirtualInterface {
    fn from(request: DeleteVirtualInterfaceRequest) -> Self {
        Self(request.virtual_interface_id.unwrap_or_default())
    }
}

impl From<UpdateVirtualInterfaceAttributesRequest> for UpdateVirtualInterfaceAttributes {
    fn from(request: UpdateVirtualInterfaceAttributesRequest) -> Self {
        Self {
            interface: request.virtual_interface_id.unwrap_or_default(),
            name: request.virtual_interface_name,
            mtu: request.mtu,
            site_link: request.enable_site_link,
            rate_limit: request.rate_limit,
            prefix_pool: PrefixNumbers {
                ipv4: request.prefix_pool_allocated_count_ipv4,
                ipv6: request.prefix_pool_allocated_count_ipv6,
            },
            prefixes_in_use: PrefixNumbers::default(),
        }
    }
}
