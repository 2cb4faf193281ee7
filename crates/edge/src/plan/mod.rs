//! What to change on a router: a pure function of the desired state and what is there.
//!
//! [`desired_state`] turns the configuration into the links, routes and sessions that are to be there, and names what cannot
//! be; [`changes`](changes::changes) compares those with the kernel. The order within a plan keeps what stays undisturbed,
//! and no part of an interface is ever there without what protects it:
//!
//! 1. sessions that are to go are taken from the daemon, so that customers' routers hear of it at once;
//! 2. links, addresses and routes that are to go are removed, a VRF after what is in it;
//! 3. ports get their fences and the router its rules;
//! 4. VRFs are made, each with its unreachable default routes, before anything is put into them; only then those go that
//!    no VRF needs any more;
//! 5. handoffs and VPC routes; then VLAN subinterfaces, complete before they are set up;
//! 6. the daemon gets the sessions that are to be.
//!
//! [`guard`](guard::Guard) tells which steps must not be made once another has failed.
//!
//! A plan after it was applied is empty, from any starting state.

mod associations;
pub mod changes;
pub mod desired;
mod fences;
pub mod guard;
pub mod rules;
pub mod scope;
pub mod settled;
pub mod tables;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use imbl::OrdMap;
use linkway_domain::edge::EdgeConfig;
use linkway_domain::id::{RoutingDomainId, VirtualInterfaceId};

use self::tables::TableSet;
use crate::fabric::FabricSessionId;
use crate::kernel::{Change, Kernel};
use crate::mark::Marks;
use crate::session::{Digest, Observed, RoutingDomain, Session, SessionId, Sessions};

pub use desired::{DesiredState, Problem, desired_state};

/// What a step is for: errors are told of it by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// A virtual interface's VLAN subinterface.
    Interface(VirtualInterfaceId),
    /// A routing domain's VRF, handoffs and routes.
    RoutingDomain(RoutingDomainId),
    /// A port's fence.
    Port(String),
    /// The routing rules, which all share.
    Rules,
    /// The check of IPv6 sources, which all share.
    Ipv6Sources,
    /// Something of ours that nothing in the configuration needs.
    Leftover,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(id) => id.fmt(f),
            Self::RoutingDomain(id) => id.fmt(f),
            Self::Port(name) => write!(f, "port {name}"),
            Self::Rules => f.write_str("routing rules"),
            Self::Ipv6Sources => f.write_str("IPv6 sources"),
            Self::Leftover => f.write_str("leftover"),
        }
    }
}

/// One change and what it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What it is for.
    pub item: Item,
    /// The change.
    pub change: Change,
}

/// What to do, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// The sessions that stay, when others have to go before their links do.
    pub withdraw: Option<Sessions>,
    /// The changes of the kernel.
    pub steps: Vec<Step>,
    /// All sessions, when the daemon does not have exactly them.
    pub sessions: Option<Sessions>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.withdraw.is_none() && self.steps.is_empty() && self.sessions.is_none()
    }
}

/// What came of planning.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Planned {
    /// What to do.
    pub plan: Plan,
    /// What of the configuration cannot be done, and why.
    pub problems: BTreeMap<Item, Problem>,
    /// The sessions that the daemon is to have.
    pub wanted: Sessions,
}

/// The plan that makes the router equal to the configuration. `digest` is the daemon's ([`crate::session::Daemon::digest`]).
#[must_use]
pub fn plan(
    config: &EdgeConfig,
    kernel: &Kernel,
    observed: &Observed,
    marks: &Marks,
    digest: impl Fn(&Sessions) -> Digest,
) -> Planned {
    let desired = desired_state(config, kernel, marks, &TableSet::default());
    let used = used(&desired.instances, desired.sessions.iter());
    let instances = desired.instances.iter().filter(|one| used.contains(&one.id));
    let wanted = Sessions::new(instances.cloned(), desired.sessions.iter().cloned());
    let steps = changes::changes(&desired, kernel, marks);
    let moved = made_anew(&steps);
    let (withdraw, sessions) = told(&wanted, observed, &moved, digest, || {
        staying(&wanted, &moved, observed).len() < observed.peers.len()
            || backbone_ends(&wanted, observed, &steps, kernel)
    });
    Planned { plan: Plan { withdraw, steps, sessions }, problems: desired.problems, wanted }
}

