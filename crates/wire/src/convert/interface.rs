//! Virtual interfaces as the model's structures. This is the answer that is asked for most, so it borrows from the record
//! and is written straight into the body; `tests/clients` holds the members of every answer to those of the model.

use std::fmt;

use compact_str::{CompactString, ToCompactString};
use linkway_domain::net::GatewayAsn;
use linkway_domain::virtual_interface::{Phase, State, VirtualInterface};
use serde::{Serialize, Serializer};

use super::View;
use crate::generated as wire;

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
    bgp_peers: [Peer<'a>; 1],
    connection_id: &'a str,
    customer_address: CompactString,
    customer_router_config: RouterConfig<'a>,
    direct_connect_gateway_id: &'a str,
    jumbo_frame_capable: bool,
    location: &'a str,
    mtu: u16,
    owner_account: &'a str,
    region: &'a str,
    route_filter_prefixes: [(); 0],
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
pub struct Interfaces<'a> {
    /// The interfaces of this page.
    pub virtual_interfaces: Vec<Interface<'a>>,
    /// Where the next page starts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
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
struct Tag<'a> {
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<&'a str>,
}

impl<'a> Interface<'a> {
    /// As one of its two sides, or the operator, sees a record.
    #[must_use]
    pub fn new(record: &'a VirtualInterface, view: View<'a>) -> Self {
        let state = record.state(view.now, view.edge_silent);
        let peer = Peer::new(record, state);
        let tags = |reader| record.tags_of(reader).map(|(key, value)| Tag { key, value }).collect();
        // The gateway is the recipient's: the lender of a hosted interface learns its AS number, not its name.
        let of_reader = view.reader.is_none_or(|reader| *reader == record.owner);
        let gateway = record.gateway.as_ref().filter(|_| of_reader);
        Self {
            address_family: peer.address_family,
            amazon_address: peer.amazon_address.clone(),
            amazon_side_asn: amazon_asn(record).number(),
            asn: peer.asn,
            asn_long: peer.asn_long,
            auth_key: peer.auth_key,
            aws_device_v2: peer.aws_device_v2,
            aws_logical_device_id: peer.aws_logical_device_id,
            connection_id: record.connection.as_str(),
            customer_address: peer.customer_address.clone(),
            customer_router_config: RouterConfig(record),
            // No interface has one yet.
            direct_connect_gateway_id: "",
            bgp_peers: [peer],
            jumbo_frame_capable: record.jumbo,
            location: record.location.as_str(),
            mtu: record.mtu.bytes(),
            owner_account: record.owner.as_str(),
            region: view.region,
            route_filter_prefixes: [],
            site_link_enabled: false,
            tags: view.reader.map(tags),
            virtual_gateway_id: gateway.map_or("", |gateway| gateway.id.as_str()),
            virtual_interface_id: record.id.as_str(),
            virtual_interface_name: &record.name,
            virtual_interface_state: state.as_str(),
            virtual_interface_type: "private",
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
    fn new(record: &'a VirtualInterface, state: State) -> Self {
        Self {
            address_family: record.addresses.family().as_str(),
            amazon_address: record.addresses.amazon().to_compact_string(),
            asn: record.asn.in_asn(),
            asn_long: record.asn.number(),
            auth_key: record.auth_key.reveal(),
            aws_device_v2: record.edge.as_str(),
            aws_logical_device_id: record.edge.as_str(),
            bgp_peer_id: record.peer.as_str(),
            bgp_peer_state: peer_state(record),
            bgp_status: bgp_status(state),
            customer_address: record.addresses.customer().to_compact_string(),
        }
    }
}

/// Our side's AS number; before a gateway is known, the one that gateways have by default.
fn amazon_asn(record: &VirtualInterface) -> GatewayAsn {
    record.gateway.as_ref().map_or(GatewayAsn::DEFAULT, |gateway| gateway.asn)
}

fn peer_state(record: &VirtualInterface) -> wire::BGPPeerState {
    match record.phase {
        Phase::Confirming => wire::BGPPeerState::Pending,
        Phase::Accepted => match &record.reported {
            Some(reported) if reported.programmed => wire::BGPPeerState::Available,
            Some(_) | None => wire::BGPPeerState::Pending,
        },
        Phase::Deleting => wire::BGPPeerState::Deleting,
        Phase::Deleted | Phase::Rejected | Phase::Expired => wire::BGPPeerState::Deleted,
    }
}

fn bgp_status(state: State) -> wire::BGPStatus {
    match state {
        State::Available => wire::BGPStatus::Up,
        State::Unknown => wire::BGPStatus::Unknown,
        State::Confirming
        | State::Pending
        | State::Down
        | State::Deleting
        | State::Deleted
        | State::Rejected
        | State::Expired => wire::BGPStatus::Down,
    }
}

/// What the customer's router needs, in the XML form of the AWS CLI's samples (`create-private-virtual-interface`).
/// Addresses, numbers and ids need no escaping; the key may.
struct RouterConfig<'a>(&'a VirtualInterface);

impl Serialize for RouterConfig<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Display for RouterConfig<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let record = self.0;
        let prefix = match record.addresses.family() {
            linkway_domain::net::AddressFamily::Ipv4 => "",
            linkway_domain::net::AddressFamily::Ipv6 => "ipv6_",
        };
        write!(
            f,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <logical_connection id=\"{id}\">\n  <vlan>{vlan}</vlan>\n  \
             <{prefix}customer_address>{customer}</{prefix}customer_address>\n  \
             <{prefix}amazon_address>{amazon}</{prefix}amazon_address>\n  \
             <{prefix}bgp_asn>{asn}</{prefix}bgp_asn>\n  \
             <{prefix}bgp_auth_key>{key}</{prefix}bgp_auth_key>\n  \
             <amazon_bgp_asn>{amazon_asn}</amazon_bgp_asn>\n  \
             <connection_type>private</connection_type>\n</logical_connection>\n",
            id = record.id,
            vlan = record.vlan,
            customer = record.addresses.customer(),
            amazon = record.addresses.amazon(),
            asn = record.asn,
            key = Escaped(record.auth_key.reveal()),
            amazon_asn = amazon_asn(record),
        )
    }
}

/// A text within XML.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut plain = 0;
        for (at, byte) in self.0.bytes().enumerate() {
            let escaped = match byte {
                b'<' => "&lt;",
                b'>' => "&gt;",
                b'&' => "&amp;",
                b'"' => "&quot;",
                b'\'' => "&apos;",
                _ => continue,
            };
            f.write_str(&self.0[plain..at])?;
            f.write_str(escaped)?;
            plain = at + 1;
        }
        f.write_str(&self.0[plain..])
    }
}
