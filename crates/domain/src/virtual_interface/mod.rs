//! Virtual interfaces: a VLAN of a connection, its BGP peers, and the gateway it leads to.
//!
//! A *hosted* one is lent: the connection's owner (the lender) allocates it, the recipient confirms it, and only then
//! does it exist on a router.

mod attach;
pub mod decide;
pub mod drain;
pub mod explain;
pub mod moving;
mod new;
pub mod options;
pub mod previous;
pub mod public;
pub mod routes;
mod states;
mod status;
pub mod transit;
pub mod update;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::bgp_peer::{BgpPeer, PeerPhase};
use crate::connection::Ended;
use crate::failover_test::RunningTest;
use crate::fault::ResourceKind;
use crate::id::{
    AccountId, ConnectionId, DirectConnectGatewayId, EdgeId, LocationCode, PortName,
    RoutingDomainId, VirtualGatewayId, VirtualInterfaceId,
};
use crate::key::{self, Key};
use crate::net::{AddressFamily, GatewayAsn, Mtu, Vlan};
use crate::outcome::Outcome;
use crate::quota::{Count, Counter, Use};
use crate::resource::{Party, Resource};
use crate::stored::{Claim, Entry, Group, Stored};
use crate::time::Time;

pub(crate) use attach::{free_subnet, peer_fits};
pub use moving::Move;
pub(crate) use new::chosen_addresses;
pub use new::{NewInterface, Secret};
pub use options::{Options, PrefixPool};
pub use states::{AttachmentState, Event, Phase, State};
pub(crate) use status::bounded_text;
pub use status::{InterfaceReport, PeerReport, VirtualInterfaceStatus};

/// What an interface is for (`virtualInterfaceType`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum InterfaceKind {
    /// A VPC, by a virtual gateway or a Direct Connect gateway.
    Private,
    /// The operator's public network.
    Public,
    /// Transit gateways, by a Direct Connect gateway.
    Transit,
}

impl InterfaceKind {
    /// As the API names it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Private => "private",
            Self::Public => "public",
            Self::Transit => "transit",
        }
    }
}

/// A virtual interface: what was decided of it. What its edge says is a [`VirtualInterfaceStatus`], what it is labelled
/// with a [`ResourceTags`](crate::tag::ResourceTags).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VirtualInterface {
    /// Its id.
    pub id: VirtualInterfaceId,
    /// What its maker calls it.
    pub name: String,
    /// What it is for.
    pub kind: InterfaceKind,
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
    /// The MTU.
    pub mtu: Mtu,
    /// What was chosen for it beyond that.
    pub options: Options,
    /// The BGP peers, at most one of each address family. The first came with the interface, or is the only one left.
    pub peers: Vec<BgpPeer>,
    /// What it leads to, from the confirmation on.
    pub attachment: Option<Attachment>,
    /// Where it is in its life.
    pub phase: Phase,
    /// When it was made.
    pub created: Time,
    /// Until when it can be confirmed, for a hosted one.
    pub expires: Option<Time>,
    /// When it ended, and until when it is still shown.
    pub ended: Option<Ended>,
    /// The BGP failover test that runs.
    pub test: Option<RunningTest>,
    /// Where it is moved to, in phase [`Phase::Moving`].
    pub moving: Option<Move>,
}

/// What an interface leads to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// The gateway.
    pub gateway: GatewayId,
    /// The routing domain that it is in on its edge: names VRF, sessions and claims.
    pub routing_domain: RoutingDomainId,
    /// The gateway's AS number, which never changes.
    pub asn: GatewayAsn,
}

/// What an interface can lead to.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GatewayId {
    /// A VPC's own.
    Virtual(VirtualGatewayId),
    /// One that several VPCs are associated with.
    DirectConnect(DirectConnectGatewayId),
    /// The operator's public network, which is no gateway of anybody's.
    Public,
}

impl GatewayId {
    /// The virtual gateway, if it is one.
    #[must_use]
    pub const fn virtual_gateway(&self) -> Option<&VirtualGatewayId> {
        match self {
            Self::Virtual(id) => Some(id),
            Self::DirectConnect(_) | Self::Public => None,
        }
    }

