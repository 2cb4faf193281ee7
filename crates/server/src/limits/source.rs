//! What counts as one source of connections and requests.

use std::net::{IpAddr, Ipv6Addr};

/// An IPv6 source is its /64, the least that one subscriber holds; an IPv4 source is its address.
pub(crate) fn place(source: IpAddr) -> IpAddr {
    match source.to_canonical() {
        IpAddr::V4(address) => address.into(),
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_places() {
        let table = [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
        ];
        for (source, expected) in table {
            assert_eq!(place(source.parse().unwrap()).to_string(), expected, "{source}");
        }
    }
}
