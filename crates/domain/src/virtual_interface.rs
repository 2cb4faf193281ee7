//! Private virtual interfaces: a VLAN of a connection, a BGP session on it, and the gateway it leads to.
//!
//! A *hosted* one is lent: the connection's owner (the lender) allocates it, the recipient confirms it, and only then
//! does it exist on a router.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::connection::Ended;
use crate::id::{
    AccountId, BgpPeerId, ConnectionId, EdgeId, LocationCode, PortName, VirtualGatewayId,
    VirtualInterfaceId,
};
use crate::net::{Asn, AuthKey, GatewayAsn, Mtu, PeerAddresses, Vlan};
use crate::tag::Tags;
use crate::time::Time;

/// A private virtual interface with its one BGP peer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualInterface {
    /// Its id.
    pub id: VirtualInterfaceId,
    /// What its maker calls it.
    pub name: String,
    /// Who owns the connection.
    pub lender: AccountId,
    /// Whose interface it is: the recipient of a hosted one, otherwise the lender.
    pub owner: AccountId,
    /// The connection.
    pub connection: ConnectionId,
    /// The connection's location.
    pub location: LocationCode,
    /// The router that has the connection's port.
    pub edge: EdgeId,
    /// The port.
    pub port: PortName,
    /// Whether the port carries jumbo frames.
    pub jumbo: bool,
    /// Whether the edge is the built-in one.
    pub simulated: bool,
    /// The VLAN on the port.
    pub vlan: Vlan,
    /// The BGP peer's id.
    pub peer: BgpPeerId,
    /// The customer's AS number.
    pub asn: Asn,
    /// The session's key.
    pub auth_key: AuthKey,
    /// Both ends of the session.
    pub addresses: PeerAddresses,
    /// The MTU.
    pub mtu: Mtu,
    /// Tags, by the account that gave them: neither side sees the other's.
    pub tags: BTreeMap<AccountId, Tags>,
    /// The gateway, from the confirmation on.
    pub gateway: Option<AttachedGateway>,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it was made.
    pub created: Time,
    /// Until when it can be confirmed, for a hosted one.
    pub expires: Option<Time>,
    /// When it ended, and until when it is still shown.
    pub ended: Option<Ended>,
    /// What the edge last said of it; absent until it was programmed.
    pub reported: Option<Reported>,
    /// How often the operator has asked for its BGP session to be started anew.
    #[serde(default)]
    pub session_resets: u32,
}

/// The gateway that an interface leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttachedGateway {
    /// The gateway.
    pub id: VirtualGatewayId,
    /// Its AS number, which never changes.
    pub asn: GatewayAsn,
}

/// What an edge says of an interface: a part of the feed's own form, hence camelCase.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Reported {
    /// Whether VLAN, VRF, addresses and session are in place.
    pub programmed: bool,
    /// Whether the BGP session is established.
    pub bgp_up: bool,
    /// Why it is not programmed or not up, in the router's words.
    #[serde(default)]
    pub error: Option<String>,
}

/// The longest text of a router's error that is kept, in characters.
const LONGEST_ERROR: usize = 500;

impl Reported {
    /// With an error text of bounded length and without control characters: it ends up in terminals and answers.
    #[must_use]
    pub fn bounded(mut self) -> Self {
        self.error = self.error.map(|text| bounded_text(&text));
        self
    }
}

/// A router's text as it is kept: at most so long, and nothing in it that a terminal obeys.
pub(crate) fn bounded_text(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_ERROR).collect()
}

/// Intent as recorded; what a tenant sees is [`State`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Allocated; the recipient has not answered. Nothing of it is on any router.
    Confirming,
    /// To be on the router.
    Accepted,
    /// To be taken off the router.
    Deleting,
    /// Gone.
    Deleted,
    /// The recipient refused it.
    Rejected,
    /// The recipient never answered.
    Expired,
}

