//! What can be chosen for an interface beyond what each has: the rules of the API for it, and what it uses of its connection.

use serde::{Deserialize, Serialize};

use super::drain::Drain;
use super::{GatewayId, InterfaceKind, VirtualInterface};
use crate::decide::Context;
use crate::fault::Fault;
use crate::id::ConnectionId;
use crate::net::{AddressFamily, Bandwidth, Prefix, RateLimit};
use crate::quota::{self, Counter, Use};
use crate::view::{Asked, View};

/// The prefixes of each family that an interface takes unless it was given another number, and the most that it can be given
/// (Direct Connect User Guide, "Direct Connect quotas").
pub const DEFAULT_PREFIXES: u16 = 100;
/// See [`DEFAULT_PREFIXES`].
pub const MOST_PREFIXES: u16 = 1_000;
/// The prefixes of both families that the interfaces of a Direct Connect gateway take together (Direct Connect User Guide, "Direct
/// Connect quotas").
const DX_GATEWAY_PREFIXES: u32 = 10_000;

/// What can be chosen for an interface beyond what each has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Options {
    /// What passes each way at most; `None`: what the port carries.
    pub rate_limit: Option<RateLimit>,
    /// Whether its customers reach those of other interfaces of the same Direct Connect gateway that have this too.
    pub site_link: bool,
    /// How many prefixes its sessions take.
    pub prefix_pool: PrefixPool,
    /// Of a public interface: what the customer may announce.
    pub route_filter_prefixes: Vec<Prefix>,
    /// How far the operator has it drained; `None`: it is not.
    pub drain: Option<Drain>,
}

/// How many prefixes a customer may announce (`prefixPoolAllocatedCountIpv4`, `…Ipv6`); `None`: what the operator's settings of
/// the edge say, [`DEFAULT_PREFIXES`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrefixPool {
    /// In the IPv4 session.
    pub ipv4: Option<u16>,
    /// In the IPv6 session.
    pub ipv6: Option<u16>,
}

impl PrefixPool {
    /// That of a family.
    #[must_use]
    pub const fn of(self, family: AddressFamily) -> Option<u16> {
        match family {
            AddressFamily::Ipv4 => self.ipv4,
            AddressFamily::Ipv6 => self.ipv6,
        }
    }

    /// What the other one has, and of this one where that has nothing.
    #[must_use]
    pub fn changed_by(self, other: Self) -> Self {
        Self { ipv4: other.ipv4.or(self.ipv4), ipv6: other.ipv6.or(self.ipv6) }
    }
}

/// A request's numbers of prefixes, unchecked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PrefixNumbers {
    /// `prefixPoolAllocatedCountIpv4`.
    pub ipv4: Option<i64>,
    /// `prefixPoolAllocatedCountIpv6`.
    pub ipv6: Option<i64>,
}

/// The member of a request that says how many prefixes of a family an interface takes.
#[must_use]
pub const fn prefix_member(family: AddressFamily) -> &'static str {
    match family {
        AddressFamily::Ipv4 => "prefixPoolAllocatedCountIpv4",
        AddressFamily::Ipv6 => "prefixPoolAllocatedCountIpv6",
    }
}

/// The path of a member, `parent.member` or the member alone.
pub(super) fn path(parent: &str, member: &str) -> String {
    if parent.is_empty() { member.to_owned() } else { format!("{parent}.{member}") }
}

impl PrefixNumbers {
    /// That of a family.
    #[must_use]
    pub const fn of(self, family: AddressFamily) -> Option<i64> {
        match family {
            AddressFamily::Ipv4 => self.ipv4,
            AddressFamily::Ipv6 => self.ipv6,
        }
    }

    /// Whether the request has one.
    #[must_use]
    pub const fn is_any(self) -> bool {
        self.ipv4.is_some() || self.ipv6.is_some()
    }

    /// Checks the numbers of an interface of this kind.
    ///
    /// # Errors
    /// A client fault that names the member: a number that is none of 0 to [`MOST_PREFIXES`], or any for a public interface.
    pub fn parse(self, parent: &str, kind: InterfaceKind) -> Result<PrefixPool, Fault> {
        let of = |family| {
            let Some(given) = self.of(family) else { return Ok(None) };
            let member = path(parent, prefix_member(family));
            match kind {
                InterfaceKind::Private | InterfaceKind::Transit => {}
                InterfaceKind::Public => {
                    let rule =
                        "is not offered: a public Virtual Interface always takes 1000 prefixes";
                    return Err(Fault::field(&member, given, rule));
                }
            }
            let number = u16::try_from(given).ok().filter(|number| *number <= MOST_PREFIXES);
            let rule = format!("must be from 0 to {MOST_PREFIXES} prefixes");
            number.map(Some).ok_or_else(|| Fault::field(&member, given, rule))
        };
        Ok(PrefixPool { ipv4: of(AddressFamily::Ipv4)?, ipv6: of(AddressFamily::Ipv6)? })
    }
}

