//! What a customer's router needs for a virtual interface: as the API's XML document, or as text in the words of the
//! router's own configuration. Rendered from the record alone.

mod document;
mod router_type;
mod text;

use ipnet::IpNet;

use crate::bgp_peer::BgpPeer;
use crate::id::VirtualInterfaceId;
use crate::net::{AddressFamily, Asn, AuthKey, GatewayAsn, Mtu, Prefix, Vlan};
use crate::virtual_interface::{InterfaceKind, Phase, VirtualInterface};

pub use document::Document;
pub use router_type::RouterType;

/// What the customer's side of an interface is configured with.
struct Parameters<'a> {
    id: &'a VirtualInterfaceId,
    name: &'a str,
    kind: InterfaceKind,
    vlan: Vlan,
    mtu: Mtu,
    /// Our AS number.
    amazon_asn: GatewayAsn,
    /// Whether that may still change: the gateway is not chosen yet.
    is_confirmed: bool,
    /// The sessions, IPv4 first; at least one.
    sessions: Vec<Session<'a>>,
    /// What is to be announced, as far as it is known.
    prefixes: &'a [Prefix],
}

/// A BGP session as the customer's router sees it.
struct Session<'a> {
    family: AddressFamily,
    /// The customer's end.
    local: IpNet,
    /// Our end.
    remote: IpNet,
    local_asn: Asn,
    key: &'a AuthKey,
}

impl<'a> Parameters<'a> {
    fn of(interface: &'a VirtualInterface) -> Self {
        let live = interface.peers.iter().filter(|peer| peer.is_live());
        let mut sessions: Vec<Session<'_>> = live.map(Session::of).collect();
        if sessions.is_empty() {
            sessions.push(Session::of(interface.first_peer()));
        }
        sessions.sort_by_key(|session| session.family);
        Self {
            id: &interface.id,
            name: &interface.name,
            kind: interface.kind,
            vlan: interface.vlan,
            mtu: interface.mtu,
            amazon_asn: interface.amazon_asn(),
            is_confirmed: interface.phase != Phase::Confirming,
            sessions,
            prefixes: &interface.options.route_filter_prefixes,
        }
    }

    /// The AS number of the router: the first session's.
    fn router_asn(&self) -> Asn {
        self.sessions.first().expect("an interface has a session").local_asn
    }

    /// A router id (RFC 6286): the customer's IPv4 address, otherwise 32 bits of its IPv6 address, which are drawn.
    fn router_id(&self) -> std::net::Ipv4Addr {
        match self.sessions.first().expect("an interface has a session").local.addr() {
            std::net::IpAddr::V4(address) => address,
            std::net::IpAddr::V6(address) => {
                let [.., a, b, c, d] = address.octets();
                std::net::Ipv4Addr::new(a, b, c, d)
            }
        }
    }

    /// The prefixes of a family that are to be announced.
    fn prefixes(&self, family: AddressFamily) -> impl Iterator<Item = Prefix> {
        let of_family = move |prefix: &Prefix| AddressFamily::of(prefix.net().addr()) == family;
        self.prefixes.iter().copied().filter(of_family)
    }
}

impl<'a> Session<'a> {
    fn of(peer: &'a BgpPeer) -> Self {
        Self {
            family: peer.addresses.family(),
            local: peer.addresses.customer(),
            remote: peer.addresses.amazon(),
            local_asn: peer.asn,
            key: &peer.auth_key,
        }
    }
}

/// What is to be done on a router of this type. It holds the BGP keys.
#[must_use]
pub fn router_configuration(interface: &VirtualInterface, router: RouterType) -> String {
    match router.dialect() {
        None => Document::of(interface).to_string(),
        Some(dialect) => text::render(&Parameters::of(interface), dialect),
    }
}