/// What can happen to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The recipient confirms.
    Confirm,
    /// The recipient deletes.
    DeleteByOwner,
    /// The lender deletes (for one's own interface: its owner, who is the lender too, counts as owner).
    DeleteByLender,
    /// The time for the confirmation is over.
    Expire,
    /// The edge reports that it no longer holds it.
    LetGo,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 6] = [
        Self::Confirming,
        Self::Accepted,
        Self::Deleting,
        Self::Deleted,
        Self::Rejected,
        Self::Expired,
    ];

    /// The state table (directlink.md, "from ask to traffic"; direct-connect.md, 2.5): the phase after an event, `None`
    /// where the event does not apply.
    #[must_use]
    pub const fn after(self, event: Event) -> Option<Self> {
        match (self, event) {
            (Self::Confirming, Event::Confirm) => Some(Self::Accepted),
            (Self::Confirming, Event::DeleteByOwner) => Some(Self::Rejected),
            // No router ever held it, so there is nothing to wait for.
            (Self::Confirming, Event::DeleteByLender) => Some(Self::Deleted),
            (Self::Confirming, Event::Expire) => Some(Self::Expired),
            (Self::Accepted, Event::DeleteByOwner | Event::DeleteByLender) => Some(Self::Deleting),
            (Self::Deleting, Event::LetGo) => Some(Self::Deleted),
            // Deleting twice is not an error: the second caller wants what is already under way.
            (Self::Deleting, Event::DeleteByOwner | Event::DeleteByLender) => Some(Self::Deleting),
            (Self::Confirming, Event::LetGo)
            | (Self::Accepted, Event::Confirm | Event::Expire | Event::LetGo)
            | (Self::Deleting, Event::Confirm | Event::Expire)
            | (Self::Deleted | Self::Rejected | Self::Expired, _) => None,
        }
    }

    /// Whether it can change no more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Deleted | Self::Rejected | Self::Expired)
    }
}

/// The API's `VirtualInterfaceState`, and DirectLink's `expired`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for the recipient.
    Confirming,
    /// Confirmed; the router has not said that it is programmed.
    Pending,
    /// Programmed and BGP is up.
    Available,
    /// Programmed and BGP is not up.
    Down,
    /// The edge has been silent for too long to say.
    Unknown,
    /// Being taken off the router.
    Deleting,
    /// Gone.
    Deleted,
    /// Refused by the recipient.
    Rejected,
    /// Never answered by the recipient.
    Expired,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 9] = [
        Self::Confirming,
        Self::Pending,
        Self::Available,
        Self::Down,
        Self::Unknown,
        Self::Deleting,
        Self::Deleted,
        Self::Rejected,
        Self::Expired,
    ];

    /// As the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Confirming => "confirming",
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Down => "down",
            Self::Unknown => "unknown",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

impl VirtualInterface {
    /// Whether this account may see it.
    #[must_use]
    pub fn is_visible_to(&self, account: &AccountId) -> bool {
        self.owner == *account || self.lender == *account
    }

    /// Whether it ended so long ago that nobody sees it any more, whether or not a reconciler has noticed.
    #[must_use]
    pub fn is_forgotten(&self, now: Time) -> bool {
        self.ended.is_some_and(|ended| now >= ended.forget)
    }

    /// Whether the time to confirm it is over, whether or not a reconciler has noticed.
    #[must_use]
    pub fn is_overdue(&self, now: Time) -> bool {
        self.phase == Phase::Confirming && self.expires.is_some_and(|expires| now >= expires)
    }

    /// What a tenant sees: the recorded intent, and for an accepted one what the edge last said.
    #[must_use]
    pub fn state(&self, now: Time, edge_silent: bool) -> State {
        match self.phase {
            Phase::Confirming if self.is_overdue(now) => State::Expired,
            Phase::Confirming => State::Confirming,
            Phase::Accepted => match &self.reported {
                None => State::Pending,
                Some(_) if edge_silent => State::Unknown,
                Some(Reported { programmed: true, bgp_up: true, .. }) => State::Available,
                // A router that cannot program it says so in `error`; clients wait for `available` or `down`.
                Some(Reported { programmed: false, error: None, .. }) => State::Pending,
                Some(Reported { .. }) => State::Down,
            },
            Phase::Deleting => State::Deleting,
            Phase::Deleted => State::Deleted,
            Phase::Rejected => State::Rejected,
            Phase::Expired => State::Expired,
        }
    }

    /// The tags that this account gave.
    pub fn tags_of(&self, account: &AccountId) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.tags.get(account).into_iter().flat_map(Tags::iter)
    }
}
