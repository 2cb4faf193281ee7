//! Proposals of associations: the owner of a gateway asks the owner of a Direct Connect gateway to associate the two, or to allow
//! other prefixes of an association that is there. Nothing of a proposal is on a router.

pub mod decide;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::connection::Ended;
use crate::fault::ResourceKind;
use crate::gateway_association::{AllowedPrefixes, AssociatedGateway};
use crate::id::{AccountId, DirectConnectGatewayId, ProposalId};
use crate::key::{self, Key};
use crate::net::{GatewayAsn, Prefix};
use crate::outcome::Outcome;
use crate::quota::{Counter, Use};
use crate::resource::{Party, Resource};
use crate::stored::{Entry, Stored};
use crate::time::Time;

/// A proposal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// Its id.
    pub id: ProposalId,
    /// The Direct Connect gateway.
    pub gateway: DirectConnectGatewayId,
    /// Whose that is, who answers.
    pub gateway_owner: AccountId,
    /// The gateway that is to be associated with it.
    pub associated: AssociatedGateway,
    /// Whose that is, who proposes.
    pub associated_owner: AccountId,
    /// Of a virtual gateway: its VPC's prefixes, which never change.
    pub cidrs: Vec<Prefix>,
    /// Of a transit gateway: its AS number, which never changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asn: Option<GatewayAsn>,
    /// What the association allowed when this was proposed; nothing if there was none.
    pub existing: AllowedPrefixes,
    /// What it is to allow.
    pub requested: AllowedPrefixes,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it was made.
    pub created: Time,
    /// Until when it can be accepted.
    pub expires: Time,
    /// When it was answered or expired, and until when it is still shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Ended>,
}

/// Where a proposal is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Nobody has answered it.
    Requested,
    /// It was accepted.
    Accepted,
    /// One of the two sides deleted it.
    Deleted,
    /// Nobody ever answered it.
    Expired,
}

/// What can happen to a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Event {
    /// The owner of the Direct Connect gateway accepts it.
    Accept,
    /// One of the two sides deletes it.
    Delete,
    /// The time to answer it is over.
    Expire,
}

impl Phase {
    /// Every phase.
    pub const ALL: [Self; 4] = [Self::Requested, Self::Accepted, Self::Deleted, Self::Expired];

    /// The state table (Direct Connect API Reference, DirectConnectGatewayAssociationProposal, `proposalState`): the phase after
    /// an event, `None` where the event does not apply.
    #[must_use]
    pub const fn after(self, event: Event) -> Option<Self> {
        match (self, event) {
            (Self::Requested, Event::Accept) => Some(Self::Accepted),
            (Self::Requested | Self::Accepted, Event::Delete) => Some(Self::Deleted),
            (Self::Requested, Event::Expire) => Some(Self::Expired),
            (Self::Accepted, Event::Accept | Event::Expire)
            | (Self::Deleted | Self::Expired, _) => None,
        }
    }

    /// As the API names it, which has no state of its own for one that nobody answered.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Requested => "requested",
            Self::Accepted => "accepted",
            Self::Deleted | Self::Expired => "deleted",
        }
    }
}

impl Proposal {
    /// Whether this account may see it.
    #[must_use]
    pub fn is_visible_to(&self, account: &AccountId) -> bool {
        self.gateway_owner == *account || self.associated_owner == *account
    }

    /// Whether the time to answer it is over, whether or not a reconciler has noticed.
    #[must_use]
    pub fn is_overdue(&self, now: Time) -> bool {
        self.phase == Phase::Requested && now >= self.expires
    }

    /// Where it is in its life, whether or not a reconciler has noticed that it has expired.
    #[must_use]
    pub fn phase_at(&self, now: Time) -> Phase {
        if self.is_overdue(now) { Phase::Expired } else { self.phase }
    }

    /// Whether it was answered so long ago that nobody sees it any more, whether or not a reconciler has noticed.
    #[must_use]
    pub fn is_purged(&self, now: Time) -> bool {
        self.ended.is_some_and(|ended| now >= ended.purge)
    }

    /// What names it in the list of deadlines.
    pub(crate) fn due(id: &ProposalId) -> String {
        format!("proposal.{id}")
    }
}

impl Stored for Proposal {
    fn key(&self) -> Option<Key> {
        Some(key::proposal(&self.id))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let id = &self.id;
        let mut keys = vec![key::proposal_of(&self.gateway_owner, id)];
        if self.associated_owner != self.gateway_owner {
            keys.push(key::proposal_of(&self.associated_owner, id));
        }
        if self.phase == Phase::Requested {
            keys.push(key::open_proposal(&self.gateway, self.associated.as_str(), id));
            keys.push(key::due(self.expires, &Self::due(id)));
        }
        keys.extend(self.ended.map(|ended| key::due(ended.purge, &Self::due(id))));
        keys.into_iter().map(|key| (key, Entry::Mark)).collect()
    }

    /// An answered one counts until it is purged: whoever proposes and takes back again and again fills the lists of both sides.
    fn uses(&self) -> Vec<Use<'_>> {
        vec![Use::one(Counter::Proposals(self.associated.as_str()))]
    }
}

impl Outcome for Proposal {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.id.as_str().into(), self.gateway.as_str().into(), self.associated.as_str().into()]
    }
}

/// The owner of the Direct Connect gateway answers; whoever proposed it may take it back.
impl Resource for Proposal {
    const KIND: ResourceKind = ResourceKind::AssociationProposal;
    const FIELD: &'static str = "proposalId";

    fn party(&self, account: &AccountId) -> Party {
        match account {
            owner if *owner == self.gateway_owner => Party::Owner,
            lender if *lender == self.associated_owner => Party::Lender,
            _ => Party::Stranger,
        }
    }

    fn owner(&self) -> &AccountId {
        &self.gateway_owner
    }

    fn is_purged(&self, now: Time) -> bool {
        Self::is_purged(self, now)
    }
}
