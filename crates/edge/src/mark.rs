//! How the agent recognises what it made, after a crash at any moment and with its state directory lost.
//!
//! A link is ours when it has our *group*: the kernel takes the group in the very message that makes the link, so there
//! is no moment at which one exists without it. Its name is the id of the interface (`dxvif-…`) or of the routing domain
//! (`vgw-…`: at most 15 bytes, as the kernel takes them), so an operator who looks at the router sees what it serves. A route is ours when it is in a table of our
//! range and has our route protocol number. An interface that the operator made is only ever *put into* a VRF of ours, and
//! taken out again.

use linkway_domain::id::{RoutingDomainId, VirtualInterfaceId};
use serde::{Deserialize, Serialize};

use crate::kernel::{Link, LinkKind};

/// The marks, which an operator can move where something else on the router uses the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Marks {
    /// The group of our links (`ip link show group N`).
    pub link_group: u32,
    /// The protocol number of our routes (`ip route show proto N`; rtnetlink(7): above 4, the reserved ones).
    pub route_protocol: u8,
    /// The first routing table of our VRFs.
    pub first_table: u32,
    /// How many tables there are from it on.
    pub tables: u32,
    /// The preference of the first of our three rules (`ip rule`); the next two are one and two higher. 0 is before every
    /// other rule.
    pub rule_preference: u32,
    /// The bit of a packet's mark that says that it is of a routing domain.
    pub domain_mark: u32,
    /// The bit of a packet's mark that says that it comes from a customer.
    pub customer_mark: u32,
    /// The bit of a packet's mark that says that it comes from a customer's interface that has SiteLink.
    pub site_link_mark: u32,
    /// The bit of a packet's mark that says that it comes from the operator's backbone.
    pub backbone_mark: u32,
    /// The TCP port of BGP, which the fences let through: that of the daemon's settings.
    #[serde(skip)]
    pub bgp_port: u16,
}

/// Some routing tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TableRange {
    /// The first one.
    pub first: u32,
    /// How many there are.
    pub count: u32,
}

impl Default for TableRange {
    fn default() -> Self {
        Marks::default().table_range()
    }
}

impl Default for Marks {
    fn default() -> Self {
        // 7224 is the AS number in Direct Connect's communities.
        Self {
            link_group: 7224,
            route_protocol: 172,
            first_table: 722_400_000,
            tables: 100_000,
            rule_preference: 0,
            domain_mark: 0x2000_0000,
            customer_mark: 0x4000_0000,
            site_link_mark: 0x1000_0000,
            backbone_mark: 0x0800_0000,
            bgp_port: 179,
        }
    }
}

impl Marks {
    /// Whether we made this link: our group, a kind that we make, and a name that is an id of that kind.
    #[must_use]
    pub fn owns_link(&self, name: &str, link: &Link) -> bool {
        link.group == self.link_group
            && match link.kind {
                LinkKind::Vlan { .. } => VirtualInterfaceId::parse(name).is_ok(),
                LinkKind::Vrf { .. } => RoutingDomainId::parse(name).is_ok(),
                LinkKind::Other => false,
            }
    }

    /// The bits of a packet's mark that are ours.
    #[must_use]
    pub const fn all(&self) -> u32 {
        self.domain_mark | self.customer_mark | self.site_link_mark | self.backbone_mark
    }

    /// Our range of routing tables.
    #[must_use]
    pub const fn table_range(&self) -> TableRange {
        TableRange { first: self.first_table, count: self.tables }
    }

    /// Whether this routing table is in our range.
    #[must_use]
    pub const fn owns_table(&self, table: u32) -> bool {
        table >= self.first_table && table - self.first_table < self.tables
    }
}
