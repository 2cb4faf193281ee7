//! What there is in the router's kernel, as far as the agent cares: links, addresses, routes in our tables.
//!
//! The netlink driver fills it from dumps (rtnetlink(7)); a plan compares it with the desired state; tests have a model
//! of the kernel that it is the whole state of. Names identify links: the kernel keeps them unique, and they live through
//! a reload of the picture, which indexes do not.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};
use linkway_domain::edge::Traffic;
use linkway_domain::net::AddressFamily;

use crate::fence::{Drops, Fence, FenceDigest};

/// The protocol number of the BGP daemon's routes (`RTPROT_BIRD`, linux/rtnetlink.h).
pub const DAEMON_PROTOCOL: u8 = 12;
/// Their metric, which BIRD's kernel protocols have unless told otherwise (BIRD 2.0 user's guide, 6.6).
pub const DAEMON_METRIC: u32 = 32;

/// Numbers of routes by table and family.
pub type RouteCounts = BTreeMap<(u32, AddressFamily), u32>;

/// The router's kernel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kernel {
    /// Every link of the network namespace by name, ours and others.
    pub links: BTreeMap<String, Link>,
    /// Routes in our tables whatever their protocol, and routes with our protocol in any table. The kernel's own (`proto
    /// kernel`: connected and local ones) are left out.
    pub routes: BTreeSet<Route>,
    /// The routing rules of both families, in the order in which the kernel asks them.
    pub rules: Vec<Rule>,
    /// Whether the kernel forwards IPv6 at all (`net.ipv6.conf.all.forwarding`), which no single link can turn on.
    pub forwards_ipv6: bool,
    /// Whether IPv6 packets from customers need a route back to their source ([`Change::CheckIpv6Sources`]).
    pub checks_ipv6_sources: bool,
}

impl Kernel {
    /// How many prefixes of each family the BGP daemon has a route to in each table that it has one in. In its name but of another
    /// metric a route is none of its, which it takes no notice of either.
    #[must_use]
    pub fn daemon_routes(&self) -> RouteCounts {
        let mut found = RouteCounts::new();
        let mut last = None;
        // Those of one prefix follow one another.
        let is_daemons =
            |route: &&Route| (route.protocol, route.metric) == (DAEMON_PROTOCOL, DAEMON_METRIC);
        for route in self.routes.iter().filter(is_daemons) {
            if last.replace((route.table, route.prefix)) != Some((route.table, route.prefix)) {
                let family = AddressFamily::of(route.prefix.addr());
                *found.entry((route.table, family)).or_default() += 1;
            }
        }
        found
    }

    /// The routes of a table.
    pub fn routes_of(&self, table: u32) -> impl Iterator<Item = &Route> {
        // The first that a table can have.
        let first = Route {
            table,
            prefix: IpNet::V4(Ipv4Net::default()),
            metric: 0,
            protocol: 0,
            way: Way::Via { next_hop: IpAddr::V4(Ipv4Addr::UNSPECIFIED), link: String::new() },
        };
        self.routes.range(first..).take_while(move |route| route.table == table)
    }
}

/// A link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// What it is.
    pub kind: LinkKind,
    /// Its MTU in bytes.
    pub mtu: u32,
    /// Whether it is set up (`IFF_UP`).
    pub up: bool,
    /// Whether there is a carrier (`IFF_LOWER_UP`; only ever with `up`).
    pub carrier: bool,
    /// The link that it is enslaved to, by name.
    pub master: Option<String>,
    /// Its group (`IFLA_GROUP`).
    pub group: u32,
    /// Its alias (`IFLA_IFALIAS`); empty when there is none.
    pub alias: String,
    /// Its settings for IPv4 and IPv6.
    pub conf: LinkConf,
    /// Its addresses, link-local IPv6 ones left out.
    pub addresses: BTreeSet<IpNet>,
    /// Those of its addresses whose local or connected route is missing although the link is up.
    pub unrouted: BTreeSet<IpNet>,
    /// Its filters; `None`: none that the agent has made.
    pub fence: Option<FenceDigest>,
    /// What they have dropped. Never part of a comparison.
    pub drops: Drops,
    /// Its counters, *in* being what it received. Never part of a comparison.
    pub traffic: Traffic,
}

/// What sort of link it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkKind {
    /// An 802.1Q subinterface.
    Vlan {
        /// The link under it, by name; `None` when that is in another namespace.
        parent: Option<String>,
        /// The VLAN.
        vlan: u16,
    },
    /// A VRF.
    Vrf {
        /// Its routing table.
        table: u32,
    },
    /// Anything else.
    Other,
}

