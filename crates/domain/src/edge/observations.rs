//! What a router sees of an interface while it looks at it for some seconds: facts, without a judgement of them
//! ([`crate::virtual_interface::explain`] has that).

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::status::SessionState;
use crate::id::PortName;
use crate::net::AddressFamily;
use crate::time::Time;
use crate::virtual_interface::bounded_text;

/// The most of a list: VLANs, addresses, handoffs.
const MOST: usize = 16;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observations {
    /// When it began, by the router's clock.
    pub at: Time,
    /// How long it took, in milliseconds.
    pub milliseconds: u32,
    /// The port.
    pub port: LinkSeen,
    /// The interface's own link, its VLAN on the port; absent: it is not on the router.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vlan: Option<LinkSeen>,
    /// Each peer that it is to have.
    #[serde(default)]
    pub peers: Vec<PeerSeen>,
    /// Each handoff of its routing domain, and of those that are associated with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub handoffs: Vec<HandoffSeen>,
    /// What could not be looked at, in the router's words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

impl Observations {
    /// With texts and lists of bounded length.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.peers.sort_by_key(|peer| peer.family);
        self.peers.dedup_by_key(|peer| peer.family);
        for peer in &mut self.peers {
            peer.neighbor.others =
                std::mem::take(&mut peer.neighbor.others).into_iter().take(MOST).collect();
            peer.session.last_error =
                peer.session.last_error.take().map(|text| bounded_text(&text));
            peer.session.last_log = peer.session.last_log.take().map(|text| bounded_text(&text));
        }
        self.handoffs.truncate(MOST);
        self.errors.truncate(MOST);
        for text in &mut self.errors {
            *text = bounded_text(text);
        }
        self
    }
}

/// A link.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkSeen {
    /// Whether it has a carrier.
    pub carrier: bool,
    /// Frames received since it was made.
    pub received: u64,
    /// Frames received meanwhile.
    pub received_meanwhile: u64,
}

/// A peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PeerSeen {
    /// The family of its addresses.
    pub family: AddressFamily,
    /// What was seen of the customer's address.
    #[serde(default)]
    pub neighbor: NeighborSeen,
    /// BGP's TCP segments that came meanwhile.
    #[serde(default)]
    pub segments: SegmentsSeen,
    /// The session.
    pub session: SessionSeen,
}

/// What was seen of the customer's address on the VLAN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NeighborSeen {
    /// Whether ARP or neighbor discovery was answered; absent: it could not be seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<bool>,
    /// Whether the ping was answered.
    #[serde(default)]
    pub pinged: bool,
    /// Other addresses that somebody on the VLAN claims to have in ARP or neighbor discovery.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub others: BTreeSet<IpAddr>,
}

/// BGP's TCP segments of the customer's router.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SegmentsSeen {
    /// With the right signature (RFC 2385), the key's.
    #[serde(default)]
    pub signed: u32,
    /// With another signature.
    #[serde(default)]
    pub badly_signed: u32,
    /// Without a signature.
    #[serde(default)]
    pub unsigned: u32,
    /// Of these, those that refuse a connection.
    #[serde(default)]
    pub resets: u32,
}

/// A session as the daemon has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SessionSeen {
    /// Where it is; absent: the daemon does not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SessionState>,
    /// What last went wrong, in the daemon's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    /// What the daemon's log last has of it: it names what the error does not, such as an AS number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_log: Option<String>,
    /// When that was logged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged_at: Option<Time>,
    /// Prefixes that are let in.
    #[serde(default)]
    pub accepted: u32,
    /// Prefixes that are turned away.
    #[serde(default)]
    pub rejected: u32,
    /// Prefixes that are announced.
    #[serde(default)]
    pub advertised: u32,
    /// How many prefixes the customer's router may announce.
    pub prefix_limit: u32,
    /// Whether BFD has the customer's router up; absent: it does not use BFD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bfd_up: Option<bool>,
}

/// A handoff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HandoffSeen {
    /// The router's interface towards the fabric.
    pub interface: PortName,
    /// Whether it has a carrier.
    pub carrier: bool,
    /// Of one with a BGP session with the fabric: whether the VPC counts as reached over it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
}
