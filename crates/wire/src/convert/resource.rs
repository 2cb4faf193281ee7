//! Resources as the model's structures. Optional members are absent where they have no meaning (real recordings do the
//! same): no `virtualGatewayId` before the confirmation, no `lagId`, no device before a port is assigned.

use std::fmt::Write;

use linkway_domain::connection::Connection;
use linkway_domain::gateway::Gateway;
use linkway_domain::id::AccountId;
use linkway_domain::location::Location;
use linkway_domain::net::{AddressFamily, GatewayAsn};
use linkway_domain::time::Time;
use linkway_domain::virtual_interface::{Phase, State, VirtualInterface};

use crate::generated as wire;
use crate::value::Secret;

/// What an answer depends on besides the record.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The region's name.
    pub region: &'a str,
    /// The moment.
    pub now: Time,
    /// Who reads; nobody in particular for the operator's lists, which show no tags.
    pub reader: Option<&'a AccountId>,
    /// Whether the resource's edge has been silent for too long.
    pub edge_silent: bool,
}

/// Tags; absent when there are none, as in real recordings.
#[must_use]
pub fn tags<'a>(tags: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Option<Vec<wire::Tag>> {
    let list: Vec<wire::Tag> = tags
        .map(|(key, value)| wire::Tag {
            key: Some(key.to_owned()),
            value: value.map(str::to_owned),
        })
        .collect();
    (!list.is_empty()).then_some(list)
}

/// A connection.
#[must_use]
pub fn connection(record: &Connection, view: View<'_>) -> wire::Connection {
    let edge = record.port.as_ref().map(|port| port.edge.to_string());
    let own = view.reader.is_some_and(|reader| *reader == record.owner);
    wire::Connection {
        aws_device: edge.clone(),
        aws_device_v2: edge.clone(),
        aws_logical_device_id: edge,
        bandwidth: Some(record.bandwidth.as_str().to_owned()),
        connection_id: Some(record.id.to_string()),
        connection_name: Some(record.name.clone()),
        connection_state: Some(record.state(view.edge_silent).as_str().into()),
        has_logical_redundancy: Some(wire::HasLogicalRedundancy::No),
        jumbo_frame_capable: record.port.as_ref().map(|port| port.jumbo),
        location: Some(record.location.to_string()),
        mac_sec_capable: Some(false),
        owner_account: Some(record.owner.to_string()),
        provider_name: record.provider_name.clone(),
        region: Some(view.region.to_owned()),
        tags: tags(record.tags.iter().filter(|_| own)),
        ..wire::Connection::default()
    }
}

/// A virtual interface, for one of the two who share it.
#[must_use]
pub fn interface(record: &VirtualInterface, view: View<'_>) -> wire::VirtualInterface {
    let state = record.state(view.now, view.edge_silent);
    let amazon_asn = amazon_asn(record);
    let peer = peer(record, state);
    let router_config = router_config(record, &peer, amazon_asn);
    wire::VirtualInterface {
        address_family: peer.address_family.clone(),
        amazon_address: peer.amazon_address.clone(),
        amazon_side_asn: Some(i64::from(amazon_asn.number())),
        asn: Some(i64::from(record.asn.two_byte())),
        asn_long: Some(i64::from(record.asn.number())),
        auth_key: Some(Secret::from(record.auth_key.reveal())),
        aws_device_v2: owned(record.edge.as_str()),
        aws_logical_device_id: owned(record.edge.as_str()),
        connection_id: owned(record.connection.as_str()),
        customer_address: peer.customer_address.clone(),
        customer_router_config: Some(Secret::from(router_config)),
        bgp_peers: Some(vec![peer]),
        jumbo_frame_capable: Some(record.jumbo),
        location: owned(record.location.as_str()),
        mtu: Some(i64::from(record.mtu.bytes())),
        owner_account: owned(record.owner.as_str()),
        region: Some(view.region.to_owned()),
        route_filter_prefixes: Some(Vec::new()),
        site_link_enabled: Some(false),
        tags: view.reader.and_then(|reader| tags(record.tags_of(reader))),
        // The gateway is the recipient's: the lender of a hosted interface learns its AS number, not its name.
        virtual_gateway_id: record
            .gateway
            .as_ref()
            .filter(|_| view.reader.is_none_or(|reader| *reader == record.owner))
            .map(|gateway| gateway.id.as_str().to_owned()),
        virtual_interface_id: owned(record.id.as_str()),
        virtual_interface_name: Some(record.name.clone()),
        virtual_interface_state: Some(state.as_str().into()),
        virtual_interface_type: Some("private".to_owned()),
        vlan: Some(i64::from(record.vlan.number())),
        ..wire::VirtualInterface::default()
    }
}

