//! The settings that rules depend on.

use serde::{Deserialize, Serialize};

/// What an operator may set and a rule must know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The region's name, as in `eu-west-2`.
    pub region: String,
    /// How long a hosted interface waits for its confirmation, in milliseconds (7 days).
    pub confirmation_window: u64,
    /// How long what has ended stays visible, in milliseconds (15 minutes).
    pub visibility: u64,
    /// How long an edge may be silent before its states are unknown, in milliseconds (90 seconds).
    pub silence: u64,
    /// How long a connection at a simulated location waits for its approval, in milliseconds.
    pub simulated_approval: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: "eu-west-2".to_owned(),
            confirmation_window: 7 * 24 * 3_600_000,
            visibility: 15 * 60_000,
            silence: 90_000,
            simulated_approval: 2_000,
        }
    }
}
