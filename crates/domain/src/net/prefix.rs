//! Prefixes of a VPC and the next hops towards it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::special;
use crate::fault::Fault;

/// A prefix with no host bits set, as in `10.0.0.0/16`. Stored ones of earlier versions may overlap a special range, which
/// a request's may not.
// Read in the type that it is written in: a record's compact form has a network's bytes where JSON has its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "IpNet")]
pub struct Prefix(IpNet);

impl TryFrom<IpNet> for Prefix {
    type Error = Fault;
    fn try_from(net: IpNet) -> Result<Self, Fault> {
        Self::of_net("prefix", &net.to_string(), net)
    }
}

impl Prefix {
    /// Checks a request's text: an IPv4 or IPv6 prefix whose host bits are zero, which is not the whole Internet and has
    /// no address in common with a special range (loopback, link-local, multicast and the like).
    ///
    /// # Errors
    ///
    /// A client fault that names `field`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Fault> {
        let prefix = Self::of_form(field, text)?;
        match special::overlapping(&prefix.0) {
            None => Ok(prefix),
            Some(special::Special { net, meaning, .. }) => {
                let rule = format!("must not overlap {net}, which is {meaning}");
                Err(Fault::field(field, text, rule))
            }
        }
    }

    fn of_form(field: &str, text: &str) -> Result<Self, Fault> {
        // IPv4 only as it is written back: the parser takes leading zeros, which others read as octal.
        let exact = |net: &IpNet| matches!(net, IpNet::V6(_)) || net.to_string() == text;
        let rule = "is not a prefix: it must look like 10.0.0.0/16 or 2001:db8::/56";
        let net = text.parse().ok().filter(exact).ok_or_else(|| Fault::field(field, text, rule))?;
        Self::of_net(field, text, net)
    }

    fn of_net(field: &str, text: &str, net: IpNet) -> Result<Self, Fault> {
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

/// The address of the cloud fabric's router behind a handoff. Stored ones of earlier versions may be in a special range,
/// which a request's may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "IpAddr")]
pub struct NextHop(IpAddr);

impl TryFrom<IpAddr> for NextHop {
    type Error = Fault;
    fn try_from(address: IpAddr) -> Result<Self, Fault> {
        Self::checked("nextHop", &address.to_string(), is_unicast)
    }
}

impl NextHop {
    /// Checks a request's text: a unicast address, link-local ones included.
    ///
    /// # Errors
    ///
    /// A client fault that names `field`.
    pub fn parse(field: &str, text: &str) -> Result<Self, Fault> {
        Self::checked(field, text, special::is_neighbour)
    }

    fn checked(field: &str, text: &str, rule: fn(IpAddr) -> bool) -> Result<Self, Fault> {
        text.parse().ok().filter(|address| rule(*address)).map(Self).ok_or_else(|| {
            let rule = "is not the address of a next hop: it must be a unicast IPv4 or IPv6 address of another host";
            Fault::field(field, text, rule)
        })
    }

    /// The address.
    #[must_use]
    pub const fn address(self) -> IpAddr {
        self.0
    }
}

/// What earlier versions took.
fn is_unicast(address: IpAddr) -> bool {
    let is_special = address.is_unspecified() || address.is_loopback() || address.is_multicast();
    !is_special && address != IpAddr::V4(Ipv4Addr::BROADCAST)
}

impl fmt::Display for NextHop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
