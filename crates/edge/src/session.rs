//! BGP sessions as they are to be and as the daemon has them, whatever the daemon.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use imbl::OrdMap;
use ipnet::IpNet;
use linkway_domain::Time;
use linkway_domain::edge::{DrainStage, NewKeyConfig, PeerStatus};
use linkway_domain::id::{RoutingDomainId, VirtualInterfaceId};
use linkway_domain::net::{AddressFamily, AuthKey, PeerAddresses, Prefix};

use crate::fabric::{FabricSession, FabricStates};
use crate::kernel::RouteCounts;

/// All that the daemon has to do. Cheap to clone; what is the same as in another one is shared with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    /// The routing domains with a session.
    pub routing_domains: OrdMap<RoutingDomainId, Arc<RoutingDomain>>,
    /// The sessions.
    pub sessions: OrdMap<SessionId, Arc<Session>>,
    /// The kernel tables that the daemon is to look after, those of the routing domains among them; empty: those alone.
    pub tables: Arc<BTreeSet<u32>>,
}

impl Sessions {
    /// Of these routing domains and sessions.
    pub fn new(
        routing_domains: impl IntoIterator<Item = Arc<RoutingDomain>>,
        sessions: impl IntoIterator<Item = Arc<Session>>,
    ) -> Self {
        let routing_domains = routing_domains.into_iter().map(|one| (one.id.clone(), one));
        let sessions = sessions.into_iter().map(|one| (one.id.clone(), one));
        Self {
            routing_domains: routing_domains.collect(),
            sessions: sessions.collect(),
            tables: Arc::default(),
        }
    }

    /// Adds a routing domain, or replaces the one of the same id.
    pub fn put_routing_domain(&mut self, one: Arc<RoutingDomain>) {
        self.routing_domains.insert(one.id.clone(), one);
    }

    /// Adds a session, or replaces the one of the same id.
    pub fn put_session(&mut self, one: Arc<Session>) {
        self.sessions.insert(one.id.clone(), one);
    }

    /// Whether the two share everything: equal ones need not.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.routing_domains.ptr_eq(&other.routing_domains)
            && self.sessions.ptr_eq(&other.sessions)
            && Arc::ptr_eq(&self.tables, &other.tables)
    }
}

/// A routing domain's instance in the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoutingDomain {
    /// The routing domain; also the name of its VRF device.
    pub id: RoutingDomainId,
    /// The kernel's routing table of the VRF.
    pub table: u32,
    /// Our AS number.
    pub asn: u32,
    /// What is announced to customers, each with the way towards it, while that way is up.
    pub announced: Vec<Announced>,
    /// The domain's own prefixes and those of the domains that it is associated with, announced or not: nothing inside them is
    /// ever accepted from a customer.
    pub cidrs: Vec<Prefix>,
    /// What else in the VRF is not a customer's to announce: the subnets of the handoffs with the router's own addresses, and
    /// the next hops towards the VPC, the same of the domains that it is associated with, and the subnets of their customers'
    /// sessions. Nothing inside them is accepted either. Sorted, each once.
    pub reserved: Vec<IpNet>,
    /// The sessions with the fabric, IPv4 first; of a Direct Connect gateway's: those with the backbone.
    pub fabric: Vec<FabricSession>,
    /// Of a Direct Connect gateway's: what its customers reach in other routing domains, in the order of these.
    pub associations: Vec<Association>,
}

/// What a Direct Connect gateway's customers reach in the routing domain of a gateway that is associated with it. Their routes
/// are in that domain too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Association {
    /// The associated gateway's routing domain.
    pub routing_domain: RoutingDomainId,
    /// The kernel's routing table of its VRF.
    pub table: u32,
    /// What is announced to the customers, each with the way towards it over that domain's handoffs, while that way is up.
    pub announced: Vec<Announced>,
    /// The families in which that domain's session with the fabric decides whether it is announced.
    pub fabric: Vec<AddressFamily>,
}

impl Association {
    /// The prefixes of a family that are announced.
    pub fn prefixes(&self, family: AddressFamily) -> impl Iterator<Item = IpNet> {
        let nets = self.announced.iter().map(|one| one.prefix.net());
        nets.filter(move |net| AddressFamily::of(net.addr()) == family)
    }
}

/// A prefix that is announced to customers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The prefix.
    pub prefix: Prefix,
    /// The next hop towards the VPC.
    pub next_hop: IpAddr,
    /// The handoff interface that it is on.
    pub interface: String,
}

/// Names a session. An interface has one of each address family at most.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId {
    /// The interface; also the name of its VLAN subinterface.
    pub interface: VirtualInterfaceId,
    /// The family of its addresses and routes.
    pub family: AddressFamily,
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.interface, self.family.as_str())
    }
}