    /// The Direct Connect gateway, if it is one.
    #[must_use]
    pub const fn direct_connect_gateway(&self) -> Option<&DirectConnectGatewayId> {
        match self {
            Self::Virtual(_) | Self::Public => None,
            Self::DirectConnect(id) => Some(id),
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
    pub fn is_purged(&self, now: Time) -> bool {
        self.ended.is_some_and(|ended| now >= ended.purge)
    }

    /// Whether the time to confirm it is over, whether or not a reconciler has noticed.
    #[must_use]
    pub fn is_overdue(&self, now: Time) -> bool {
        self.phase == Phase::Confirming && self.expires.is_some_and(|expires| now >= expires)
    }

    /// What a tenant sees: what was decided, and of an accepted one what its edge last said.
    #[must_use]
    pub fn state(&self, now: Time, report: Option<&InterfaceReport>, edge_silent: bool) -> State {
        match self.phase {
            Phase::Confirming if self.is_overdue(now) => State::Expired,
            Phase::Confirming => State::Confirming,
            Phase::Verifying => State::Verifying,
            Phase::Accepted => match report {
                None => State::Pending,
                Some(_) if edge_silent => State::Unknown,
                Some(_) if self.is_tested(now) => State::Testing,
                Some(report) => report.state(),
            },
            Phase::Moving => State::Pending,
            Phase::Deleting => State::Deleting,
            Phase::Deleted => State::Deleted,
            Phase::Rejected => State::Rejected,
            Phase::Expired => State::Expired,
        }
    }

    /// Whether a BGP failover test runs.
    #[must_use]
    pub fn is_tested(&self, now: Time) -> bool {
        self.test.as_ref().is_some_and(|test| !test.is_over(now))
    }

    /// The first peer, whose members the API repeats in the interface itself.
    ///
    /// # Panics
    ///
    /// If there is none: every interface is made with one, and the last one cannot be deleted.
    #[must_use]
    pub fn first_peer(&self) -> &BgpPeer {
        self.peers.first().expect("an interface has a peer")
    }

    /// Our side's AS number; before a gateway is known, the one that such gateways have by default.
    #[must_use]
    pub fn amazon_asn(&self) -> GatewayAsn {
        let default = match self.kind {
            InterfaceKind::Private | InterfaceKind::Transit => GatewayAsn::DEFAULT,
            InterfaceKind::Public => GatewayAsn::PUBLIC,
        };
        self.attachment.as_ref().map_or(default, |attached| attached.asn)
    }

    /// Whether somebody must say whether its prefixes, or those of one of its peers, are the customer's.
    #[must_use]
    pub fn awaits_verification(&self) -> bool {
        let peer = self.peers.iter().any(|peer| peer.phase == PeerPhase::Verifying);
        self.phase == Phase::Verifying || (self.phase == Phase::Accepted && peer)
    }

    /// What it uses of its connection's quotas until it ends.
    pub(crate) fn use_of_connection(&self) -> Option<Use<'_>> {
        self.use_of(&self.connection)
    }

    /// The same of a connection that it is on, or is moved to.
    fn use_of<'c>(&self, connection: &'c ConnectionId) -> Option<Use<'c>> {
        let transit = u32::from(self.kind == InterfaceKind::Transit);
        let counter = Counter::Interfaces(connection);
        (!self.phase.is_terminal()).then_some(Use { counter, count: Count { total: 1, transit } })
    }

    /// The Direct Connect gateway that it leads to until it ends.
    #[must_use]
    pub fn dx_gateway(&self) -> Option<&DirectConnectGatewayId> {
        let attachment = self.attachment.as_ref().filter(|_| !self.phase.is_terminal())?;
        attachment.gateway.direct_connect_gateway()
    }

    /// What it uses of the quotas of its Direct Connect gateway until it ends.
    pub(crate) fn use_of_dx_gateway(&self) -> Option<Use<'_>> {
        let transit = u32::from(self.kind == InterfaceKind::Transit);
        let counter = Counter::Attached(self.dx_gateway()?);
        Some(Use { counter, count: Count { total: 1, transit } })
    }

    /// What it uses of its recipient's quotas until the recipient answers.
    pub(crate) fn uses_of_offers(&self) -> Vec<Use<'_>> {
        if self.phase != Phase::Confirming {
            return Vec::new();
        }
        let (recipient, lender) = (&self.owner, &self.lender);
        [Counter::OffersOf { recipient, lender }, Counter::Offers(recipient)].map(Use::one).into()
    }

    /// The peer of a family.
    #[must_use]
    pub fn peer(&self, family: AddressFamily) -> Option<&BgpPeer> {
        self.peers.iter().find(|peer| peer.addresses.family() == family)
    }
}