/// Refuses an MTU that interfaces of this kind do not have: a transit one has 1500 or 8500 (Direct Connect User Guide, "Network
/// requirements"). What holds for every kind is [`Mtu`](crate::net::Mtu)'s to say.
///
/// # Errors
/// A client fault that names the member.
pub(super) fn mtu_fits(parent: &str, mtu: Option<i64>, kind: InterfaceKind) -> Result<(), Fault> {
    const OF_PRIVATE: i64 = 9001;
    match (kind, mtu) {
        (InterfaceKind::Transit, Some(OF_PRIVATE)) => {
            let rule = "must be 1500 or 8500 for a transit Virtual Interface";
            Err(Fault::field(&path(parent, "mtu"), OF_PRIVATE, rule))
        }
        (InterfaceKind::Transit | InterfaceKind::Private | InterfaceKind::Public, _) => Ok(()),
    }
}

/// Checks a request's rate limit, on a connection of this speed; an empty text is none.
///
/// # Errors
/// As [`RateLimit::parse`].
pub(crate) fn rate_limit(
    parent: &str,
    text: Option<&str>,
    port: Bandwidth,
) -> Result<Option<RateLimit>, Fault> {
    let given = text.filter(|text| !text.is_empty());
    given.map(|text| RateLimit::parse(&path(parent, "rateLimit"), text, port)).transpose()
}

/// Whether an interface can have SiteLink, which joins the interfaces of a Direct Connect gateway.
///
/// # Errors
/// A client fault where it cannot.
pub(crate) fn can_have_site_link(parent: &str, interface: &VirtualInterface) -> Result<(), Fault> {
    let gateway = interface.attachment.as_ref().map(|attached| &attached.gateway);
    let on_direct_connect = matches!(gateway, Some(GatewayId::DirectConnect(_)));
    match interface.kind {
        InterfaceKind::Private | InterfaceKind::Transit if on_direct_connect => Ok(()),
        InterfaceKind::Private | InterfaceKind::Transit | InterfaceKind::Public => {
            let rule = "is not offered: SiteLink needs a Direct Connect gateway";
            Err(Fault::field(&path(parent, "enableSiteLink"), "true", rule))
        }
    }
}

impl VirtualInterface {
    /// How many prefixes of a family it takes; `None` for a public one, which has no part of the connection's pool.
    #[must_use]
    pub const fn allocated_prefixes(&self, family: AddressFamily) -> Option<u16> {
        match (self.kind, self.options.prefix_pool.of(family)) {
            (InterfaceKind::Public, _) => None,
            (InterfaceKind::Private | InterfaceKind::Transit, Some(number)) => Some(number),
            (InterfaceKind::Private | InterfaceKind::Transit, None) => Some(DEFAULT_PREFIXES),
        }
    }

