//! BGP peers: the sessions of a virtual interface, one for each address family at most.

pub mod decide;
pub mod rotation;

use serde::{Deserialize, Serialize};

use crate::id::BgpPeerId;
use crate::net::{Asn, AuthKey, PeerAddresses};

pub use rotation::Rotation;

/// A BGP peer, a part of its interface's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BgpPeer {
    /// Its id.
    pub id: BgpPeerId,
    /// The customer's AS number.
    pub asn: Asn,
    /// The session's key (RFC 2385).
    pub auth_key: AuthKey,
    /// A key that is to take its place.
    pub rotation: Option<Rotation>,
    /// Both ends of the session.
    pub addresses: PeerAddresses,
    /// Where it is in its life.
    pub phase: PeerPhase,
    /// How often the operator has asked for the session to be started anew.
    pub session_resets: u32,
}

/// The life of a peer: it goes from its interface's record when its edge has let go of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PeerPhase {
    /// On the router, once its interface is.
    Live,
    /// To be taken off the router.
    Deleting,
    /// Of a public interface: waits for the word that it is the customer's. Nothing of it is on any router.
    Verifying,
}

impl BgpPeer {
    /// Whether it is to be on the router.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.phase == PeerPhase::Live
    }
}
