//! Finds out what the server asks of this router ([`linkway_domain::edge::Inquiry`]). Changes nothing on it, and shares nothing
//! with the agent's own work.

mod capture;
pub mod frames;
mod observe;
mod watch;

use std::path::Path;

use linkway_domain::edge::{
    EdgeConfig, Finding, InterfaceConfig, PeerConfig, Question, SessionSeen,
};
use linkway_domain::id::VirtualInterfaceId;

use crate::agent::inquiries::Investigator;
use crate::bird::BirdSettings;
use crate::bird::questions::Questions;
use crate::mark::Marks;
use crate::session::DaemonError;

/// The router that is asked.
#[derive(Clone, Debug)]
pub struct Probe {
    bird: Questions,
    marks: Marks,
    /// The TCP port of BGP.
    port: u16,
    /// Of a peer that has none of its own.
    prefix_limit: u32,
}

impl Probe {
    /// With the BIRDs of a state directory, and the settings that the agent has.
    #[must_use]
    pub fn new(state: &Path, marks: Marks, settings: &BirdSettings) -> Self {
        let (port, prefix_limit) = (settings.port, settings.prefix_limit);
        Self { bird: Questions::of(state), marks, port, prefix_limit }
    }

    fn session(
        &self,
        interface: &InterfaceConfig,
        peer: &PeerConfig,
    ) -> Result<SessionSeen, DaemonError> {
        let limit = peer.prefix_limit.map_or(self.prefix_limit, u32::from);
        self.bird.session(interface, peer, limit)
    }

    fn about(
        &self,
        config: &EdgeConfig,
        id: &VirtualInterfaceId,
        find: impl Fn(&InterfaceConfig) -> Result<Finding, String>,
    ) -> Finding {
        let interface = config.interfaces.iter().find(|one| one.virtual_interface_id == *id);
        let absent = || "the interface is not on this router yet".to_owned();
        let found = interface.ok_or_else(absent).and_then(|interface| find(interface));
        found.unwrap_or_else(|reason| Finding::Failed { reason })
    }
}

impl Investigator for Probe {
    fn investigate(&self, question: &Question, config: &EdgeConfig) -> Finding {
        match question {
            Question::Routes { virtual_interface_id } => {
                self.about(config, virtual_interface_id, |interface| {
                    let routes = self.bird.routes(config, interface);
                    routes.map(Finding::Routes).map_err(|error| error.to_string())
                })
            }
            Question::Observe { virtual_interface_id } => {
                self.about(config, virtual_interface_id, |interface| {
                    let seen = observe::observe(self, config, interface);
                    Ok(Finding::Observations(Box::new(seen)))
                })
            }
            Question::Unknown => {
                Finding::Failed { reason: "this router does not know the question".to_owned() }
            }
        }
    }
}
