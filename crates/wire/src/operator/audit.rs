//! The audit trail on the wire.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Which calls of the audit trail are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventKind {
    /// Those that changed something.
    #[default]
    Changes,
    /// Reads and refused calls too.
    All,
}

/// The audit trail, oldest first. A page is full (`maxResults` long) unless it reaches the present,
/// so a short page is the end for now; its `nextToken` continues with what happens next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ListEvents {
    /// Absent means `changes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EventKind>,
    /// At most so many events in one page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_results: Option<i64>,
    /// The `nextToken` of the page before; absent for the oldest events.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_token: Option<String>,
}

/// One page of the audit trail.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EventPage {
    /// Oldest first.
    pub events: Vec<AuditEvent>,
    /// Where to go on; always there, since the trail has no end.
    pub next_token: String,
}

/// One call: who did what, on what, and how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditEvent {
    /// When the server answered.
    pub time: Timestamp,
    /// As in the answer's `x-amzn-requestid`.
    pub request_id: String,
    /// Who called: `account 123456789000`, `operator`, `edge par1-a`, `anonymous`, or a
    /// reconciler's name.
    pub principal: String,
    /// The account that called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// The key that signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_key_id: Option<String>,
    /// The caller's address.
    pub source_address: String,
    /// `AllocatePrivateVirtualInterface`
    pub operation: String,
    /// The identifiers that the call concerned.
    #[serde(default)]
    pub resources: Vec<String>,
    /// `ok`, or the error's code.
    pub outcome: String,
    /// The error's text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The request's members, keys and secrets masked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parameters: Option<Value>,
}
