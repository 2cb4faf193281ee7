//! The names of BIRD's protocols, and what they say. Pure.

use linkway_domain::id::{RoutingDomainId, VirtualInterfaceId};
use linkway_domain::net::AddressFamily;

use crate::session::{Session, SessionId};

/// The names of the sessions' protocols begin so.
pub const SESSIONS: &str = "dxvif_*";
/// The names of the kernel protocols, as BIRD's commands take them.
pub const KERNEL_PROTOCOLS: &str = "kernel?_*";
/// The names of the kernel protocols of earlier versions, which were named after routing domains.
pub const EARLIER_KERNEL_PROTOCOLS: &str = "vgw_*_kernel?";
/// The names of the protocols that hold what is announced to customers, one at least for each routing domain.
pub const ANNOUNCING_PROTOCOLS: &str = "*_vpc?";

/// An id as a symbol of BIRD's: ids have a hyphen, which symbols cannot have, and no underscore.
#[must_use]
pub fn symbol(id: &str) -> String {
    id.replace('-', "_")
}

/// The name of a session's protocol: the interface, `_v6` for an IPv6 session, the number of resets if there were any. A reset
/// makes another name, hence another protocol: only so does BIRD forget that the limit has shut it. The name depends on
/// nothing else, so that neither session of an interface is disturbed when the other comes or goes.
#[must_use]
pub fn protocol_name(session: &Session) -> String {
    name_of(&session.id, session.resets)
}

/// The same, from what the name depends on.
#[must_use]
pub fn name_of(id: &SessionId, resets: u32) -> String {
    let mut name = symbol(id.interface.as_str());
    match id.family {
        AddressFamily::Ipv4 => {}
        AddressFamily::Ipv6 => name.push_str("_v6"),
    }
    if resets > 0 {
        name.push_str(&format!("_{resets}"));
    }
    name
}

/// The name of the kernel protocol of a kernel table. It depends on nothing else, so that a table that changes its routing
/// domain keeps it: a kernel protocol that starts has BIRD look at all links.
#[must_use]
pub fn kernel_protocol(table: u32, family: AddressFamily) -> String {
    format!("kernel{}_{table}", number(family))
}

/// The name of BIRD's table for a kernel table, which the kernel protocol keeps equal to it.
#[must_use]
pub fn bird_table(table: u32, family: AddressFamily) -> String {
    format!("table{}_{table}", number(family))
}

/// The kernel table of a kernel protocol and its family, from its name.
#[must_use]
pub fn kernel_table_of(name: &str) -> Option<(u32, AddressFamily)> {
    let (family, table) = name.strip_prefix("kernel")?.split_once('_')?;
    let family = [AddressFamily::Ipv4, AddressFamily::Ipv6]
        .into_iter()
        .find(|one| family.chars().eq([number(*one)]))?;
    Some((table.parse().ok()?, family))
}

/// The routing domain of a protocol that holds what is announced to its customers, from its name; it is another one where a
/// session with the fabric decides.
#[must_use]
pub fn routing_domain_of(name: &str) -> Option<RoutingDomainId> {
    let symbol = name.strip_suffix(['4', '6'])?.strip_suffix("_vpc")?;
    let symbol = symbol.strip_prefix("fabric_").unwrap_or(symbol);
    RoutingDomainId::parse(&symbol.replace('_', "-")).ok()
}

/// The number that names carry.
#[must_use]
pub const fn number(family: AddressFamily) -> char {
    match family {
        AddressFamily::Ipv4 => '4',
        AddressFamily::Ipv6 => '6',
    }
}

/// Whose session it is and how often it was reset, from the name of its protocol.
#[must_use]
pub fn session_of(name: &str) -> Option<(SessionId, u32)> {
    let mut words = name.split('_');
    let (kind, own) = (words.next()?, words.next()?);
    let rest: Vec<&str> = words.collect();
    let (family, resets) = match rest.as_slice() {
        [] => (AddressFamily::Ipv4, 0),
        ["v6"] => (AddressFamily::Ipv6, 0),
        [resets] => (AddressFamily::Ipv4, resets.parse().ok()?),
        ["v6", resets] => (AddressFamily::Ipv6, resets.parse().ok()?),
        _ => return None,
    };
    let interface = VirtualInterfaceId::parse(&format!("{kind}-{own}")).ok()?;
    Some((SessionId { interface, family }, resets))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_are_of() {
        for (table, family) in [(722_400_000, AddressFamily::Ipv4), (7, AddressFamily::Ipv6)] {
            let name = kernel_protocol(table, family);
            assert_eq!(kernel_table_of(&name), Some((table, family)), "{name}");
            assert_eq!(routing_domain_of(&name), None, "{name}");
        }
        for other in ["kernel4", "kernel5_1", "kernel4_x", "kernel_4_1", "vgw_00000001_vpc4"] {
            assert_eq!(kernel_table_of(other), None, "{other}");
        }
        let domain = RoutingDomainId::parse("vgw-00000001").ok();
        for name in ["vgw_00000001_vpc4", "vgw_00000001_vpc6", "fabric_vgw_00000001_vpc4"] {
            assert_eq!(routing_domain_of(name), domain, "{name}");
        }
        for other in ["fabric_vgw_00000001_bgp4", "vgw_00000001_vpc", "dxvif_f0000001"] {
            assert_eq!(routing_domain_of(other), None, "{other}");
        }
    }
}
