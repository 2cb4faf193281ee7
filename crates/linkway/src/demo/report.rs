//! The report of a run, as JSON for tests and other programs.

use serde::Serialize;

use super::ping::Pings;
use super::states::StateChange;

/// The report. Members of steps that were not reached are absent.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Whether every check passed.
    pub ok: bool,
    /// The check that failed, or why there is no result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// `host namespaces` or `User-mode Linux`.
    pub kernel: &'static str,
    /// From the customer's host to the host in the VPC.
    pub pings: PingReport,
    /// Durations, in seconds.
    pub seconds: Seconds,
    /// Every change of state, in the order in which it was observed.
    pub states: Vec<StateChange>,
}

/// The pings of the three steps that send some.
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

/// Durations, in seconds.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Seconds {
    /// From the answer to the acceptance until the first ping was answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_to_first_ping: Option<f64>,
    /// From the answer to the acceptance until the interface was observed as `available`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirm_to_available: Option<f64>,
    /// The whole run, the boot of User-mode Linux included.
    pub total: f64,
}
