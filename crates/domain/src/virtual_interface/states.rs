//! The life of a virtual interface: what was decided ([`Phase`]), and what the API shows ([`State`]).

use serde::{Deserialize, Serialize};

use super::InterfaceReport;

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
    /// Of a public interface: waits for the word that its prefixes are the customer's. Nothing of it is on any router.
    Verifying,
    /// To be taken off the router, and then to be on the port of another connection.
    Moving,
}

/// What can happen to an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The recipient confirms.
    Confirm,
    /// The recipient confirms a public one, whose prefixes are not verified.
    ConfirmUnverified,
    /// The prefixes are the customer's.
    Verify,
    /// The prefixes are not the customer's.
    Refuse,
    /// The recipient deletes.
    DeleteByOwner,
    /// The lender deletes (for one's own interface: its owner, who is the lender too, counts as owner).
    DeleteByLender,
    /// The time for the confirmation is over.
    Expire,
    /// The edge reports that nothing of it is left there.
    Released,
    /// Its owner moves it to another connection.
    Move,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 8] = [
        Self::Confirming,
        Self::Accepted,
        Self::Deleting,
        Self::Deleted,
        Self::Rejected,
        Self::Expired,
        Self::Verifying,
        Self::Moving,
    ];

    /// The state table (Direct Connect API Reference, VirtualInterface, `virtualInterfaceState`): the phase after an event, `None`
    /// where the event does not apply.
    #[must_use]
    pub const fn after(self, event: Event) -> Option<Self> {
        match (self, event) {
            (Self::Confirming, Event::Confirm) => Some(Self::Accepted),
            (Self::Confirming, Event::ConfirmUnverified) => Some(Self::Verifying),
            (Self::Verifying, Event::Verify) => Some(Self::Accepted),
            (Self::Verifying, Event::Refuse) => Some(Self::Rejected),
            (Self::Confirming, Event::DeleteByOwner) => Some(Self::Rejected),
            // No router ever held it, so there is nothing to wait for.
            (Self::Confirming, Event::DeleteByLender)
            | (Self::Verifying, Event::DeleteByOwner | Event::DeleteByLender) => {
                Some(Self::Deleted)
            }
            (Self::Confirming, Event::Expire) => Some(Self::Expired),
            (Self::Accepted, Event::Move) => Some(Self::Moving),
            (Self::Moving, Event::Released) => Some(Self::Accepted),
            (Self::Accepted | Self::Moving, Event::DeleteByOwner | Event::DeleteByLender) => {
                Some(Self::Deleting)
            }
            (Self::Deleting, Event::Released) => Some(Self::Deleted),
            // Deleting twice is not an error: the second caller wants what is already under way.
            (Self::Deleting, Event::DeleteByOwner | Event::DeleteByLender) => Some(Self::Deleting),
            (Self::Confirming, Event::Verify | Event::Refuse | Event::Released | Event::Move)
            | (
                Self::Verifying,
                Event::Confirm
                | Event::ConfirmUnverified
                | Event::Expire
                | Event::Released
                | Event::Move,
            )
            | (Self::Accepted, Event::Released)
            | (Self::Deleting | Self::Moving, Event::Move)
            | (
                Self::Accepted | Self::Deleting | Self::Moving,
                Event::Confirm
                | Event::ConfirmUnverified
                | Event::Verify
                | Event::Refuse
                | Event::Expire,
            )
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
    /// Public, and its prefixes are not verified.
    Verifying,
    /// Confirmed; the router has not said that it is programmed.
    Pending,
    /// Programmed and BGP is up.
    Available,
    /// Programmed and BGP is not up.
    Down,
    /// A BGP failover test has its sessions shut for a time.
    Testing,
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
    pub const ALL: [Self; 11] = [
        Self::Confirming,
        Self::Verifying,
        Self::Pending,
        Self::Available,
        Self::Down,
        Self::Testing,
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
            Self::Verifying => "verifying",
            Self::Pending => "pending",
            Self::Available => "available",
            Self::Down => "down",
            Self::Testing => "testing",
            Self::Unknown => "unknown",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

/// The API's `DirectConnectGatewayAttachmentState`: an interface as its Direct Connect gateway has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AttachmentState {
    /// The router has not said that it is programmed.
    Attaching,
    /// Programmed.
    Attached,
    /// Being taken off the router.
    Detaching,
    /// Gone.
    Detached,
}

impl AttachmentState {
    /// That of an interface which leads to a Direct Connect gateway, or led to it; `None` if it never did.
    #[must_use]
    pub fn of(phase: Phase, report: Option<&InterfaceReport>) -> Option<Self> {
        match phase {
            Phase::Accepted if report.is_some_and(|report| report.programmed) => {
                Some(Self::Attached)
            }
            Phase::Accepted | Phase::Moving => Some(Self::Attaching),
            Phase::Deleting => Some(Self::Detaching),
            Phase::Deleted => Some(Self::Detached),
            Phase::Confirming | Phase::Verifying | Phase::Rejected | Phase::Expired => None,
        }
    }

    /// As the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Attaching => "attaching",
            Self::Attached => "attached",
            Self::Detaching => "detaching",
            Self::Detached => "detached",
        }
    }
}
