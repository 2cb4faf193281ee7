//! What to change on a router: a pure function of what shall be and what is.
//!
//! [`aim`](aim::aim) turns the configuration into the links, routes and sessions that shall be there, and names what cannot be;
//! [`changes`](changes::changes) compares those with the kernel. The order within a plan keeps what stays undisturbed and lets
//! nothing of an interface be there without what protects it:
//!
//! 1. sessions that shall go are taken from the daemon, so that customers' routers hear of it at once;
//! 2. links, addresses and routes that shall go are removed, a VRF after what is in it;
//! 3. VRFs are made, each with its last route that drops, before anything is put into them; only then last routes go that
//!    no VRF needs any more;
//! 4. handoffs and VPC routes; then VLAN subinterfaces, complete before they are set up;
//! 5. the daemon gets the sessions that shall be.
//!
//! [`guard`](guard::Guard) tells which steps must not be made once another has failed.
//!
//! A plan after it was applied is empty, from any starting state (design, invariant 7).

pub mod aim;
pub mod changes;
pub mod guard;
pub mod scope;
pub mod settled;
pub mod tables;

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

use linkway_domain::edge::EdgeConfig;
use linkway_domain::id::{VirtualGatewayId, VirtualInterfaceId};

use self::tables::TableSet;
use crate::kernel::{Change, Kernel, LinkKind};
use crate::list::List;
use crate::mark::Marks;
use crate::session::{Digest, Gateway, Observed, Session, Sessions};

pub use aim::{Aim, Problem, aim};

/// What a step is for: errors are told of it by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Item {
    /// A virtual interface's VLAN subinterface.
    Interface(VirtualInterfaceId),
    /// A virtual gateway's VRF, handoffs and routes.
    Gateway(VirtualGatewayId),
    /// Something of ours that nothing in the configuration needs.
    Leftover,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Interface(id) => id.fmt(f),
            Self::Gateway(id) => id.fmt(f),
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
    /// What of the configuration cannot be as it shall, and why.
    pub problems: BTreeMap<Item, Problem>,
    /// The sessions that the daemon shall have.
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
    let mut aim = aim(config, kernel, marks, &TableSet::default());
    let sessions = std::mem::take(&mut aim.sessions);
    let used: HashSet<&VirtualGatewayId> = sessions.iter().map(|one| &one.gateway).collect();
    let mut gateways = std::mem::take(&mut aim.instances);
    gateways.retain(|gateway| used.contains(&gateway.id));
    let wanted = Sessions {
        gateways: gateways.into_iter().collect(),
        sessions: sessions.into_iter().collect(),
    };
    let moved = moved(&aim, kernel);
    let steps = changes::changes(&aim, kernel, marks);
    let (withdraw, sessions) = told(&wanted, observed, &moved, digest, || {
        staying(&wanted, &moved, observed).len() < observed.peers.len()
    });
    Planned { plan: Plan { withdraw, steps, sessions }, problems: aim.problems, wanted }
}

/// The gateways whose VRF is made anew with another table. The daemon puts what it learns into the table that it was told of,
/// so their sessions have to go first, although they are wanted.
fn moved(aim: &Aim, kernel: &Kernel) -> BTreeSet<VirtualGatewayId> {
    let other = |vrf: &aim::Vrf| {
        let now = kernel.links.get(vrf.id.as_str());
        now.is_some_and(|link| link.kind != LinkKind::Vrf { table: vrf.table })
    };
    aim.vrfs.values().filter(|vrf| other(vrf)).map(|vrf| vrf.id.clone()).collect()
}

/// What the daemon has to be told before links go, if sessions of theirs leave it, and after links came.
fn told(
    wanted: &Sessions,
    observed: &Observed,
    moved: &BTreeSet<VirtualGatewayId>,
    digest: impl Fn(&Sessions) -> Digest,
    leaves: impl FnOnce() -> bool,
) -> (Option<Sessions>, Option<Sessions>) {
    if observed.loaded.is_none() && observed.peers.is_empty() && wanted.sessions.is_empty() {
        // A router that serves nothing needs no daemon.
        return (None, None);
    }
    if observed.loaded == Some(digest(wanted)) {
        return (None, None);
    }
    let withdraw = leaves().then(|| with_gateways(wanted, staying(wanted, moved, observed)));
    let last = match &withdraw {
        Some(staying) if staying == wanted => None,
        Some(_) | None => Some(wanted.clone()),
    };
    (withdraw, last)
}

/// The wanted sessions that the daemon has already and may keep.
fn staying(
    wanted: &Sessions,
    moved: &BTreeSet<VirtualGatewayId>,
    observed: &Observed,
) -> List<Session> {
    // Both are in the order of ids.
    let mut there = observed.peers.keys().peekable();
    let stays = |session: &&Arc<Session>| {
        while there.next_if(|id| **id < session.id).is_some() {}
        there.peek().is_some_and(|id| **id == session.id) && !moved.contains(&session.gateway)
    };
    wanted.sessions.iter().filter(stays).cloned().collect()
}

/// Some of the wanted sessions with the gateways that they need.
fn with_gateways(wanted: &Sessions, sessions: List<Session>) -> Sessions {
    let used: HashSet<&VirtualGatewayId> = sessions.iter().map(|one| &one.gateway).collect();
    let used = |gateway: &&Arc<Gateway>| used.contains(&gateway.id);
    let gateways = wanted.gateways.iter().filter(used).cloned().collect();
    Sessions { gateways, sessions }
}
