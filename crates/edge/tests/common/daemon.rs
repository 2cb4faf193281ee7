//! A model of the BGP daemon and of the customers' routers that it talks to.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use ipnet::IpNet;
use linkway_domain::edge::{PeerStatus, SessionState};
use linkway_domain::id::VirtualInterfaceId;
use linkway_edge::fabric::{FabricSession, FabricState};
use linkway_edge::kernel::{Route, Way};
use linkway_edge::session::{Digest, Observed, RoutingDomain, Session, SessionId, Sessions};

use super::kernel::Model;

/// The route protocol of BIRD.
pub const BIRD: u8 = 12;
/// The metric of what it learned.
pub const LEARNED_METRIC: u32 = 32;
/// What the customers of other routers announce, by the backbone.
pub const ELSEWHERE: [&str; 2] = ["172.30.0.0/16", "2001:db8:d::/48"];
/// The most prefixes of a customer.
pub const LIMIT: usize = 100;

/// A customer's router on one interface: it speaks as soon as there is something to speak to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Customer {
    pub prefixes: Vec<IpNet>,
    /// How many prefixes more than those, of no interest but for their number.
    pub more: usize,
}

/// A daemon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bgp {
    /// What it was told; `None`: it does not run.
    pub loaded: Option<Sessions>,
    /// Whether what it was told came from elsewhere than this build of the agent.
    pub foreign: bool,
    pub customers: BTreeMap<VirtualInterfaceId, Customer>,
    pub states: BTreeMap<SessionId, SessionState>,
    /// Sessions that were shut for too many prefixes, with the number of their reset.
    pub shut: BTreeSet<(SessionId, u32)>,
    /// How often each session was started.
    pub starts: BTreeMap<SessionId, u32>,
}

pub fn digest(sessions: &Sessions) -> Digest {
    let mut hasher = DefaultHasher::new();
    format!("{sessions:?}").hash(&mut hasher);
    for session in sessions.sessions.values() {
        session.auth_key.reveal().hash(&mut hasher);
    }
    Digest(hasher.finish())
}

impl Bgp {
    pub fn observe(&self) -> Observed {
        let Some(loaded) = &self.loaded else { return Observed::default() };
        let peers = loaded.sessions.values().map(|session| {
            let state = self.states.get(&session.id).copied().unwrap_or(SessionState::Idle);
            let status = PeerStatus {
                bgp_peer_id: None,
                address_family: session.addresses.family(),
                state,
                has_new_key: false,
                prefixes_accepted: 0,
                prefixes_rejected: 0,
                prefixes_advertised: 0,
                last_error: None,
            };
            (session.id.clone(), status)
        });
        let mine = (!self.foreign).then(|| digest(loaded));
        let backbone = loaded.routing_domains.values().flat_map(|one| &one.fabric);
        let backbone = backbone.filter(|session| session.id.is_backbone());
        let up = |session: &FabricSession| {
            let state = FabricState {
                state: SessionState::Established,
                reachable: true,
                prefixes_accepted: 1,
                prefixes_advertised: 0,
                last_error: None,
            };
            (session.id.clone(), state)
        };
        Observed {
            loaded: mine,
            peers: Arc::new(peers.collect()),
            fabric: Arc::new(backbone.map(up).collect()),
            keys: BTreeMap::new(),
        }
    }

    /// Takes a configuration, or starts with it. Routes of routing domains that it no longer has it takes back.
    pub fn apply(&mut self, sessions: &Sessions, kernel: &mut Model) {
        if let Some(old) = &self.loaded {
            let stays = |domain: &&Arc<RoutingDomain>| {
                sessions.routing_domains.get(&domain.id) == Some(*domain)
            };
            for gone in old.routing_domains.values().filter(|domain| !stays(domain)) {
                kernel.routes.retain(|r| r.protocol != BIRD || r.table != gone.table);
            }
        }
        for (id, session) in &sessions.sessions {
            let before = self.loaded.as_ref().and_then(|old| old.sessions.get(id));
            if before != Some(session) {
                *self.starts.entry(id.clone()).or_default() += 1;
            }
        }
        self.loaded = Some(sessions.clone());
        self.foreign = false;
        let known = |id: &SessionId, resets: u32| {
            sessions.sessions.get(id).is_some_and(|session| session.resets == resets)
        };
        self.shut.retain(|(id, resets)| known(id, *resets));
        self.run(kernel);
    }

