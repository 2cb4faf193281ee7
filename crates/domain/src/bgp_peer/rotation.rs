//! A new BGP key beside the one in use (`Linkway.RotateAuthKey`).
//!
//! TCP MD5 has one key for each address (RFC 2385, section 4.5), so two routers cannot change theirs at the same moment. The new one waits beside
//! the one in use: a session that is up is left alone, and when it falls its edge tries both in turns. The first that it comes up with
//! is the key from then on; at the end of the window the new one is, whatever the session does.

use std::borrow::Cow;
use std::ops::RangeInclusive;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::BgpPeer;
use super::decide::accepted;
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::{Fault, ResourceKind};
use crate::id::{BgpPeerId, ConnectionId, VirtualInterfaceId};
use crate::net::AuthKey;
use crate::outcome::Outcome;
use crate::time::Time;
use crate::view::{Asked, View};
use crate::virtual_interface::{Secret, VirtualInterface};

/// How long a new key waits unless it is said, in seconds: a day.
const DEFAULT_SECONDS: u32 = 24 * 60 * 60;
/// How long it may wait, in seconds: a minute to a week.
const SECONDS: RangeInclusive<u32> = 60..=7 * 24 * 60 * 60;

/// For how long two keys may be tried by the clock of an edge, whatever the configuration says: a clock that jumps, or a server's that
/// was wrong, makes it no longer.
pub const LONGEST: Duration = Duration::from_secs(*SECONDS.end() as u64);

/// A key that is to take the place of the one in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    /// The new key.
    pub key: AuthKey,
    /// From when on it is the only one.
    pub until: Time,
}

/// `Linkway.RotateAuthKey`: gives a peer of the caller's own interface a new key beside the one in use. Another call replaces the new
/// key; one with the key in use ends the rotation.
#[derive(Clone, Debug, Default)]
pub struct RotateAuthKey {
    /// The interface.
    pub interface: String,
    /// The peer; needed only where the interface has several.
    pub peer: Option<String>,
    /// The new key.
    pub auth_key: Option<Secret>,
    /// How long both are tried, in seconds, 60 to 604800; `None`: 86400.
    pub window_seconds: Option<i64>,
}

/// What became of a peer's keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotated {
    /// The interface.
    pub interface: VirtualInterfaceId,
    /// Its connection.
    pub connection: ConnectionId,
    /// The peer.
    pub peer: BgpPeerId,
    /// From when on the new key is the only one; `None`: none waits.
    pub until: Option<Time>,
}

impl Outcome for Rotated {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.interface.as_str().into(), self.connection.as_str().into()]
    }
}

impl BgpPeer {
    /// Makes the new key the only one, if there is one.
    pub(crate) fn take_new_key(&mut self) {
        if let Some(rotation) = self.rotation.take() {
            self.auth_key = rotation.key;
        }
    }
}

impl VirtualInterface {
    /// With the keys that count at this moment, whether or not a reconciler has noticed.
    #[must_use]
    pub(crate) fn with_keys_at(mut self, now: Time) -> Self {
        let moved = self.moving.iter_mut().flat_map(|moving| &mut moving.peers);
        for peer in self.peers.iter_mut().chain(moved) {
            if peer.rotation.as_ref().is_some_and(|rotation| now >= rotation.until) {
                peer.take_new_key();
            }
        }
        self
    }

    /// Without new keys that wait: its sessions are at an end.
    pub(crate) fn without_rotations(&mut self) {
        self.peers.iter_mut().for_each(|peer| peer.rotation = None);
    }
}

impl Command for RotateAuthKey {
    type Outcome = Rotated;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Rotated>> {
        let Some(key) = &self.auth_key else {
            let rule = "give the key that the session is to have".to_owned();
            return Err(Fault::Required { field: "authKey".to_owned(), rule }.into());
        };
        let key = AuthKey::parse("authKey", &key.0)?;
        let window = window(self.window_seconds)?;
        let rule = "only one that was accepted has a BGP session";
        let found = accepted(view, context, &self.interface, rule)?;
        let at = self.position(found)?;
        let mut interface = found.clone().with_keys_at(context.now);
        let peer = &mut interface.peers[at];
        let until = context.now.plus(window);
        peer.rotation = (key != peer.auth_key).then_some(Rotation { key, until });
        let rotated = Rotated {
            interface: interface.id.clone(),
            connection: interface.connection.clone(),
            peer: peer.id.clone(),
            until: peer.rotation.as_ref().map(|rotation| rotation.until),
        };
        if interface == *found {
            return Decision::unchanged(rotated);
        }
        let mut changes = Changes::new(view);
        changes.put(interface)?;
        changes.decision(rotated)
    }
}

fn window(given: Option<i64>) -> Result<Duration, Fault> {
    let Some(given) = given else { return Ok(Duration::from_secs(DEFAULT_SECONDS.into())) };
    let seconds = u32::try_from(given).ok().filter(|seconds| SECONDS.contains(seconds));
    let rule = format!("must be from {} to {} seconds", SECONDS.start(), SECONDS.end());
    let seconds = seconds.ok_or_else(|| Fault::field("windowSeconds", given, rule))?;
    Ok(Duration::from_secs(seconds.into()))
}

impl RotateAuthKey {
    /// Which peer of an interface is meant: one that has a session.
    fn position(&self, interface: &VirtualInterface) -> Result<usize, Fault> {
        let peers = interface.peers.iter().enumerate();
        let Some(id) = &self.peer else {
            let live: Vec<usize> =
                peers.filter(|(_, peer)| peer.is_live()).map(|(at, _)| at).collect();
            let [one] = live.as_slice() else {
                let rule = format!("the interface has {} BGP Peers with a session", live.len());
                return Err(Fault::Required { field: "bgpPeerId".to_owned(), rule });
            };
            return Ok(*one);
        };
        let found = peers.into_iter().find(|(_, peer)| peer.id.as_str() == id);
        let (at, peer) = found.ok_or_else(|| Fault::not_found(ResourceKind::BgpPeer, id))?;
        if !peer.is_live() {
            let rule = "has no session: it was not verified yet, or is being deleted";
            return Err(Fault::field("bgpPeerId", id, rule));
        }
        Ok(at)
    }
}
