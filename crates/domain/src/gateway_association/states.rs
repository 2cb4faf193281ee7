//! The life of an association: what was decided ([`Phase`]), and what the API shows ([`State`]).

use serde::{Deserialize, Serialize};

/// Intent as recorded; what a tenant sees is [`State`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// To be on the routers, as it was made.
    Associated,
    /// To be on the routers, with other allowed prefixes than it was made with.
    Updated,
    /// To be taken off the routers.
    Disassociating,
    /// Gone.
    Disassociated,
}

/// What can happen to an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its allowed prefixes change.
    Update,
    /// One of the two sides ends it, and edges have interfaces of the Direct Connect gateway.
    Disassociate,
    /// One of the two sides ends it, and no edge has such an interface.
    DisassociateUnused,
    /// Nothing of it is left on any edge.
    Released,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 4] =
        [Self::Associated, Self::Updated, Self::Disassociating, Self::Disassociated];

    /// The state table (Direct Connect API Reference, DirectConnectGatewayAssociation, `associationState`): the phase after an
    /// event, `None` where the event does not apply.
    #[must_use]
    pub const fn after(self, event: Event) -> Option<Self> {
        match (self, event) {
            (Self::Associated | Self::Updated, Event::Update) => Some(Self::Updated),
            (Self::Associated | Self::Updated, Event::Disassociate) => Some(Self::Disassociating),
            (Self::Associated | Self::Updated, Event::DisassociateUnused) => {
                Some(Self::Disassociated)
            }
            // Ending it twice is not an error: the second caller wants what is already under way.
            (Self::Disassociating, Event::Disassociate | Event::DisassociateUnused) => {
                Some(Self::Disassociating)
            }
            (Self::Disassociating, Event::Released) => Some(Self::Disassociated),
            (Self::Associated | Self::Updated, Event::Released)
            | (Self::Disassociating, Event::Update)
            | (Self::Disassociated, _) => None,
        }
    }

    /// Whether it is to be on the routers.
    #[must_use]
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Associated | Self::Updated)
    }

    /// Whether it can change no more.
    #[must_use]
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Disassociated)
    }

    /// What a tenant sees. `is_programmed`: whether every edge with an interface of the Direct Connect gateway has a
    /// configuration with the association as it is.
    #[must_use]
    pub const fn state(self, is_programmed: bool) -> State {
        match self {
            Self::Associated | Self::Updated if is_programmed => State::Associated,
            Self::Associated => State::Associating,
            Self::Updated => State::Updating,
            Self::Disassociating => State::Disassociating,
            Self::Disassociated => State::Disassociated,
        }
    }
}

/// The API's `DirectConnectGatewayAssociationState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Not on every router yet.
    Associating,
    /// On every router.
    Associated,
    /// Its new prefixes are not on every router yet.
    Updating,
    /// Being taken off the routers.
    Disassociating,
    /// Gone.
    Disassociated,
}

impl State {
    /// As the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Associating => "associating",
            Self::Associated => "associated",
            Self::Updating => "updating",
            Self::Disassociating => "disassociating",
            Self::Disassociated => "disassociated",
        }
    }
}
