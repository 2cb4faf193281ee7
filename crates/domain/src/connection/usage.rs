//! What the virtual interfaces of a connection use of it.

use crate::id::ConnectionId;
use crate::net::AddressFamily;
use crate::quota::{Count, Counter};
use crate::virtual_interface::options::Pool;

/// What the interfaces of a connection use of it, as its counters say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionUsage {
    /// Interfaces that have a rate limit.
    pub rate_limiters: u32,
    /// Of the pool of IPv4 prefixes.
    pub ipv4: Pool,
    /// Of the pool of IPv6 prefixes.
    pub ipv6: Pool,
}

impl ConnectionUsage {
    /// How many counters it follows from.
    pub const COUNTERS: usize = 6;

    /// The counters that it follows from.
    #[must_use]
    pub const fn counters(connection: &ConnectionId) -> [Counter<'_>; Self::COUNTERS] {
        let (v4, v6) = (AddressFamily::Ipv4, AddressFamily::Ipv6);
        [
            Counter::Interfaces(connection),
            Counter::RateLimiters(connection),
            Counter::Allocations { connection, family: v4 },
            Counter::Prefixes { connection, family: v4 },
            Counter::Allocations { connection, family: v6 },
            Counter::Prefixes { connection, family: v6 },
        ]
    }

    /// What the counters, in their order, say.
    #[must_use]
    pub fn of(counts: [Count; Self::COUNTERS]) -> Self {
        let [interfaces, limiters, allocations_v4, prefixes_v4, allocations_v6, prefixes_v6] =
            counts;
        let pool = |allocations: Count, prefixes: Count| Pool {
            interfaces: interfaces.total,
            allocations: allocations.total,
            prefixes: prefixes.total,
        };
        Self {
            rate_limiters: limiters.total,
            ipv4: pool(allocations_v4, prefixes_v4),
            ipv6: pool(allocations_v6, prefixes_v6),
        }
    }
}
