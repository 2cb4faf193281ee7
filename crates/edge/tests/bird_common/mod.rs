//! Sessions for the tests of the BIRD driver.

use std::net::IpAddr;

use ipnet::IpNet;
use linkway_domain::net::{AddressFamily, AuthKey, PeerAddresses, Prefix};
use linkway_edge::session::{Announced, RoutingDomain, Session, SessionId};

/// A routing domain `vgw-0000000N` with table 1000 + N.
pub fn routing_domain(n: u32, cidrs: &[&str]) -> RoutingDomain {
    RoutingDomain {
        id: format!("vgw-{n:08x}").parse().unwrap(),
        table: 1000 + n,
        asn: 64_512,
        announced: Vec::new(),
        cidrs: cidrs.iter().map(|c| prefix(c)).collect(),
        reserved: Vec::new(),
        fabric: Vec::new(),
        associations: Vec::new(),
    }
}

/// A prefix.
pub fn prefix(text: &str) -> Prefix {
    Prefix::parse("cidr", text).unwrap()
}

/// A prefix that is nobody's.
pub fn net(text: &str) -> IpNet {
    text.parse().unwrap()
}

/// A way towards a prefix.
pub fn way(net: &str, next_hop: &str, interface: &str) -> Announced {
    let next_hop: IpAddr = next_hop.parse().unwrap();
    Announced { prefix: prefix(net), next_hop, interface: interface.to_owned() }
}

/// A session of `dxvif-fNNNNNNN` in a routing domain, of the family of the addresses.
pub fn session(n: u32, domain: &RoutingDomain, addresses: PeerAddresses, key: &str) -> Session {
    let interface = format!("dxvif-f{n:07}").parse().unwrap();
    Session {
        id: SessionId { interface, family: addresses.family() },
        routing_domain: domain.id.clone(),
        addresses,
        asn: 65_000,
        // As stored: an earlier version took double quotes.
        auth_key: AuthKey::try_from(key.to_owned()).unwrap(),
        resets: 0,
        public: None,
        prefix_limit: None,
        new_key: None,
        shut_until: None,
        drain: None,
        site_link: false,
    }
}

/// The addresses 169.254.0.1/30 and 169.254.0.2/30, or others.
pub fn addresses(amazon: &str, customer: &str) -> PeerAddresses {
    let family = AddressFamily::Ipv4;
    PeerAddresses::parse("x", family, Some(amazon), Some(customer)).unwrap().unwrap()
}
