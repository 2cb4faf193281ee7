//! Ranges of addresses that have a meaning of their own, so that no network and no other host can have them (RFC 6890).
//! Documentation ranges are not among them: laboratories and examples use them like any other.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// A range and what it is for, as in "loopback (RFC 1122)".
pub(super) struct Special {
    /// The range.
    pub net: IpNet,
    /// Its meaning and where it is defined.
    pub meaning: &'static str,
    /// Whether a host on the same link can have such an address.
    pub on_link: bool,
}

const fn v4(octets: [u8; 4], length: u8, meaning: &'static str, on_link: bool) -> Special {
    let [a, b, c, d] = octets;
    let net = IpNet::V4(Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), length));
    Special { net, meaning, on_link }
}

const fn v6(bits: u128, length: u8, meaning: &'static str, on_link: bool) -> Special {
    let net = IpNet::V6(Ipv6Net::new_assert(Ipv6Addr::from_bits(bits), length));
    Special { net, meaning, on_link }
}

/// Each range once; none overlaps another.
static SPECIAL: [Special; 10] = [
    v4([0, 0, 0, 0], 8, "\"this network\" (RFC 1122)", false),
    v4([127, 0, 0, 0], 8, "loopback (RFC 1122)", false),
    v4([169, 254, 0, 0], 16, "link-local (RFC 3927)", true),
    v4([224, 0, 0, 0], 4, "multicast (RFC 5771)", false),
    v4([240, 0, 0, 0], 4, "reserved, with the broadcast address (RFC 1112)", false),
    v6(0, 128, "the unspecified address (RFC 4291)", false),
    v6(1, 128, "loopback (RFC 4291)", false),
    v6(0xffff << 32, 96, "IPv4-mapped addresses (RFC 4291)", false),
    v6(0xfe80 << 112, 10, "link-local (RFC 4291)", true),
    v6(0xff00 << 112, 8, "multicast (RFC 4291)", false),
];

/// The first special range that has an address in common with `net`.
pub(super) fn overlapping(net: &IpNet) -> Option<&'static Special> {
    SPECIAL.iter().find(|range| range.net.contains(net) || net.contains(&range.net))
}

/// Whether another host on a common link can have this address.
pub(crate) fn is_neighbour(address: IpAddr) -> bool {
    overlapping(&IpNet::from(address)).is_none_or(|range| range.on_link)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_last_address_of_each_range_and_their_neighbours() {
        // Text, and the range's meaning or nothing.
        let table = [
            ("0.0.0.0", "\"this network\""),
            ("0.255.255.255", "\"this network\""),
            ("1.0.0.0", ""),
            ("126.255.255.255", ""),
            ("127.0.0.0", "loopback"),
            ("127.255.255.255", "loopback"),
            ("128.0.0.0", ""),
            ("169.253.255.255", ""),
            ("169.254.0.0", "link-local"),
            ("169.254.255.255", "link-local"),
            ("169.255.0.0", ""),
            ("192.0.2.1", ""),
            ("198.51.100.1", ""),
            ("203.0.113.1", ""),
            ("223.255.255.255", ""),
            ("224.0.0.0", "multicast"),
            ("239.255.255.255", "multicast"),
            ("240.0.0.0", "reserved"),
            ("255.255.255.255", "reserved"),
            ("::", "the unspecified"),
            ("::1", "loopback"),
            ("::2", ""),
            ("::fffe:ffff:ffff", ""),
            ("::ffff:0:0", "IPv4-mapped"),
            ("::ffff:255.255.255.255", "IPv4-mapped"),
            ("::1:0:0:0", ""),
            ("64:ff9b::1", ""),
            ("2001:db8::1", ""),
            ("fc00::", ""),
            ("fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
            ("fe80::", "link-local"),
            ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "link-local"),
            ("fec0::", ""),
            ("feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
            ("ff00::", "multicast"),
            ("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "multicast"),
        ];
        for (text, meaning) in table {
            let address: IpAddr = text.parse().unwrap();
            let found = overlapping(&IpNet::from(address)).map_or("", |range| range.meaning);
            assert_eq!(found.is_empty(), meaning.is_empty(), "{text}: {found}");
            assert!(found.starts_with(meaning), "{text}: {found}");
            let neighbour = meaning.is_empty() || meaning == "link-local";
            assert_eq!(is_neighbour(address), neighbour, "{text}");
        }
    }
}
