//! What an edge router last said of an interface: a record of its own, so that a report wakes no router and rewrites no
//! sealed record.

use serde::{Deserialize, Serialize};

use super::State;
use crate::id::VirtualInterfaceId;
use crate::key::{self, Key};
use crate::net::AddressFamily;
use crate::stored::{Group, Stored};

/// What the edge last said of an accepted interface. There is none before it was programmed, and none once the interface
/// is being deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualInterfaceStatus {
    /// The interface.
    pub id: VirtualInterfaceId,
    /// What there is of it.
    pub report: InterfaceReport,
}

/// What an edge says of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct InterfaceReport {
    /// Whether VLAN, VRF, addresses and sessions are in place.
    pub programmed: bool,
    /// The BGP sessions that are there, by family, at most one of each.
    pub peers: Vec<PeerReport>,
    /// Why it is not programmed or not up, in the router's words.
    pub error: Option<String>,
}

/// What an edge says of one BGP session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerReport {
    /// The family of its addresses.
    pub family: AddressFamily,
    /// Whether it is established.
    pub established: bool,
}

impl InterfaceReport {
    /// With an error text of bounded length and without control characters: it ends up in terminals and answers.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.error = self.error.map(|text| bounded_text(&text));
        self
    }

    /// Whether a session is established; an interface is up while any is.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.peers.iter().any(|peer| peer.established)
    }

    /// What it says of a family's session.
    #[must_use]
    pub fn peer(&self, family: AddressFamily) -> Option<PeerReport> {
        self.peers.iter().copied().find(|peer| peer.family == family)
    }

    /// The state of an accepted interface.
    #[must_use]
    pub fn state(&self) -> State {
        match self {
            Self { programmed: true, .. } if self.is_up() => State::Available,
            // A router that cannot program it says so in `error`; clients wait for `available` or `down`.
            Self { programmed: false, error: None, .. } => State::Pending,
            Self { .. } => State::Down,
        }
    }
}

impl Stored for VirtualInterfaceStatus {
    fn key(&self) -> Option<Key> {
        Some(key::interface_status(&self.id))
    }

    /// The interface's own record counts as pending.
    fn counts(&self) -> Vec<(Group, i64)> {
        let group = |state: State| ("interface", state.as_str());
        match self.report.state() {
            State::Pending => Vec::new(),
            state => vec![(group(State::Pending), -1), (group(state), 1)],
        }
    }
}

/// The longest text of a router's error that is kept, in characters.
const LONGEST_ERROR: usize = 500;

/// A router's text as it is kept: at most so long, and nothing in it that a terminal obeys.
pub(crate) fn bounded_text(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_ERROR).collect()
}
