//! The edge feed: how an edge router gets its configuration and says what became of it.
//!
//! Whole state, never deltas: restart, replay, a lost message and a second server are one case.

use linkway_domain::edge::{EdgeConfig, EdgeStatus};
use serde::{Deserialize, Serialize};

/// `Linkway.GetEdgeConfig`: the configuration if it is newer than `afterGeneration`, waiting up to `waitSeconds` for that.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetEdgeConfig {
    /// The generation that the edge has; absent or 0: none.
    #[serde(default)]
    pub after_generation: u64,
    /// How long to wait for a newer one, in seconds; absent: answer at once.
    #[serde(default)]
    pub wait_seconds: u64,
}

/// The longest wait that a server grants, in seconds.
pub const LONGEST_WAIT: u64 = 60;

/// The answer to [`GetEdgeConfig`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EdgeConfigAnswer {
    /// The generation that the server has.
    pub generation: u64,
    /// The configuration; absent when the edge has this generation already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config: Option<EdgeConfig>,
}

/// `Linkway.ReportEdgeStatus`.
pub type ReportEdgeStatus = EdgeStatus;

/// The answer to [`ReportEdgeStatus`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportAnswer {
    /// The generation that the server has.
    pub generation: u64,
}
