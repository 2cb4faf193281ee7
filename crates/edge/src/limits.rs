//! What a router needs of its kernel for a number of interfaces, and what it has. The sizes are pure; only [`Limits::read`] looks.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::time::Duration;

use linkway_domain::edge::EdgeConfig;
use linkway_domain::net::AddressFamily;

use rustix::process::{Resource, getrlimit};

/// How much there is on a router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Virtual interfaces and handoffs.
    pub interfaces: u64,
    /// Routing domains with a session.
    pub routing_domains: u64,
    /// BGP sessions.
    pub sessions: u64,
    /// BGP sessions of one family in the routing domain that has the most.
    pub most_in_a_domain: u64,
}

impl Size {
    /// That of a configuration.
    #[must_use]
    pub fn of(config: &EdgeConfig) -> Self {
        let count = |number: usize| number as u64;
        let mut sessions: HashMap<(&str, AddressFamily), u64> = HashMap::new();
        for interface in &config.interfaces {
            for peer in interface.peers.iter() {
                let domain = interface.routing_domain_id.as_str();
                *sessions.entry((domain, peer.addresses.family())).or_default() += 1;
            }
        }
        let domains: HashSet<&str> = sessions.keys().map(|(domain, _)| *domain).collect();
        let handoffs: usize = config.routing_domains.iter().map(|one| one.handoffs.len()).sum();
        Self {
            interfaces: count(config.interfaces.len() + handoffs),
            routing_domains: count(domains.len()),
            sessions: sessions.values().sum(),
            most_in_a_domain: sessions.values().copied().max().unwrap_or(0),
        }
    }
}

/// What the kernel allows, or what a size needs at least.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// `RLIMIT_NOFILE`: files of one process.
    pub open_files: u64,
    /// `net.core.optmem_max`, in bytes.
    pub optmem_max: u64,
    /// `net.ipv4.neigh.default.gc_thresh1`, 2 and 3, in entries.
    pub neighbours4: [u64; 3],
    /// `net.ipv6.neigh.default.gc_thresh1`, 2 and 3, in entries.
    pub neighbours6: [u64; 3],
}

/// Files that BIRD has whatever it serves: its log, control socket and clients, netlink.
const OWN_FILES: u64 = 64;
/// A listening socket for each family.
const FILES_OF_A_DOMAIN: u64 = 2;
/// The session, an attempt of the other side at the same time (RFC 4271, section 6.8), and BFD's two sockets.
const FILES_OF_A_SESSION: u64 = 4;
/// What the kernel takes for a key on a listening socket (`struct tcp_md5sig_key` with its list), in bytes, rounded up.
const BYTES_OF_A_KEY: u64 = 192;
/// The smallest of the kernels' defaults.
const LEAST_OPTMEM: u64 = 20_480;
/// The defaults of the three thresholds (kernel documentation, ip-sysctl).
const LEAST_NEIGHBOURS: [u64; 3] = [128, 512, 1024];
/// Entries for each interface: its peer, and one that is being asked for.
const NEIGHBOURS4: u64 = 2;
/// Beside these the groups that an IPv6 link speaks to: all routers', MLD's and the solicited-node addresses of both ends.
const NEIGHBOURS6: u64 = 6;

impl Limits {
    /// What this size needs.
    #[must_use]
    pub fn needed(size: Size) -> Self {
        let files = FILES_OF_A_DOMAIN * size.routing_domains + FILES_OF_A_SESSION * size.sessions;
        // Below the first nothing is collected, above the third nothing is added.
        let neighbours = |each: u64| {
            let used = each * size.interfaces;
            let of = [used, 2 * used, 4 * used];
            std::array::from_fn(|i| of[i].max(LEAST_NEIGHBOURS[i]))
        };
        Self {
            open_files: OWN_FILES + files,
            optmem_max: (BYTES_OF_A_KEY * size.most_in_a_domain).max(LEAST_OPTMEM),
            neighbours4: neighbours(NEIGHBOURS4),
            neighbours6: neighbours(NEIGHBOURS6),
        }
    }

    /// What the kernel allows this process. What cannot be read is taken to be enough: a container may hide it.
    #[must_use]
    pub fn read() -> Self {
        let thresholds = |family: &str| {
            std::array::from_fn(|i| setting(&format!("{family}/neigh/default/gc_thresh{}", i + 1)))
        };
        Self {
            // BIRD is started with as much as this process may have.
            open_files: getrlimit(Resource::Nofile).maximum.unwrap_or(u64::MAX),
            optmem_max: setting("core/optmem_max"),
            neighbours4: thresholds("ipv4"),
            neighbours6: thresholds("ipv6"),
        }
    }

    /// What of this is less than needed: what to set, in words for the operator.
    #[must_use]
    pub fn too_low(&self, needed: &Self) -> Vec<String> {
        let mut found = Vec::new();
        if self.open_files < needed.open_files {
            found.push(format!(
                "the limit of open files is {}, BIRD needs {}: set LimitNOFILE={} in the unit",
                self.open_files, needed.open_files, needed.open_files
            ));
        }
        let mut check = |name: String, is: u64, needed: u64| {
            if is < needed {
                found.push(format!("{name} is {is}, needed is {needed}: set {name}={needed}"));
            }
        };
        check("net.core.optmem_max".to_owned(), self.optmem_max, needed.optmem_max);
        let families = [
            ("ipv4", self.neighbours4, needed.neighbours4),
            ("ipv6", self.neighbours6, needed.neighbours6),
        ];
        for (family, is, needed) in families {
            for (i, (is, needed)) in is.into_iter().zip(needed).enumerate() {
                check(format!("net.{family}.neigh.default.gc_thresh{}", i + 1), is, needed);
            }
        }
        found
    }
}

