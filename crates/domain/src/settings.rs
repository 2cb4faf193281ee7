//! The settings that rules depend on.

use std::time::Duration;

use crate::id::AgreementName;
use crate::net::GatewayAsn;
use crate::quota::Quotas;

/// What an operator may set and a rule must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The region's name, as in `eu-west-2`.
    pub region: String,
    /// How long a hosted interface waits for its confirmation.
    pub confirmation_window: Duration,
    /// How long before the end of that time the parties are reminded; at most half of it is left then.
    pub confirmation_reminder: Duration,
    /// How long a proposal of an association waits for its answer.
    pub proposal_window: Duration,
    /// How long an answered or expired proposal stays visible.
    pub proposal_visibility: Duration,
    /// How long what has ended stays visible.
    pub visibility: Duration,
    /// How long an edge may be silent before its states are unknown.
    pub silence: Duration,
    /// How long a connection at a simulated location waits for its approval.
    pub simulated_approval: Duration,
    /// The customer agreements that accounts may confirm.
    pub customer_agreements: Vec<AgreementName>,
    /// Our AS number in the sessions of public interfaces.
    pub public_asn: GatewayAsn,
    /// How many there may be of what tenants make.
    pub quotas: Quotas,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: "eu-west-2".to_owned(),
            confirmation_window: Duration::from_secs(7 * 24 * 3600),
            confirmation_reminder: Duration::from_secs(24 * 3600),
            proposal_window: Duration::from_secs(7 * 24 * 3600),
            proposal_visibility: Duration::from_secs(3 * 24 * 3600),
            visibility: Duration::from_secs(15 * 60),
            silence: Duration::from_secs(90),
            simulated_approval: Duration::from_secs(2),
            customer_agreements: Vec::new(),
            public_asn: GatewayAsn::PUBLIC,
            quotas: Quotas::default(),
        }
    }
}

impl Settings {
    /// How long before the end of the time to confirm an interface its parties are reminded.
    #[must_use]
    pub fn reminder(&self) -> Duration {
        self.confirmation_reminder.min(self.confirmation_window / 2)
    }
}
