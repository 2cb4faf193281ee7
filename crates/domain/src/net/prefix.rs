//! Prefixes of a VPC and the next hops towards it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// A prefix with no host bits set, as in `10.0.0.0/16`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Prefix(IpNet);

impl TryFrom<String> for Prefix {
    type Error = Fault;
    fn try_from(text: String) -> Result<Self, Fault> {
        Self::parse("prefix", &text)
    }
}

impl Prefix {
    /// Checks a text: an IPv4 or IPv6 prefix whose host bits are zero and which is not the whole Internet.
    pub fn parse(field: &str, text: &str) -> Result<Self, Fault> {
        // IPv4 only as it is written back: the parser takes leading zeros, which others read as octal.
        let exact = |net: &IpNet| matches!(net, IpNet::V6(_)) || net.to_string() == text;
        let rule = "is not a prefix: it must look like 10.0.0.0/16 or 2001:db8::/56";
        let net = text.parse().ok().filter(exact).ok_or_else(|| Fault::field(field, text, rule))?;
        if net.trunc() != net {
            let rule = format!("has host bits set; the prefix is {}", net.trunc());
            return Err(Fault::field(field, text, rule));
        }
        if net.prefix_len() == 0 {
            return Err(Fault::field(field, text, "must not be a default route"));
        }
        Ok(Self(net))
    }

    /// The prefix.
    #[must_use]
    pub const fn net(self) -> IpNet {
        self.0
    }

    /// Whether the two have an address in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.0.contains(&other.0) || other.0.contains(&self.0)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The address of the cloud fabric's router behind a handoff.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct NextHop(IpAddr);

impl TryFrom<String> for NextHop {
    type Error = Fault;
    fn try_from(text: String) -> Result<Self, Fault> {
        Self::parse("nextHop", &text)
    }
}

impl NextHop {
    /// Checks a text: a unicast address.
    pub fn parse(field: &str, text: &str) -> Result<Self, Fault> {
        match text.parse::<IpAddr>() {
            Ok(address) if is_host(address) => Ok(Self(address)),
            _ => Err(Fault::field(
                field,
                text,
                "is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host",
            )),
        }
    }

    /// The address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }
}

/// Whether another host can have this address.
fn is_host(address: IpAddr) -> bool {
    let nobody = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    !nobody && address != IpAddr::V4(Ipv4Addr::BROADCAST)
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
