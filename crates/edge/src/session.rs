//! BGP sessions as they shall be and as the daemon has them, whatever the daemon.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use linkway_domain::edge::PeerStatus;
use linkway_domain::id::{VirtualGatewayId, VirtualInterfaceId};
use linkway_domain::net::{AuthKey, PeerAddresses, Prefix};

use crate::list::{Identified, List};

/// All that the daemon shall do. Cheap to clone; items are shared with what it was told before where they are the same.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sessions {
    /// The gateways with a session.
    pub gateways: List<Gateway>,
    /// The sessions.
    pub sessions: List<Session>,
}

/// A gateway's routing instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gateway {
    /// The gateway; also the name of its VRF device.
    pub id: VirtualGatewayId,
    /// The kernel's routing table of the VRF.
    pub table: u32,
    /// Our AS number.
    pub asn: u32,
    /// What is announced to customers, each with the way towards it, while that way is up.
    pub announced: Vec<Announced>,
    /// The gateway's prefixes, announced or not: nothing inside them is ever accepted from a customer.
    pub cidrs: Vec<Prefix>,
}

/// A prefix of the VPC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announced {
    /// The prefix.
    pub prefix: Prefix,
    /// The next hop towards the VPC.
    pub next_hop: IpAddr,
    /// The handoff interface that it is on.
    pub interface: String,
}

/// The session of one virtual interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The interface; also the name of its VLAN subinterface.
    pub id: VirtualInterfaceId,
    /// The gateway whose routes it exchanges.
    pub gateway: VirtualGatewayId,
    /// Both ends.
    pub addresses: PeerAddresses,
    /// The customer's AS number.
    pub asn: u32,
    /// The key (RFC 2385).
    pub auth_key: AuthKey,
    /// Which one it is of the interface: another number is another session.
    pub resets: u32,
}

impl Identified for Gateway {
    type Id = VirtualGatewayId;

    fn id(&self) -> &VirtualGatewayId {
        &self.id
    }
}

impl Identified for Session {
    type Id = VirtualInterfaceId;

    fn id(&self) -> &VirtualInterfaceId {
        &self.id
    }
}

/// Recognises a configuration that the daemon has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Digest(pub u64);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// What the daemon has and does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// The configuration that it has loaded; `None`: the daemon does not run, or has one that is not ours.
    pub loaded: Option<Digest>,
    /// The sessions that it has.
    pub peers: Arc<Peers>,
}

/// Sessions by their interfaces.
pub type Peers = BTreeMap<VirtualInterfaceId, PeerStatus>;

/// A BGP daemon. Blocking; bounded in time by the driver.
pub trait Daemon {
    /// What it takes to recognise this configuration when it is loaded. Pure, and the same for the same sessions.
    fn digest(&self, sessions: &Sessions) -> Digest;
    /// What the daemon has and does. A daemon that does not run is not an error.
    fn read(&mut self) -> Result<Observed, DaemonError>;
    /// The same for less: counters of sessions that went on as they were may be those of an earlier look. It is given what
    /// that has found, to be changed where it has to be instead of made anew.
    fn glance(&mut self, _last: Observed) -> Result<Observed, DaemonError> {
        self.read()
    }
    /// Makes the daemon do exactly this, starting it where it does not run; sessions that stay the same are undisturbed.
    fn apply(&mut self, sessions: &Sessions) -> Result<(), DaemonError>;
}

/// The daemon could not be talked to, or refused.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// Its program, files or socket.
    #[error("{doing}: {why}")]
    Io {
        /// What was tried, with the path.
        doing: String,
        /// The system's error.
        why: std::io::Error,
    },
    /// It answered with an error, in its words.
    #[error("the BGP daemon refused {what}: {text}")]
    Refused {
        /// What was asked.
        what: &'static str,
        /// Its answer, without secrets.
        text: String,
    },
    /// It did not answer in time.
    #[error("the BGP daemon did not answer {what} within {seconds} s")]
    Silent {
        /// What was asked.
        what: &'static str,
        /// How long it was waited for.
        seconds: u64,
    },
}
