//! The life of a virtual interface: what was decided ([`Phase`]), and what the API shows ([`State`]).

use serde::{Deserialize, Serialize};

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
    /// The edge reports that nothing of it is left there.
    Released,
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

    /// The state table (Direct Connect API Reference, VirtualInterface, `virtualInterfaceState`): the phase after an event, `None`
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
            (Self::Deleting, Event::Released) => Some(Self::Deleted),
            // Deleting twice is not an error: the second caller wants what is already under way.
            (Self::Deleting, Event::DeleteByOwner | Event::DeleteByLender) => Some(Self::Deleting),
            (Self::Confirming, Event::Released)
            | (Self::Accepted, Event::Confirm | Event::Expire | Event::Released)
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
