//! The two addresses of a BGP session: ours and the customer's, on one small subnet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use serde::{Deserialize, Serialize};

use super::special::is_neighbour;
use crate::fault::Fault;

/// The family of a session's addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum AddressFamily {
    /// IPv4.
    Ipv4,
    /// IPv6.
    Ipv6,
}

impl AddressFamily {
    /// Checks a request's text; absent means IPv4.
    pub fn parse(field: &str, text: Option<&str>) -> Result<Self, Fault> {
        match text {
            None | Some("ipv4") => Ok(Self::Ipv4),
            Some("ipv6") => Ok(Self::Ipv6),
            Some(other) => Err(Fault::field(field, other, "must be ipv4 or ipv6")),
        }
    }

    /// The family of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Self::Ipv4,
            IpAddr::V6(_) => Self::Ipv6,
        }
    }

    /// As the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
        }
    }
}

/// Both ends of a session, each with the subnet's prefix length: `172.16.0.1/30` and `172.16.0.2/30`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Unchecked")]
pub struct PeerAddresses {
    amazon: IpNet,
    customer: IpNet,
}

/// Two addresses as stored or sent.
#[derive(Deserialize)]
struct Unchecked {
    amazon: IpNet,
    customer: IpNet,
}

impl TryFrom<Unchecked> for PeerAddresses {
    type Error = Fault;
    fn try_from(given: Unchecked) -> Result<Self, Fault> {
        let Unchecked { amazon, customer } = given;
        let small = match amazon {
            IpNet::V4(net) => (30..=31).contains(&net.prefix_len()),
            IpNet::V6(net) => net.prefix_len() == 125,
        };
        if small && amazon.trunc() == customer.trunc() && amazon.addr() != customer.addr() {
            return Ok(Self { amazon, customer });
        }
        Err(Fault::field(
            "addresses",
            format_args!("{amazon} {customer}"),
            "are not two ends of one subnet",
        ))
    }
}

impl PeerAddresses {
    /// Checks a request's two addresses: both or none; IPv4; one /30 or /31; distinct usable hosts of it. `parent` is the
    /// path of the structure that holds them. `None`: the service chooses.
    ///
    /// # Errors
    ///
    /// A client fault that names the member that breaks the rule.
    pub fn parse(
        parent: &str,
        family: AddressFamily,
        amazon: Option<&str>,
        customer: Option<&str>,
    ) -> Result<Option<Self>, Fault> {
        let (ours, theirs) =
            (format!("{parent}.amazonAddress"), format!("{parent}.customerAddress"));
        let (amazon_text, customer_text) = match (amazon, customer) {
            (None, None) => return Ok(None),
            (Some(given), None) => {
                let rule = "is given without customerAddress: give both addresses or none";
                return Err(Fault::field(&ours, given, rule));
            }
            (None, Some(given)) => {
                let rule = "is given without amazonAddress: give both addresses or none";
                return Err(Fault::field(&theirs, given, rule));
            }
            (Some(amazon), Some(customer)) => (amazon, customer),
        };
        if family == AddressFamily::Ipv6 {
            let rule = "must be absent: the service assigns IPv6 peer addresses (a /125) itself";
            return Err(Fault::field(&ours, amazon_text, rule));
        }
        let amazon = ipv4_host(&ours, amazon_text)?;
        let customer = ipv4_host(&theirs, customer_text)?;
        if amazon.prefix_len() != customer.prefix_len() {
            let rule = format!("must have the same prefix length as amazonAddress {amazon}");
            return Err(Fault::field(&theirs, customer, rule));
        }
        if amazon.trunc() != customer.trunc() {
            let rule = format!("must be in the same subnet as amazonAddress: {}", amazon.trunc());
            return Err(Fault::field(&theirs, customer, rule));
        }
        if amazon.addr() == customer.addr() {
            return Err(Fault::field(&theirs, customer, "must differ from amazonAddress"));
        }
        Ok(Some(Self { amazon: amazon.into(), customer: customer.into() }))
    }