fn owned(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn family(record: &VirtualInterface) -> wire::AddressFamily {
    match record.addresses.family() {
        AddressFamily::Ipv4 => wire::AddressFamily::Ipv4,
        AddressFamily::Ipv6 => wire::AddressFamily::Ipv6,
    }
}

/// Our side's AS number; before a gateway is known, the one that gateways have by default.
fn amazon_asn(record: &VirtualInterface) -> GatewayAsn {
    record.gateway.as_ref().map_or(GatewayAsn::DEFAULT, |gateway| gateway.asn)
}

fn peer(record: &VirtualInterface, state: State) -> wire::BGPPeer {
    let peer_state = match record.phase {
        Phase::Confirming => wire::BGPPeerState::Pending,
        Phase::Accepted => match &record.reported {
            Some(reported) if reported.programmed => wire::BGPPeerState::Available,
            Some(_) | None => wire::BGPPeerState::Pending,
        },
        Phase::Deleting => wire::BGPPeerState::Deleting,
        Phase::Deleted | Phase::Rejected | Phase::Expired => wire::BGPPeerState::Deleted,
    };
    let status = match state {
        State::Available => wire::BGPStatus::Up,
        State::Unknown => wire::BGPStatus::Unknown,
        State::Confirming
        | State::Pending
        | State::Down
        | State::Deleting
        | State::Deleted
        | State::Rejected
        | State::Expired => wire::BGPStatus::Down,
    };
    wire::BGPPeer {
        address_family: Some(family(record)),
        amazon_address: Some(record.addresses.amazon().to_string()),
        asn: Some(i64::from(record.asn.two_byte())),
        asn_long: Some(i64::from(record.asn.number())),
        auth_key: Some(Secret::from(record.auth_key.reveal())),
        aws_device_v2: owned(record.edge.as_str()),
        aws_logical_device_id: owned(record.edge.as_str()),
        bgp_peer_id: owned(record.peer.as_str()),
        bgp_peer_state: Some(peer_state),
        bgp_status: Some(status),
        customer_address: Some(record.addresses.customer().to_string()),
    }
}

/// What the customer's router needs, in the XML form of real recordings (direct-connect.md, 2.6). Addresses, numbers and
/// ids need no escaping; the key may.
fn router_config(
    record: &VirtualInterface,
    peer: &wire::BGPPeer,
    amazon_asn: GatewayAsn,
) -> String {
    let mut xml = String::with_capacity(640);
    let prefix = match record.addresses.family() {
        AddressFamily::Ipv4 => "",
        AddressFamily::Ipv6 => "ipv6_",
    };
    xml.push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let written = write!(
        xml,
        "<logical_connection id=\"{id}\">\n  <vlan>{vlan}</vlan>\n  \
         <{prefix}customer_address>{customer}</{prefix}customer_address>\n  \
         <{prefix}amazon_address>{amazon}</{prefix}amazon_address>\n  \
         <{prefix}bgp_asn>{asn}</{prefix}bgp_asn>\n  \
         <{prefix}bgp_auth_key>{key}</{prefix}bgp_auth_key>\n  \
         <amazon_bgp_asn>{amazon_asn}</amazon_bgp_asn>\n  \
         <connection_type>private</connection_type>\n</logical_connection>\n",
        id = record.id,
        vlan = record.vlan,
        customer = peer.customer_address.as_deref().unwrap_or_default(),
        amazon = peer.amazon_address.as_deref().unwrap_or_default(),
        asn = record.asn,
        key = escaped(record.auth_key.reveal()),
    );
    written.expect("writing to a string cannot fail");
    xml
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            other => out.push(other),
        }
    }
    out
}

/// A location.
#[must_use]
pub fn location(record: &Location, region: &str) -> wire::Location {
    wire::Location {
        available_mac_sec_port_speeds: Some(Vec::new()),
        available_port_speeds: Some(
            record.speeds.iter().map(|s| s.port_speed().to_owned()).collect(),
        ),
        available_providers: Some(Vec::new()),
        location_code: Some(record.code.to_string()),
        location_name: Some(record.name.clone()),
        region: Some(region.to_owned()),
        ..wire::Location::default()
    }
}

/// A virtual gateway; a deleted one leaves no record, so what is there is available.
#[must_use]
pub fn virtual_gateway(record: &Gateway) -> wire::VirtualGateway {
    wire::VirtualGateway {
        virtual_gateway_id: Some(record.id.to_string()),
        virtual_gateway_state: Some("available".to_owned()),
    }
}
