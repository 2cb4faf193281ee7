//! Addresses that are never beyond a link: neither announced by a customer nor the source or destination of what is forwarded
//! (RFC 6890, "Forwardable: False").

/// IPv4: "this network" (but not a default route), loopback, link-local, IETF protocol assignments, multicast (RFC 5771),
/// reserved and broadcast.
pub const IPV4: [&str; 6] =
    ["0.0.0.0/8", "127.0.0.0/8", LINK_LOCAL_IPV4, "192.0.0.0/24", "224.0.0.0/4", "240.0.0.0/4"];
/// IPv6: unspecified, loopback and IPv4-compatible (RFC 4291, section 2.5), IPv4-mapped, discard-only (RFC 6666), link-local,
/// multicast. The rest of `::/8` is not among them: it has the prefixes of NAT64 (RFC 6052, RFC 8215).
pub const IPV6: [&str; 5] = ["::/96", "::ffff:0:0/96", "100::/64", "fe80::/10", "ff00::/8"];
/// Of IPv4 the range that sessions with customers have their addresses from (RFC 3927).
pub const LINK_LOCAL_IPV4: &str = "169.254.0.0/16";
