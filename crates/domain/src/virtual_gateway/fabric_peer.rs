//! The BGP peer of a handoff: the fabric's router, which learns from the edge how customers are reached and by whose session
//! the edge knows that the VPC is reached.

use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::decide::FabricPeerText;
use crate::fault::Fault;
use crate::net::{AddressFamily, Asn, AuthKey, is_neighbour};

/// A router of the cloud's fabric that the edge has a BGP session with, over a handoff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FabricPeer {
    /// Its address, on the link of the handoff.
    pub address: FabricAddress,
    /// Its AS number; the gateway's own makes the session an internal one.
    pub asn: Asn,
    /// The session's key (RFC 2385); absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_key: Option<AuthKey>,
}

impl FabricPeer {
    /// Checks a request's peer of a handoff whose next hop is of `family`; `path` is where the request has it.
    ///
    /// # Errors
    ///
    /// A client fault that names the member: the address is not a neighbour's or of the other family, the AS number
    /// or the key is not one. No fault repeats the key.
    pub fn parse(path: &str, family: AddressFamily, text: &FabricPeerText) -> Result<Self, Fault> {
        let field = |name: &str| format!("{path}.{name}");
        let address = FabricAddress::parse(&field("address"), &text.address)?;
        if address.family() != family {
            let rule = format!(
                "is not an {} address, as the next hop of its handoff is",
                family.as_str().replace("ip", "IP")
            );
            return Err(Fault::field(&field("address"), address, rule));
        }
        let asn = Asn::within(&field("asn"), text.asn, Asn::MOST)?;
        let key = text.auth_key.as_ref().map(|key| AuthKey::parse(&field("authKey"), &key.0));
        Ok(Self { address, asn, auth_key: key.transpose()? })
    }
}

/// The address of a fabric's router: unicast, another host's, and not link-local where it is IPv6, for routes of the edge's
/// have a global next hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "IpAddr")]
pub struct FabricAddress(IpAddr);

impl FabricAddress {
    /// Checks a text.
    ///
    /// # Errors
    ///
    /// A client fault that names `field`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Fault> {
        let rule = "is not the address of a fabric peer: it must be a unicast IPv4 or IPv6 address of another host, and \
                    no link-local one where it is IPv6";
        text.parse()
            .ok()
            .filter(|address| is_neighbour(*address) && !is_link_local_v6(*address))
            .map(Self)
            .ok_or_else(|| Fault::field(field, text, rule))
    }

    /// The address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }

    /// Its family, which is that of the session's routes.
    #[must_use]
    pub const fn family(self) -> AddressFamily {
        AddressFamily::of(self.0)
    }
}

const fn is_link_local_v6(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => false,
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

impl TryFrom<IpAddr> for FabricAddress {
    type Error = Fault;
    fn try_from(address: IpAddr) -> Result<Self, Fault> {
        Self::parse("address", &address.to_string())
    }
}

impl fmt::Display for FabricAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