fn setting(path: &str) -> u64 {
    let text = fs::read_to_string(format!("/proc/sys/net/{path}")).ok();
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(u64::MAX)
}

/// How often BIRD is to look at all of the kernel's links. It hears of each change anyway; the look is for what it could not
/// hear. A look takes long ([`link_scan`]), so it looks the more seldom the more sessions and kernel tables it has. One of
/// many tables may be one of several, each of which looks at the links of all.
#[must_use]
pub fn scan_interval(sessions: usize, tables: usize) -> Duration {
    Duration::from_secs(match (sessions, tables) {
        (0..=500, 0..=256) => 10,
        (501..=1_500, 0..=256) => 60,
        (1_501..=3_000, 0..=256) => 240,
        (3_001..=6_000, 0..=256) => 960,
        (6_001.., 0..=256) => 1_800,
        (_, 257..) => 3_600,
    })
}

/// How long BIRD takes to look at so many links, during which it does nothing else. It walks the list of all of them for each
/// (`if_update` and `if_find_by_index`, nest/iface.c): 12,000 links took BIRD 2.0.12 3.2 s.
#[must_use]
pub fn link_scan(links: usize) -> Duration {
    const NANOSECONDS_OF_A_PAIR: u64 = 22;
    let links = u64::try_from(links).unwrap_or(u64::MAX);
    Duration::from_nanos(links.saturating_mul(links).saturating_mul(NANOSECONDS_OF_A_PAIR))
}

/// A part of the tables that are to be repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RepairPart {
    /// How many tables.
    pub tables: usize,
    /// How long after it the next one may follow.
    pub pause: Duration,
}

/// How many tables BIRD may be told to repair at once, with so many links. Before it reads a table it looks at all links, unless it
/// has begun that in the last 2 s (`kif_force_scan`, sysdep/unix/krt.c): many tables share one look, but where a look takes
/// longer than that only those whose ten protocols BIRD deals with in one turn of its loop. After them BIRD has as much time for its
/// sessions as that took.
#[must_use]
pub fn repair_part(links: usize) -> RepairPart {
    /// A little less than 2 s.
    const YOUNG: Duration = Duration::from_millis(1_900);
    const IN_A_TURN: usize = 5;
    const MANY: usize = 500;
    let scan = link_scan(links);
    let tables = if scan < YOUNG { MANY } else { IN_A_TURN };
    RepairPart { tables, pause: scan * 2 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_router_needs_no_more_than_the_defaults() {
        let small =
            Size { interfaces: 50, routing_domains: 50, sessions: 100, most_in_a_domain: 50 };
        let needed = Limits::needed(small);
        assert_eq!((needed.open_files, needed.optmem_max), (564, 20_480));
        assert_eq!(needed.neighbours4, LEAST_NEIGHBOURS);
        let defaults = Limits {
            open_files: 1024,
            optmem_max: 20_480,
            neighbours4: LEAST_NEIGHBOURS,
            neighbours6: [300, 600, 1200],
        };
        assert_eq!(defaults.too_low(&needed), Vec::<String>::new());
    }

    #[test]
    fn the_more_links_the_fewer_tables_are_repaired_at_once() {
        let check = |links, tables, pause: u64| {
            let pause = Duration::from_millis(pause);
            let part = repair_part(links);
            let rounded = Duration::from_millis(u64::try_from(part.pause.as_millis()).unwrap());
            assert_eq!((part.tables, rounded), (tables, pause), "{links} links");
        };
        check(0, 500, 0);
        check(100, 500, 0);
        check(1_500, 500, 99);
        check(9_000, 500, 3_564);
        check(12_000, 5, 6_336);
        check(30_000, 5, 39_600);
    }

    #[test]
    fn what_is_too_low_is_named_with_what_to_set() {
        let large = Size {
            interfaces: 20_000,
            routing_domains: 10_000,
            sessions: 10_000,
            most_in_a_domain: 1_000,
        };
        let needed = Limits::needed(large);
        let defaults = Limits {
            open_files: 524_288,
            optmem_max: 20_480,
            neighbours4: LEAST_NEIGHBOURS,
            neighbours6: [u64::MAX; 3],
        };
        assert_eq!(
            defaults.too_low(&needed),
            [
                "net.core.optmem_max is 20480, needed is 192000: set net.core.optmem_max=192000",
                "net.ipv4.neigh.default.gc_thresh1 is 128, needed is 40000: set net.ipv4.neigh.default.gc_thresh1=40000",
                "net.ipv4.neigh.default.gc_thresh2 is 512, needed is 80000: set net.ipv4.neigh.default.gc_thresh2=80000",
                "net.ipv4.neigh.default.gc_thresh3 is 1024, needed is 160000: set net.ipv4.neigh.default.gc_thresh3=160000",
            ]
        );
        let few = Limits { open_files: 1024, ..needed };
        assert_eq!(few.too_low(&needed).len(), 1);
        assert_eq!(needed.too_low(&needed), Vec::<String>::new());
    }
}