/// The session with one BGP peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Whose it is; its family is that of the addresses.
    pub id: SessionId,
    /// The routing domain whose routes it exchanges.
    pub routing_domain: RoutingDomainId,
    /// Both ends.
    pub addresses: PeerAddresses,
    /// The customer's AS number.
    pub asn: u32,
    /// The key (RFC 2385).
    pub auth_key: AuthKey,
    /// A key that is to take its place, and from when on it is the only one, by the edge's clock.
    pub new_key: Option<NewKeyConfig>,
    /// How often the session was started anew: another number is another session.
    pub resets: u32,
    /// Of a public interface: the prefixes of the family that are accepted, parts of them too. `None`: as of a private one.
    pub public: Option<Vec<Prefix>>,
    /// How many prefixes the customer may announce; `None`: as the settings say.
    pub prefix_limit: Option<u16>,
    /// Until when the session is shut for a failover test, by the edge's clock.
    pub shut_until: Option<Time>,
    /// How far it is drained; `None`: it is not.
    pub drain: Option<DrainStage>,
    /// Whether it exchanges customers' routes with the other sessions of its routing domain that have this too.
    pub site_link: bool,
}

/// Recognises a configuration that the daemon has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub u64);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The error of a session that is shut for a time, because its routes came and went without end, begins so.
pub const FLAPPING: &str = "the customer's router announces and withdraws its routes too often";

/// What the daemon has and does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The configuration that it has loaded; `None`: the daemon does not run, or has one that is not ours.
    pub loaded: Option<Digest>,
    /// The sessions that it has.
    pub peers: Arc<Peers>,
    /// The sessions with the fabric that it has.
    pub fabric: Arc<FabricStates>,
    /// The keys that it has for the sessions for which a new one waits.
    pub keys: BTreeMap<SessionId, AuthKey>,
}

/// The state of sessions.
pub type Peers = BTreeMap<SessionId, PeerStatus>;

/// A BGP daemon. Blocking; bounded in time by the driver.
pub trait Daemon {
    /// What it takes to recognise this configuration when it is loaded. Pure, and the same for the same sessions.
    fn digest(&self, sessions: &Sessions) -> Digest;
    /// What the daemon has and does. A daemon that does not run is not an error.
    ///
    /// # Errors
    /// When the daemon runs and cannot be asked.
    fn read(&mut self) -> Result<Observed, DaemonError>;
    /// The same for less: counters of sessions that went on as they were may be those of an earlier look. It is given what
    /// that has found, to be changed where it has to be instead of made anew.
    ///
    /// # Errors
    /// As [`Daemon::read`].
    fn glance(&mut self, _last: Observed) -> Result<Observed, DaemonError> {
        self.read()
    }
    /// Looks at the sessions with the fabric alone, and lets them decide what is announced: what a look at everything would do
    /// too, but that may be seconds away where there is much to look at.
    ///
    /// # Errors
    /// As [`Daemon::read`].
    fn tend_fabric(&mut self) -> Result<Option<Arc<FabricStates>>, DaemonError> {
        Ok(None)
    }
    /// The numbers of its processes, which ask the kernel for its routes.
    fn process_ids(&self) -> Vec<u32> {
        Vec::new()
    }
    /// How many routes it has for each kernel table that it looks after.
    ///
    /// # Errors
    /// As [`Daemon::read`].
    fn route_counts(&mut self) -> Result<RouteCounts, DaemonError> {
        Ok(RouteCounts::new())
    }
    /// Makes the routes in these kernel tables what the daemon has.
    ///
    /// # Errors
    /// As [`Daemon::read`].
    fn repair_routes(&mut self, _tables: &BTreeSet<u32>) -> Result<(), DaemonError> {
        Ok(())
    }
    /// Makes the daemon do exactly this, starting it where it does not run; sessions that stay the same are undisturbed.
    ///
    /// # Errors
    /// When the daemon cannot be started or asked, or refuses the configuration.
    fn apply(&mut self, sessions: &Sessions) -> Result<(), DaemonError>;
}

/// The daemon could not be talked to, or refused.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Its program, files or socket.
    #[error("{doing}: {why}")]
    Io {
        /// What was tried, with the path.
        doing: String,
        /// The system's error.
        why: std::io::Error,
    },
    /// It answered with an error, in its words.
    #[error("the BGP daemon refused {what}: {text}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// Its answer, without secrets.
        text: String,
    },
    /// It did not answer in time.
    #[error("the BGP daemon did not answer {what} within {seconds} s")]
    Silent {
        /// What was asked.
        what: &'static str,
        /// How long it was waited for, in seconds.
        seconds: u64,
    },
}
