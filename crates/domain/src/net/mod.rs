//! The network's own terms, each a type whose values are all valid.

mod addresses;
mod asn;
mod auth_key;
mod bandwidth;
mod mtu;
mod prefix;
mod rate_limit;
mod special;
mod vlan;

pub(crate) use special::is_neighbour;

pub use addresses::{AddressFamily, PeerAddresses};
pub use asn::{Asn, GatewayAsn};
pub use auth_key::AuthKey;
pub use bandwidth::Bandwidth;
pub use mtu::Mtu;
pub use prefix::{NextHop, Prefix};
pub use rate_limit::RateLimit;
pub use vlan::Vlan;