    /// What its options use of a connection that it is on, or is moved to, until it ends. Interfaces with the default number of prefixes are not counted here:
    /// their number follows from that of all interfaces.
    pub(super) fn uses_of_options<'c>(&self, connection: &'c ConnectionId) -> Vec<Use<'c>> {
        if self.phase.is_terminal() {
            return Vec::new();
        }
        let mut uses = Vec::new();
        if self.options.rate_limit.is_some() {
            uses.push(Use::one(Counter::RateLimiters(connection)));
        }
        for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
            let chosen = match self.kind {
                InterfaceKind::Private | InterfaceKind::Transit => {
                    self.options.prefix_pool.of(family)
                }
                InterfaceKind::Public => Some(0),
            };
            if let Some(number) = chosen {
                uses.push(Use::one(Counter::Allocations { connection, family }));
                uses.push(Use::many(Counter::Prefixes { connection, family }, number.into()));
            }
        }
        uses
    }

    /// Refuses options that have no room on the connection; `before`: the interface as it is, if it is there already.
    ///
    /// # Errors
    /// What must be loaded first, or what is used up.
    pub(super) fn options_have_room(
        &self,
        view: &View,
        context: &Context<'_>,
        before: Option<&Self>,
        port: Bandwidth,
    ) -> Asked<()> {
        let had_limit = before.is_some_and(|before| before.options.rate_limit.is_some());
        if self.options.rate_limit.is_some() && !had_limit {
            quota::room(view, context, [Use::one(Counter::RateLimiters(&self.connection))])?;
        }
        for family in [AddressFamily::Ipv4, AddressFamily::Ipv6] {
            self.prefixes_have_room(view, family, before, port)?;
        }
        Ok(())
    }

    /// What it takes of the prefixes that its Direct Connect gateway has for its interfaces, until it ends.
    pub(super) fn use_of_dx_prefixes(&self) -> Option<Use<'_>> {
        let counter = Counter::AttachedPrefixes(self.dx_gateway()?);
        Some(Use::many(counter, self.all_prefixes()))
    }

    /// The prefixes of both families.
    fn all_prefixes(&self) -> u32 {
        let families = [AddressFamily::Ipv4, AddressFamily::Ipv6];
        families.into_iter().filter_map(|f| self.allocated_prefixes(f)).map(u32::from).sum()
    }

    /// Refuses more prefixes than its Direct Connect gateway has left; `before`: the interface as it is, if that leads there already.
    ///
    /// # Errors
    /// What must be loaded first, or what is used up.
    pub(super) fn dx_prefixes_have_room(&self, view: &View, before: Option<&Self>) -> Asked<()> {
        let had = before.map_or(0, Self::all_prefixes);
        let Some(used) = self.use_of_dx_prefixes().filter(|used| used.count.total > had) else {
            return Ok(());
        };
        let taken = view.count(&used.counter)?.copied().unwrap_or_default().total;
        let free = DX_GATEWAY_PREFIXES.saturating_sub(taken) + had;
        if used.count.total > free {
            // The gateway is the recipient's, and the caller may be the lender: it is not named.
            let text = format!(
                "The Virtual Interface takes {} prefixes of both address families, which is more than is left: of the \
                 {DX_GATEWAY_PREFIXES} prefixes that a Direct Connect Gateway has for its interfaces {free} can be allocated.",
                used.count.total
            );
            return Err(Fault::client(text).into());
        }
        Ok(())
    }

    /// An interface that asks for nothing has its prefixes without a look: how many interfaces there may be is a quota of its own.
    fn prefixes_have_room(
        &self,
        view: &View,
        family: AddressFamily,
        before: Option<&Self>,
        port: Bandwidth,
    ) -> Asked<()> {
        let had = before.and_then(|before| before.allocated_prefixes(family)).unwrap_or(0);
        let Some(wanted) = self.options.prefix_pool.of(family).filter(|wanted| *wanted > had)
        else {
            return Ok(());
        };
        let connection = &self.connection;
        let allocations = Counter::Allocations { connection, family };
        let prefixes = Counter::Prefixes { connection, family };
        let interfaces = Counter::Interfaces(connection);
        view.want([&allocations, &prefixes, &interfaces].map(Counter::key))?;
        let count = |counter: &Counter<'_>| -> Asked<u32> {
            Ok(view.count(counter)?.copied().unwrap_or_default().total)
        };
        let used = Pool {
            interfaces: count(&interfaces)?,
            allocations: count(&allocations)?,
            prefixes: count(&prefixes)?,
        };
        let size = port.prefix_pool();
        let free = size.saturating_sub(used.allocated()) + u32::from(had);
        if u32::from(wanted) > free {
            let rule = format!(
                "is more than is left: of the {size} prefixes of connection {connection} {free} can be allocated"
            );
            return Err(Fault::field(prefix_member(family), wanted, rule).into());
        }
        Ok(())
    }
}

/// What of a connection's pool of prefixes of a family is in use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pool {
    /// How many interfaces the connection has.
    pub interfaces: u32,
    /// How many of them have a number of their own.
    pub allocations: u32,
    /// The sum of those numbers.
    pub prefixes: u32,
}

impl Pool {
    /// How many prefixes are allocated.
    #[must_use]
    pub fn allocated(self) -> u32 {
        let others = self.interfaces.saturating_sub(self.allocations);
        others.saturating_mul(DEFAULT_PREFIXES.into()).saturating_add(self.prefixes)
    }
}
