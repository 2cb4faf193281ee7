//! What happened, as JSON for a test or a dashboard.

use serde::Serialize;

use super::ping::Pings;
use super::states::Seen;

/// The report; members that were not reached are absent.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether everything was as it must be.
    pub ok: bool,
    /// What was not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `host namespaces` or `User-mode Linux`.
    pub kernel: &'static str,
    /// From the customer's host to the host in the VPC.
    pub pings: PingReport,
    /// How long things took.
    pub seconds: Seconds,
    /// Every change of state, in the order in which it was seen.
    pub states: Vec<Seen>,
}

/// The pings at the three moments that matter.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PingReport {
    /// Allocated and not accepted, the customer's router ready and trying.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before_accept: Option<Pings>,
    /// Accepted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_accept: Option<Pings>,
    /// Deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub after_delete: Option<Pings>,
}

/// Times, in seconds.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seconds {
    /// From the answer to the acceptance until the first ping was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_to_first_ping: Option<f64>,
    /// From the answer to the acceptance until the interface was seen `available`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_to_available: Option<f64>,
    /// The whole story, the start of the kernel included.
    pub total: f64,
}