/// The routing domains that the daemon needs for sessions: theirs, and what those are associated with.
fn used<'a>(
    instances: impl IntoIterator<Item = &'a Arc<RoutingDomain>>,
    sessions: impl Iterator<Item = &'a Arc<Session>>,
) -> HashSet<&'a RoutingDomainId> {
    let mut used: HashSet<&RoutingDomainId> = sessions.map(|one| &one.routing_domain).collect();
    let with_sessions: Vec<&Arc<RoutingDomain>> =
        instances.into_iter().filter(|one| used.contains(&one.id)).collect();
    let associations = with_sessions.into_iter().flat_map(|one| &one.associations);
    used.extend(associations.map(|one| &one.routing_domain));
    used
}

/// The links that are removed and made anew. Their sessions have to go first, although they are wanted: the customer's router
/// hears of it at once, and the daemon takes back what it has put into a table that is not the VRF's any more.
#[must_use]
pub fn made_anew(steps: &[Step]) -> BTreeSet<String> {
    let removed: BTreeSet<&str> = steps
        .iter()
        .filter_map(|step| match &step.change {
            Change::DeleteLink { link } => Some(link.as_str()),
            _ => None,
        })
        .collect();
    let made = steps.iter().filter_map(|step| match &step.change {
        Change::AddVlan { link, .. } | Change::AddVrf { link, .. } => Some(link),
        _ => None,
    });
    made.filter(|link| removed.contains(link.as_str())).cloned().collect()
}

/// Whether the link of a session or its VRF is among these.
fn is_on(session: &Session, links: &BTreeSet<String>) -> bool {
    links.contains(session.id.interface.as_str()) || links.contains(session.routing_domain.as_str())
}

/// Whether a session with the backbone that the daemon has goes, or its link leaves the VRF. The daemon has to end it before that:
/// the other router hears of it then, and sends no more packets to a link that no fence stands around.
fn backbone_ends(wanted: &Sessions, observed: &Observed, steps: &[Step], kernel: &Kernel) -> bool {
    let ends = |id: &FabricSessionId| {
        let domain = wanted.routing_domains.get(&id.routing_domain);
        let stays = domain.is_some_and(|one| one.fabric.iter().any(|session| session.id == *id));
        let vrf = Some(id.routing_domain.as_str());
        let is_in =
            |link: &str| kernel.links.get(link).and_then(|one| one.master.as_deref()) == vrf;
        let leaves =
            |step: &Step| matches!(&step.change, Change::SetMaster { link, .. } if is_in(link));
        !stays || steps.iter().any(leaves)
    };
    observed.fabric.keys().filter(|id| id.is_backbone()).any(ends)
}

/// What the daemon has to be told before links go, if sessions of theirs leave it, and after links came.
fn told(
    wanted: &Sessions,
    observed: &Observed,
    moved: &BTreeSet<String>,
    digest: impl Fn(&Sessions) -> Digest,
    leaves: impl Fn() -> bool,
) -> (Option<Sessions>, Option<Sessions>) {
    if observed.loaded.is_none() && observed.peers.is_empty() && wanted.sessions.is_empty() {
        // A router that serves nothing needs no daemon.
        return (None, None);
    }
    let is_loaded = observed.loaded == Some(digest(wanted));
    if is_loaded && (moved.is_empty() || !leaves()) {
        return (None, None);
    }
    let withdraw = leaves().then(|| with_routing_domains(wanted, staying(wanted, moved, observed)));
    let last = match &withdraw {
        Some(staying) if staying == wanted => None,
        Some(_) | None => Some(wanted.clone()),
    };
    (withdraw, last)
}

/// The wanted sessions that the daemon has already and may keep.
fn staying(
    wanted: &Sessions,
    moved: &BTreeSet<String>,
    observed: &Observed,
) -> OrdMap<SessionId, Arc<Session>> {
    // Both are in the order of ids.
    let mut there = observed.peers.keys().peekable();
    let stays = |(id, session): &(&SessionId, &Arc<Session>)| {
        while there.next_if(|other| other < id).is_some() {}
        there.peek() == Some(id) && !is_on(session, moved)
    };
    let staying = wanted.sessions.iter().filter(stays);
    staying.map(|(id, session)| (id.clone(), Arc::clone(session))).collect()
}

/// Some of the wanted sessions with the routing domains that they need.
fn with_routing_domains(wanted: &Sessions, sessions: OrdMap<SessionId, Arc<Session>>) -> Sessions {
    let used = used(wanted.routing_domains.values(), sessions.values());
    let domains = wanted.routing_domains.iter().filter(|(id, _)| used.contains(id));
    let routing_domains = domains.map(|(id, one)| (id.clone(), Arc::clone(one))).collect();
    Sessions { routing_domains, sessions, ..Sessions::default() }
}