/// The settings of a link that the agent cares for. Each comes with the link's dump (`IFLA_AF_SPEC`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinkConf {
    /// `net.ipv4.conf.LINK.forwarding`.
    pub forwarding: bool,
    /// `net.ipv4.conf.LINK.rp_filter`: 0 off, 1 strict (RFC 3704, section 2.2), 2 loose.
    pub rp_filter: u8,
    /// `net.ipv4.conf.LINK.send_redirects`.
    pub send_redirects: bool,
    /// `net.ipv4.conf.LINK.accept_redirects`.
    pub accept_redirects: bool,
    /// `net.ipv4.conf.LINK.arp_ignore`: 0 answers for any local address, 1 for those of the link only.
    pub arp_ignore: u8,
    /// Whether the kernel makes IPv6 link-local addresses on it (`addrgenmode` other than `none`).
    pub link_local: bool,
    /// `net.ipv6.conf.LINK.keep_addr_on_down`: IPv6 addresses outlive being put into a VRF.
    pub keep_addresses: bool,
    /// Whether any of the settings is on by which a link answers for others, believes strangers or takes what is not for it:
    /// `proxy_arp`, `arp_accept`, `accept_local`, `route_localnet`, `accept_source_route`; for IPv6 `accept_ra`,
    /// `accept_redirects`, `proxy_ndp`.
    pub lenient: bool,
}

/// A route. Its order is by table and prefix first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Route {
    /// The routing table.
    pub table: u32,
    /// Where to.
    pub prefix: IpNet,
    /// The metric (`RTA_PRIORITY`); lower wins.
    pub metric: u32,
    /// Who made it (`rtm_protocol`).
    pub protocol: u8,
    /// How.
    pub way: Way,
}

/// What a route does with a packet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Way {
    /// Sends it to a next hop.
    Via {
        /// The next hop, on the link (`RTNH_F_ONLINK` is set when the agent makes it).
        next_hop: IpAddr,
        /// The link, by name.
        link: String,
    },
    /// Sends it out on a link without a next hop. The agent never makes one.
    Dev {
        /// The link, by name.
        link: String,
    },
    /// Drops it and says so (`RTN_UNREACHABLE`). As the default route of a VRF's table it keeps packets from falling
    /// through to the main table (kernel documentation, networking/vrf).
    Unreachable,
    /// Something that the agent never makes (blackhole, several next hops, …).
    Other,
}

impl Way {
    /// The link that it leads over, if it is one.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        match self {
            Self::Via { link, .. } | Self::Dev { link } => Some(link),
            Self::Unreachable | Self::Other => None,
        }
    }
}

/// A routing rule (`ip rule`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Rule {
    /// Whose packets it is about.
    pub family: AddressFamily,
    /// Its preference; lower ones are asked first, and of equal ones the older.
    pub preference: u32,
    /// Which packets it is about.
    pub selector: Selector,
    /// What it does with them.
    pub action: RuleAction,
    /// Who made it (`FRA_PROTOCOL`).
    pub protocol: u8,
}

/// Which packets a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Selector {
    /// All.
    All,
    /// Those that have these bits of the mark.
    Mark(u32),
    /// Some others. The agent never makes such a rule.
    Other,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RuleAction {
    /// Looks in the table of the packet's VRF, if it has one.
    L3mdev,
    /// Looks in a table.
    Lookup(u32),
    /// Drops the packet and says nothing (`FR_ACT_BLACKHOLE`).
    Blackhole,
    /// Something else.
    Other,
}

