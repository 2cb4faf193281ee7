//! The names of BIRD's protocols, and what they say. Pure.

use linkway_domain::id::{RoutingDomainId, VirtualInterfaceId};
use linkway_domain::net::AddressFamily;

use crate::session::{Session, SessionId};

/// The names of the sessions' protocols begin so.
pub const SESSIONS: &str = "dxvif_*";
/// The names of the kernel protocols, as BIRD's commands take them.
pub const KERNEL_PROTOCOLS: &str = "*_kernel?";

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
    let mut name = symbol(session.id.interface.as_str());
    match session.id.family {
        AddressFamily::Ipv4 => {}
        AddressFamily::Ipv6 => name.push_str("_v6"),
    }
    if session.resets > 0 {
        name.push_str(&format!("_{}", session.resets));
    }
    name
}

/// The routing domain of a kernel protocol, from its name.
#[must_use]
pub fn routing_domain_of(name: &str) -> Option<RoutingDomainId> {
    let symbol = name.strip_suffix(['4', '6'])?.strip_suffix("_kernel")?;
    RoutingDomainId::parse(&symbol.replace('_', "-")).ok()
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
