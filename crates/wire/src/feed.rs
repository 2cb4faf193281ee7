//! The edge feed: how an edge router gets its configuration and says what became of it.
//!
//! Whole state, never deltas: restart, replay, a lost message and a second server are one case. What makes a change of one
//! interface among a thousand cheap is the encoding alone ([`packed`]): the answer is the whole state, compressed with the
//! edge's last configuration as the dictionary. An edge
//!
//! 1. asks with [`GetEdgeConfig`]: `format`, [`FORMAT`]; `afterEpoch` and `afterGeneration` of the configuration that it has;
//!    `base`, its [`ConfigText::digest`]; and the header `Accept-Encoding: zstd`;
//! 2. unpacks the body as the answer's headers say ([`packed::answer`]);
//! 3. reads it with [`read_answer`], and keeps the [`ConfigText`] if it is later than its own: the text for the next
//!    question, the configuration to make true.
//!
//! Nothing of the answer's headers needs to be trusted: a base that is another one fails to unpack, and the edge asks again
//! without one.
//!
//! An agent and a server of different formats refuse each other, with a text that says which of the two to upgrade
//! ([`FormatMismatch`]). A message without a format is of format 1.

mod layout;
pub mod packed;
mod text;

use linkway_domain::edge::{ConfigVersion, EdgeStatus};
use serde::{Deserialize, Serialize};

pub use linkway_domain::edge::FORMAT;
pub use text::{AnswerError, Answered, BadAnswer, ConfigText, answer, read_answer};

/// An edge's agent and a server have different formats of the feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the edge's agent has format {agent} of the feed and the server has format {server}: upgrade linkway on the {}",
    if agent < server { "edge router" } else { "server" }
)]
pub struct FormatMismatch {
    /// The agent's.
    pub agent: u32,
    /// The server's.
    pub server: u32,
}

impl FormatMismatch {
    /// # Errors
    /// When the two differ.
    pub const fn check(agent: u32, server: u32) -> Result<(), Self> {
        if agent == server { Ok(()) } else { Err(Self { agent, server }) }
    }
}

/// The format of a message that names none.
const fn unnamed_format() -> u32 {
    1
}

/// `Linkway.GetEdgeConfig`: the configuration if it is not the one that the edge has, waiting up to `waitSeconds` for that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct GetEdgeConfig {
    /// The agent's format of the feed, [`FORMAT`].
    #[serde(default = "unnamed_format")]
    pub format: u32,
    /// The epoch of the configuration that the edge has; absent or 0: it has none.
    #[serde(default)]
    pub after_epoch: u64,
    /// The generation that the edge has; absent or 0: none.
    #[serde(default)]
    pub after_generation: u64,
    /// How long to wait for another one, in seconds; absent: answer at once.
    #[serde(default)]
    pub wait_seconds: u64,
    /// The digest of the text of the configuration that the edge has ([`ConfigText::digest`]): the answer may be compressed
    /// with it as the dictionary. Absent: it is compressed by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
}

impl GetEdgeConfig {
    /// What the edge has.
    #[must_use]
    pub const fn after(&self) -> ConfigVersion {
        ConfigVersion { epoch: self.after_epoch, generation: self.after_generation }
    }
}

/// The longest wait that a server grants, in seconds.
pub const LONGEST_WAIT: u64 = 60;

/// The answer to [`GetEdgeConfig`], without the configuration: see [`read_answer`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AnswerHead {
    /// The server's format of the feed, [`FORMAT`].
    #[serde(default = "unnamed_format")]
    pub format: u32,
    /// The epoch that the server has.
    #[serde(default)]
    pub epoch: u64,
    /// The generation that the server has.
    pub generation: u64,
    /// The number of the edge's last report that the server knows: the next one's must be higher.
    #[serde(default)]
    pub last_sequence: u64,
}

impl AnswerHead {
    /// What the server has.
    #[must_use]
    pub const fn version(&self) -> ConfigVersion {
        ConfigVersion { epoch: self.epoch, generation: self.generation }
    }
}

/// `Linkway.ReportEdgeStatus`. With the header `Content-Encoding: zstd` the body is [`packed::encode`]d without a base,
/// which a router with many interfaces needs: what the server takes as a body is limited (256 KiB), what it unpacks to is
/// not by the same ([`packed::LARGEST_REPORT`]).
pub type ReportEdgeStatus = EdgeStatus;

/// The answer to [`ReportEdgeStatus`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ReportAnswer {
    /// The epoch that the server has.
    #[serde(default)]
    pub epoch: u64,
    /// The generation that the server has.
    pub generation: u64,
}