    /// The `index`th /30 of 169.254.0.0/16 (modulo its 16,384): first host ours, second theirs.
    #[must_use]
    pub fn link_local(index: u64) -> Self {
        let block = u32::try_from(index % 16_384).expect("below 2^14");
        let base = u32::from(Ipv4Addr::new(169, 254, 0, 0)) + block * 4;
        let host = |offset| {
            let net =
                Ipv4Net::new(Ipv4Addr::from(base + offset), 30).expect("30 is a prefix length");
            IpNet::from(net)
        };
        Self { amazon: host(1), customer: host(2) }
    }

    /// A /125 of fd6c:696e:6b77::/48 (a unique local prefix, RFC 4193) chosen by 64 random bits: first host ours,
    /// second theirs.
    #[must_use]
    pub fn unique_local(draw: u64) -> Self {
        let base = (0xfd6c_696e_6b77_u128 << 80) | (u128::from(draw) << 3);
        let host = |offset| {
            let net =
                Ipv6Net::new(Ipv6Addr::from(base + offset), 125).expect("125 is a prefix length");
            IpNet::from(net)
        };
        Self { amazon: host(1), customer: host(2) }
    }

    /// Our end.
    #[must_use]
    pub const fn amazon(&self) -> IpNet {
        self.amazon
    }

    /// The customer's end.
    #[must_use]
    pub const fn customer(&self) -> IpNet {
        self.customer
    }

    /// The family of both.
    #[must_use]
    pub const fn family(&self) -> AddressFamily {
        match self.amazon {
            IpNet::V4(_) => AddressFamily::Ipv4,
            IpNet::V6(_) => AddressFamily::Ipv6,
        }
    }

    /// The subnet cut in pieces such that two subnets overlap exactly if they share a piece: the /31 halves of an IPv4
    /// /30, the IPv6 /125 itself. Each piece is a claim's key, so overlap is found without a scan.
    #[must_use]
    pub fn pieces(&self) -> Vec<String> {
        match self.amazon {
            IpNet::V4(net) => {
                let first = u32::from(net.trunc().addr());
                let halves = if net.prefix_len() == 31 { 1 } else { 2 };
                (0..halves).map(|half| format!("{:08x}", first + 2 * half)).collect()
            }
            IpNet::V6(net) => vec![format!("{:032x}", u128::from(net.trunc().addr()))],
        }
    }
}

/// An IPv4 address with its prefix length, usable as a host of a /30 or /31.
fn ipv4_host(field: &str, text: &str) -> Result<Ipv4Net, Fault> {
    let format_rule =
        "is not an IPv4 address with a prefix length: it must look like 172.16.0.1/30";
    // Only as it is written back: the parser takes leading zeros, which others read as octal.
    let net: Ipv4Net = text
        .parse()
        .ok()
        .filter(|net: &Ipv4Net| net.to_string() == text)
        .ok_or_else(|| Fault::field(field, text, format_rule))?;
    if !(30..=31).contains(&net.prefix_len()) {
        return Err(Fault::field(field, text, "must be in a subnet of prefix length /30 or /31"));
    }
    let address = net.addr();
    if !is_neighbour(address.into()) {
        return Err(Fault::field(field, text, "must be a unicast address that a router can have"));
    }
    // A /31 has no network and no broadcast address (RFC 3021).
    if net.prefix_len() == 30 && address == net.network() {
        return Err(Fault::field(
            field,
            text,
            "is address 0 on its subnet: the network address cannot be a host",
        ));
    }
    if net.prefix_len() == 30 && address == net.broadcast() {
        return Err(Fault::field(
            field,
            text,
            "is the broadcast address on its subnet and cannot be a host",
        ));
    }
    Ok(net)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// What is accepted is written back as it came.
        #[test]
        fn an_address_has_one_form(text in r"[+0]?[1-9][0-9]?(\.0?[0-9]{1,2}){2}\.[+0]?[1-9]/[+0]?3[01]") {
            if let Ok(net) = ipv4_host("field", &text) {
                prop_assert_eq!(net.to_string(), text);
            }
        }
    }
}