/// One change of the kernel. A driver carries it out in one request; what is already so is not an error (`EEXIST` on
/// an identical object, `ESRCH`/`ENODEV`/`EADDRNOTAVAIL` on a removal).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Makes a VRF, down, with our group.
    AddVrf {
        /// Its name.
        link: String,
        /// Its routing table.
        table: u32,
        /// Its group.
        group: u32,
    },
    /// Makes an 802.1Q subinterface, down, in a VRF, with our group. The kernel does all of it in one request.
    AddVlan {
        /// Its name.
        link: String,
        /// The link under it.
        parent: String,
        /// The VLAN.
        vlan: u16,
        /// The VRF that it is put into.
        master: String,
        /// Its MTU in bytes.
        mtu: u32,
        /// Its group.
        group: u32,
    },
    /// Removes a link that we made; its addresses and routes go with it.
    DeleteLink {
        /// Its name.
        link: String,
    },
    /// Sets an alias, for people who look.
    SetAlias {
        /// The link.
        link: String,
        /// The text, at most 255 bytes.
        alias: String,
    },
    /// Sets the MTU.
    SetMtu {
        /// The link.
        link: String,
        /// The MTU in bytes.
        mtu: u32,
    },
    /// Puts a link into a VRF, or takes it out of the one that it is in.
    SetMaster {
        /// The link.
        link: String,
        /// The VRF; `None`: out of it.
        master: Option<String>,
    },
    /// Makes the settings so.
    SetConf {
        /// The link.
        link: String,
        /// The settings, all of them.
        conf: LinkConf,
    },
    /// Sets a link up.
    SetUp {
        /// The link.
        link: String,
    },
    /// Adds an address (IPv6: without duplicate address detection, since the other end is a router that may be silent).
    AddAddress {
        /// The link.
        link: String,
        /// The address with its prefix length.
        address: IpNet,
    },
    /// Removes an address.
    DeleteAddress {
        /// The link.
        link: String,
        /// The address with its prefix length.
        address: IpNet,
    },
    /// Makes the local and the connected route of an address that the link has. Of an IPv6 one only the kernel can make the local
    /// route as it was, with the address: that goes and comes back within one system call, so that it is there whatever ends us.
    RestoreRoutes {
        /// The link.
        link: String,
        /// The address with its prefix length.
        address: IpNet,
    },
    /// Makes the link's filters these and no other; `None`: none of ours.
    SetFence {
        /// The link.
        link: String,
        /// The fence.
        fence: Option<Arc<Fence>>,
    },
    /// Adds a rule, behind those of the same preference.
    AddRule(Rule),
    /// Removes a rule.
    DeleteRule(Rule),
    /// Whether an IPv6 packet that comes in on a link named `dxvif-…` is dropped unless its VRF has a route to its source.
    CheckIpv6Sources(bool),
    /// Adds a route; another of the same table, prefix and metric is replaced.
    AddRoute(Route),
    /// Removes a route.
    DeleteRoute(Route),
}

/// What others than the BGP daemon did to its routes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meddling {
    /// The tables of ours in which they did.
    pub tables: BTreeSet<u32>,
    /// There may be more than that.
    pub lost: bool,
}

/// The kernel's driver. Blocking.
pub trait Driver {
    /// What there is.
    ///
    /// # Errors
    /// In words for the operator, when the kernel cannot be read.
    fn observe(&mut self) -> Result<Kernel, String>;
    /// Makes changes, in order; one result for each. A change that fails does not stop the others. The text of an error is
    /// for the operator: what was tried and what the kernel says.
    fn apply(&mut self, changes: &[Change]) -> Vec<Result<(), String>>;
    /// Whether the kernel is still as the last [`Driver::observe`] has found it. A driver that cannot tell says no.
    fn is_unchanged(&mut self) -> bool {
        false
    }
    /// Looks again at what has changed since the last look, by what was applied and what the kernel has told, and at nothing
    /// else. `false`: it did not, all has to be looked at.
    ///
    /// # Errors
    /// As [`Driver::observe`].
    fn observe_news(&mut self, _kernel: &mut Kernel) -> Result<bool, String> {
        Ok(false)
    }
    /// What others than these processes, the BGP daemon's, did to its routes since this was last asked. A driver that cannot
    /// tell knows of nothing.
    fn meddling(&mut self, _daemon: &[u32]) -> Meddling {
        Meddling::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_the_daemon_are_counted_once() {
        let route = |table, prefix: &str, metric, protocol, way| Route {
            table,
            prefix: prefix.parse().unwrap(),
            metric,
            protocol,
            way,
        };
        let dev = |link: &str| Way::Dev { link: link.to_owned() };
        let routes = [
            route(1, "10.1.0.0/16", 32, 12, dev("a")),
            route(1, "10.1.0.0/16", 32, 12, dev("b")),
            route(1, "10.2.0.0/16", 32, 12, Way::Other),
            route(1, "2001:db8::/32", 32, 12, dev("a")),
            route(2, "10.2.0.0/16", 32, 12, dev("a")),
            // Another program's, and one in the daemon's name.
            route(1, "10.3.0.0/16", 32, 4, dev("a")),
            route(1, "10.4.0.0/16", 0, 12, dev("a")),
        ];
        let kernel = Kernel { routes: routes.into(), ..Kernel::default() };
        let (four, six) = (AddressFamily::Ipv4, AddressFamily::Ipv6);
        assert_eq!(kernel.daemon_routes(), [((1, four), 2), ((1, six), 1), ((2, four), 1)].into());
    }
}