    /// It dies; what it put into the kernel stays.
    pub fn crash(&mut self) {
        self.loaded = None;
        self.states.clear();
        self.shut.clear();
    }

    /// Lets sessions come up or go down and routes follow, as the kernel is now.
    pub fn run(&mut self, kernel: &mut Model) {
        let Some(loaded) = self.loaded.clone() else { return };
        let mut learned = BTreeSet::new();
        self.states.clear();
        for session in loaded.sessions.values() {
            let state = self.session(session, kernel);
            self.states.insert(session.id.clone(), state);
            let domain = loaded.routing_domains.get(&session.routing_domain);
            if let (SessionState::Established, Some(domain)) = (state, domain) {
                let own = |prefix: &&IpNet| {
                    let v4 = session.addresses.amazon().addr().is_ipv4();
                    prefix.addr().is_ipv4() == v4
                        && !domain.cidrs.iter().any(|cidr| cidr.net().contains(*prefix))
                        && !domain
                            .associations
                            .iter()
                            .flat_map(|one| &one.announced)
                            .any(|one| one.prefix.net() == **prefix)
                };
                // Of what a Direct Connect gateway is associated with, each has its customers' routes too.
                let others = domain.associations.iter().map(|one| one.table);
                let tables: Vec<u32> = std::iter::once(domain.table).chain(others).collect();
                let prefixes = &self.customers[&session.id.interface].prefixes;
                let each = prefixes
                    .iter()
                    .filter(own)
                    .flat_map(|prefix| tables.iter().map(move |table| (*table, prefix)));
                learned.extend(each.map(|(table, prefix)| Route {
                    table,
                    prefix: *prefix,
                    metric: LEARNED_METRIC,
                    protocol: BIRD,
                    way: Way::Via {
                        next_hop: session.addresses.customer().addr(),
                        link: session.id.interface.to_string(),
                    },
                }));
            }
        }
        learned.extend(loaded.routing_domains.values().flat_map(|one| of_backbone(one, kernel)));
        let tables: BTreeSet<u32> =
            loaded.routing_domains.values().map(|domain| domain.table).collect();
        kernel.routes.retain(|route| {
            route.protocol != BIRD || !tables.contains(&route.table) || learned.contains(route)
        });
        for route in learned {
            // Two customers with one prefix: the last one wins, as good as any.
            let _ = kernel.add_route(&route);
        }
    }

    fn session(&mut self, session: &Session, kernel: &Model) -> SessionState {
        let name = session.id.interface.to_string();
        let ready = kernel.links.get(&name).is_some_and(|link| {
            let vrf = kernel.links.get(session.routing_domain.as_str());
            link.carrier
                && link.master.as_deref() == Some(session.routing_domain.as_str())
                && vrf.is_some_and(|vrf| vrf.up)
                && link.addresses.contains(&session.addresses.amazon())
        });
        if self.shut.contains(&(session.id.clone(), session.resets)) {
            return SessionState::PrefixLimit;
        }
        match self.customers.get(&session.id.interface) {
            Some(customer) if ready => {
                let family = |net: &&IpNet| {
                    net.addr().is_ipv4() == session.addresses.amazon().addr().is_ipv4()
                };
                if customer.prefixes.iter().filter(family).count() + customer.more > LIMIT {
                    self.shut.insert((session.id.clone(), session.resets));
                    return SessionState::PrefixLimit;
                }
                SessionState::Established
            }
            Some(_) | None => SessionState::Active,
        }
    }
}

/// What a Direct Connect gateway's sessions with the backbone bring, while their links are in its VRF.
fn of_backbone(domain: &RoutingDomain, kernel: &Model) -> Vec<Route> {
    let is_up = |session: &&FabricSession| {
        let link = kernel.links.get(&session.interface);
        link.is_some_and(|link| {
            link.carrier && link.up && link.master.as_deref() == Some(domain.id.as_str())
        })
    };
    let all = domain.fabric.iter().filter(|session| session.id.is_backbone()).filter(is_up);
    all.map(|session| {
        let prefix = ELSEWHERE[usize::from(session.address.is_ipv6())];
        let way = Way::Via { next_hop: session.address, link: session.interface.clone() };
        let prefix = prefix.parse().expect("a prefix");
        Route { table: domain.table, prefix, metric: LEARNED_METRIC, protocol: BIRD, way }
    })
    .collect()
}
