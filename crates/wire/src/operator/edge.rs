//! One edge router with everything on it.

pub use linkway_domain::edge::{PeerStatus, Policed, SessionState, Traffic};
use serde::{Deserialize, Serialize};

use super::Edge;

/// What the store has of an edge, and what the edge itself last said, if that was said to the server that answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeDetail {
    /// As in the list of edges; its generation is the one that the edge reported.
    #[serde(flatten)]
    pub edge: Edge,
    /// The epoch that it reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<u64>,
    /// The epoch that it should have.
    pub desired_epoch: u64,
    /// The generation that it should have.
    pub desired_generation: u64,
    /// Why the members that only a report has (traffic, peers, prefixes, a port's error) are missing; absent when they are
    /// there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail_missing: Option<String>,
    /// Its ports that serve a connection.
    pub ports: Vec<EdgePort>,
    /// The virtual interfaces that are on it, or shall be, or are being taken off.
    pub interfaces: Vec<EdgeInterface>,
    /// Its BGP sessions with the fabric, one for each handoff that has a peer and whose gateway has an interface there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fabric_sessions: Vec<FabricSession>,
}

/// The BGP session of a gateway's handoff.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FabricSession {
    /// The gateway.
    pub virtual_gateway_id: String,
    /// The handoff's interface.
    pub interface: String,
    /// The fabric's router.
    pub address: String,
    /// Its autonomous system number.
    pub asn: i64,
    /// Where the session is; absent where the edge has not said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<SessionState>,
    /// Whether the VPC counts as reached over it, so that the gateway's prefixes are announced to customers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reachable: Option<bool>,
    /// How many prefixes of the fabric's router are taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefixes_accepted: Option<u32>,
    /// How many of the customers' prefixes are announced to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefixes_advertised: Option<u32>,
    /// Why it is not up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A port that serves a connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgePort {
    /// The router's interface.
    pub interface: String,
    /// The connection.
    pub connection_id: String,
    /// As in the public API: `available`, `down`, …
    pub connection_state: String,
    /// Whether there is a signal; absent before the edge said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carrier: Option<bool>,
    /// Why the port cannot be used, in the router's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What its counters say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
}

/// A virtual interface on an edge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeInterface {
    /// The interface.
    pub virtual_interface_id: String,
    /// The connection that it is on.
    pub connection_id: String,
    /// The port that it is on.
    pub interface: String,
    /// Its VLAN there.
    pub vlan: u16,
    /// As in the public API: `available`, `down`, …
    pub virtual_interface_state: String,
    /// Whether it is in place on the router; absent before the edge said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub programmed: Option<bool>,
    /// Whether its BGP session is up; absent before the edge said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bgp_up: Option<bool>,
    /// Why it is not in place or not up, in the router's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// How often its session was reset.
    #[serde(default)]
    pub session_resets: u32,
    /// Its BGP sessions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<Vec<PeerStatus>>,
    /// What has passed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub traffic: Option<Traffic>,
    /// What its rate limit has dropped; absent where it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policed: Option<Policed>,
}

/// The interfaces of an edge router that are drained, or no more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DrainedEdge {
    /// Which.
    pub edge_id: String,
    /// Those that were not so before.
    pub virtual_interface_ids: Vec<String>,
}
