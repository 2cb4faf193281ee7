//! How the agent reaches its server.

use std::time::Duration;

use linkway_domain::edge::{EdgeStatus, Inquiry};

use super::stored_config::StoredConfig;

/// The edge feed. Blocking; bounded in time by the implementation.
pub trait Server: Send + 'static {
    /// The configuration if it is another than the one that is held, waiting for that for up to `wait`.
    ///
    /// # Errors
    /// In words for the operator, when the server cannot be reached or refuses.
    fn config(
        &mut self,
        held: Option<&StoredConfig>,
        wait: Duration,
    ) -> Result<FeedResponse, String>;
    /// Brings a report.
    ///
    /// # Errors
    /// As [`Server::config`].
    fn report(&mut self, status: &EdgeStatus) -> Result<(), String>;
}

/// What the server answers to a question for the configuration.
pub struct FeedResponse {
    /// The configuration; `None`: the edge has it.
    pub config: Option<StoredConfig>,
    /// The number of this edge's last report that the server knows.
    pub last_sequence: u64,
    /// What the server asks this router.
    pub inquiries: Vec<Inquiry>,
}