impl Stored for VirtualInterface {
    fn key(&self) -> Option<Key> {
        Some(key::interface(&self.id))
    }

    fn derived(&self) -> Vec<(Key, Entry)> {
        let id = &self.id;
        let claim = Entry::Claim(Claim { interface: id.clone() });
        let mut marks = vec![key::interface_of(&self.owner, id)];
        if self.lender != self.owner {
            marks.push(key::interface_of(&self.lender, id));
        }
        let mut claims = Vec::new();
        if self.phase.is_terminal() {
            marks.push(key::ended_on(&self.connection, id));
            let gateway = self.attachment.as_ref().map(|attached| &attached.gateway);
            let gateway = gateway.and_then(GatewayId::direct_connect_gateway);
            marks.extend(gateway.map(|gateway| key::dx_detached(gateway, id)));
        } else {
            claims.push(key::live_vlan(&self.connection, self.vlan));
            if let Some(attachment) = &self.attachment {
                match &attachment.gateway {
                    GatewayId::Virtual(gateway) => marks.push(key::attached(gateway, id)),
                    GatewayId::DirectConnect(gateway) => {
                        marks.push(key::dx_attached(gateway, &self.edge, id));
                    }
                    GatewayId::Public => {}
                }
                if self.awaits_verification() {
                    marks.push(key::verifying(id));
                }
                if self.phase != Phase::Verifying {
                    marks.push(key::edge_interface(&self.edge, id));
                }
                let pieces = self.peers.iter().flat_map(|peer| peer.addresses.pieces());
                let domain = &attachment.routing_domain;
                claims.extend(pieces.map(|piece| key::peer_subnet(domain, &self.edge, &piece)));
            }
            claims.extend(self.claims_of_move());
        }
        marks.extend(self.expires.map(|expires| key::due(expires, id.as_str())));
        marks.extend(self.test.as_ref().map(|test| key::due(test.until, id.as_str())));
        marks.extend(self.ended.map(|ended| key::due(ended.purge, id.as_str())));
        let drain = self.options.drain.filter(|_| self.phase == Phase::Accepted);
        let until = drain.and_then(drain::Drain::until);
        marks.extend(until.map(|until| key::due(until, id.as_str())));
        let marks = marks.into_iter().map(|key| (key, Entry::Mark));
        claims.into_iter().map(|key| (key, claim.clone())).chain(marks).collect()
    }

    fn uses(&self) -> Vec<Use<'_>> {
        let moved_to = self.moving.as_ref().map(|moving| &moving.connection);
        let connections = [Some(&self.connection), moved_to].into_iter().flatten();
        let connections = connections.flat_map(|connection| {
            self.use_of(connection).into_iter().chain(self.uses_of_options(connection))
        });
        connections
            .chain(self.use_of_dx_gateway())
            .chain(self.use_of_dx_prefixes())
            .chain(self.uses_of_offers())
            .collect()
    }

    /// What its edge says of it counts beside it. Moment 0: an unanswered interface counts as confirming until it is
    /// written down as expired.
    fn counts(&self) -> Vec<(Group, i64)> {
        vec![(("interface", self.state(Time::default(), None, false).as_str()), 1)]
    }
}

impl Outcome for VirtualInterface {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        vec![self.id.as_str().into(), self.connection.as_str().into()]
    }
}

impl Resource for VirtualInterface {
    const KIND: ResourceKind = ResourceKind::VirtualInterface;
    const FIELD: &'static str = "virtualInterfaceId";

    fn party(&self, account: &AccountId) -> Party {
        match account {
            owner if *owner == self.owner => Party::Owner,
            lender if *lender == self.lender => Party::Lender,
            _ => Party::Stranger,
        }
    }

    fn owner(&self) -> &AccountId {
        &self.owner
    }

    fn is_purged(&self, now: Time) -> bool {
        Self::is_purged(self, now)
    }
}
