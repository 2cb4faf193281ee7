//! What an operator can set about BIRD and its sessions.

use std::net::Ipv4Addr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::mark::TableRange;

/// The driver's settings. The defaults are those that AWS documents (Direct Connect user
/// guide, "Routing policies and BGP communities", "Direct Connect quotas"; FAQ for the timers).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BirdSettings {
    /// The program. A name without a slash is looked for in `PATH` and in the places of system programs.
    pub program: PathBuf,
    /// Whether the agent starts BIRD when its socket does not answer. `false`: something else runs it, as
    /// `bird -R -c DIR/bird.conf -s DIR/bird.ctl -P DIR/bird.pid`.
    pub spawn: bool,
    /// The BGP identifier of every session. Without one each session has its own: see
    /// [`router_id`](super::render::router_id).
    pub router_id: Option<Ipv4Addr>,
    /// The TCP port of BGP, ours and the customer's.
    pub port: u16,
    /// The local preference of routes with community 7224:7100.
    pub local_preference_low: u32,
    /// The local preference of routes with community 7224:7200, and of those with none of the three.
    pub local_preference_medium: u32,
    /// The local preference of routes with community 7224:7300.
    pub local_preference_high: u32,
    /// The hold time that is offered, in seconds; the lower offer counts.
    pub hold_time: u16,
    /// The keepalive interval in seconds, at that hold time.
    pub keepalive_time: u16,
    /// For how long customers are asked to keep our routes while BIRD restarts, in seconds (RFC 4724).
    pub graceful_restart_time: u16,
    /// For how long a restarted BIRD waits for sessions that do not come back before it tidies the kernel's routes and
    /// announces again, in seconds. As long as it waits nothing is announced, so it is much shorter than the restart
    /// time: among many sessions one is always down.
    pub graceful_restart_wait: u16,
    /// How many prefixes of a family a customer may announce; one more shuts the session.
    pub prefix_limit: u32,
    /// How many changes of routes (announcements and withdrawals) a customer may make at once; as many as `prefix_limit` are
    /// forgiven each minute, and one more shuts the session for a time. 0: any number.
    pub flap_limit: u32,
    /// For how long, in seconds.
    pub flap_penalty: u32,
    /// How many routing domains one BIRD has; for more there are more BIRDs. What a change takes one is in
    /// proportion to what it has: it reads all of that again.
    pub routing_domains_per_process: u32,
    /// The routing tables that the agent gives VRFs, some of which BIRD looks after before they have one: those of the marks.
    #[serde(skip)]
    pub tables: TableRange,
    /// How BFD is run.
    pub bfd: Bfd,
    /// The interval of BFD in milliseconds, both ways.
    pub bfd_interval: u32,
    /// How many lost BFD packets make a loss.
    pub bfd_multiplier: u8,
}

impl Default for BirdSettings {
    fn default() -> Self {
        Self {
            program: PathBuf::from("bird"),
            spawn: true,
            router_id: None,
            port: 179,
            local_preference_low: 100,
            local_preference_medium: 200,
            local_preference_high: 300,
            hold_time: 90,
            keepalive_time: 30,
            graceful_restart_time: 120,
            graceful_restart_wait: 30,
            prefix_limit: 100,
            flap_limit: 1000,
            flap_penalty: 300,
            routing_domains_per_process: 1024,
            tables: TableRange::default(),
            bfd: Bfd::Shared,
            bfd_interval: 300,
            bfd_multiplier: 3,
        }
    }
}

/// How BFD is run. It is always passive: it begins when a customer's router does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bfd {
    /// One instance for all VRFs, with a socket for each session.
    #[serde(alias = "per_gateway")]
    Shared,
    /// None.
    Off,
}
