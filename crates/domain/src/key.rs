//! Where each record lives. Keys are printable ASCII with `/` between their parts, so that all of one kind, and all of
//! one owner, are one range.
//!
//! Four sorts: records proper (`vif/…`), claims, whose key *is* what must be unique (`on/<connection>/live/<vlan>`),
//! indexes, which only make a list without a scan of everything (`vif-of/<account>/…`), and counters, which say how many there
//! are of what a quota limits (`count/…`). Claims, indexes and counters are written in the same commit as the record that they
//! derive from ([`crate::record::derived`], [`crate::record::uses`]); [`crate::check`] verifies that they agree.

use std::fmt::{self, Write as _};

use crate::id::{
    AccessKeyId, AccountId, AgreementName, AssociationId, ConnectionId, DirectConnectGatewayId,
    EdgeId, FailoverTestId, LocationCode, PortName, ProposalId, RoutingDomainId, TaggedResource,
    TransitGatewayId, VirtualGatewayId, VirtualInterfaceId,
};
use crate::net::{AddressFamily, Bandwidth, Vlan};
use crate::principal::Principal;
use crate::time::Time;

/// The key of a record, or the beginning that a range of keys has in common.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(String);

impl Key {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, given away.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0
    }

    /// The first part, which tells the kind of record.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.0.split('/').next().unwrap_or_default()
    }

    /// The last part: of an index entry, the id of what it stands for.
    #[must_use]
    pub fn last(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// A key as read back from a store.
    #[must_use]
    pub fn from_stored(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Bytes that nearly every key has room in.
const ROOM: usize = 64;

/// As `format!`, which would let the text grow piece by piece.
fn written(text: fmt::Arguments<'_>) -> Key {
    let mut key = String::with_capacity(ROOM);
    key.write_fmt(text).expect("writing to a string cannot fail");
    Key(key)
}

macro_rules! keys {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) = $format:literal;)*) => {
        $($(#[$doc])* #[must_use] pub fn $name($($argument: $type),*) -> Key { written(format_args!($format)) })*
    };
}

keys! {
    /// An account.
    account(id: &AccountId) = "account/{id}";
    /// All operators.
    roster() = "operator/all";
    /// When operators' keys were last used.
    operator_use() = "operator-use/all";
    /// An access key.
    access_key(id: &AccessKeyId) = "key/{id}";
    /// Index: an access key under its principal.
    access_key_of(owner: &Principal, id: &AccessKeyId) = "key-of/{owner}/{id}";
    /// Range: the access keys of a principal.
    access_keys_of(owner: &Principal) = "key-of/{owner}/";
    /// A location.
    location(code: &LocationCode) = "location/{code}";
    /// An edge router.
    edge(id: &EdgeId) = "edge/{id}";
    /// When an edge was last heard.
    edge_seen(id: &EdgeId) = "edge-seen/{id}";
    /// Marker without content: written with every change of what an edge must know, so that its version is the
    /// generation of that edge's configuration.
    edge_generation(id: &EdgeId) = "edge-generation/{id}";
    /// A port.
    port(edge: &EdgeId, name: &PortName) = "port/{edge}/{name}";
    /// Range: the ports of an edge.
    ports_of(edge: &EdgeId) = "port/{edge}/";
    /// Index: a port that nobody has.
    free_port(location: &LocationCode, speed: Bandwidth, edge: &EdgeId, name: &PortName) = "free-port/{location}/{speed}/{edge}/{name}";
    /// Range: the free ports of a location and speed.
    free_ports(location: &LocationCode, speed: Bandwidth) = "free-port/{location}/{speed}/";
    /// Index: an edge that somebody runs, under its location.
    edge_at(location: &LocationCode, id: &EdgeId) = "at/{location}/edge/{id}";
    /// Range: the edges of a location, the built-in one apart.
    edges_at(location: &LocationCode) = "at/{location}/edge/";
    /// Index: a connection that has not ended, under its location.
    connection_at(location: &LocationCode, id: &ConnectionId) = "at/{location}/connection/{id}";
    /// Range: the connections of a location that have not ended.
    connections_at(location: &LocationCode) = "at/{location}/connection/";
    /// A connection.
    connection(id: &ConnectionId) = "connection/{id}";
    /// Index: a connection under its owner.
    connection_of(owner: &AccountId, id: &ConnectionId) = "connection-of/{owner}/{id}";
    /// Range: the connections of an account.
    connections_of(owner: &AccountId) = "connection-of/{owner}/";
    /// Index: a connection that its edge must know, or still holds.
    edge_connection(edge: &EdgeId, id: &ConnectionId) = "edge-connection/{edge}/{id}";
    /// Range: the connections of an edge.
    edge_connections(edge: &EdgeId) = "edge-connection/{edge}/";
    /// A virtual interface.
    interface(id: &VirtualInterfaceId) = "vif/{id}";
    /// Index: an interface under its owner, and under its lender.
    interface_of(account: &AccountId, id: &VirtualInterfaceId) = "vif-of/{account}/{id}";
    /// Range: the interfaces that an account sees.
    interfaces_of(account: &AccountId) = "vif-of/{account}/";
    /// Index: an interface that has ended, under its connection.
    ended_on(connection: &ConnectionId, id: &VirtualInterfaceId) = "on/{connection}/ended/{id}";
    /// Range: the ended interfaces of a connection.
    all_ended_on(connection: &ConnectionId) = "on/{connection}/ended/";
    /// Range: the live interfaces of a connection.
    live_on(connection: &ConnectionId) = "on/{connection}/live/";
    /// Range: all interfaces of a connection.
    all_on(connection: &ConnectionId) = "on/{connection}/";
    /// Index: an interface that its edge must know, or still holds.
    edge_interface(edge: &EdgeId, id: &VirtualInterfaceId) = "edge-vif/{edge}/{id}";
    /// Range: the interfaces of an edge.
    edge_interfaces(edge: &EdgeId) = "edge-vif/{edge}/";
    /// Index: a public interface of which it must be said whether its prefixes are the customer's.
    verifying(id: &VirtualInterfaceId) = "verifying/{id}";
    /// Range: all of them.
    all_verifying() = "verifying/";
    /// The operator's public network on an edge.
    public_network(edge: &EdgeId) = "public-network/{edge}";
    /// The backbone of a Direct Connect gateway.
    backbone(gateway: &DirectConnectGatewayId) = "backbone/{gateway}";
    /// What an edge last said of an interface.
    interface_status(id: &VirtualInterfaceId) = "vif-status/{id}";
    /// A BGP failover test, running or over.
    failover_test(id: &FailoverTestId) = "failover-test/{id}";
    /// Range: the BGP failover tests that an account sees.
    failover_tests_of(account: &AccountId) = "failover-test-of/{account}/";
    /// Range: those of them that are of one interface.
    failover_tests_of_interface(account: &AccountId, interface: &VirtualInterfaceId) = "failover-test-of/{account}/{interface}/";
    /// Claim: a piece of a peer subnet, within one routing domain on one edge.
    peer_subnet(domain: &RoutingDomainId, edge: &EdgeId, piece: &str) = "peer/{domain}/{edge}/{piece}";
    /// A customer agreement that an account has confirmed.
    customer_agreement(account: &AccountId, name: &AgreementName) = "agreement/{account}/{name}";
    /// Range: the customer agreements that an account has confirmed.
    customer_agreements_of(account: &AccountId) = "agreement/{account}/";
    /// Claim: an interface of an edge that leads to the fabric of one gateway, and of no other.
    handoff(edge: &EdgeId, interface: &PortName, gateway: &VirtualGatewayId) = "handoff/{edge}/{interface}/{gateway}";
    /// Claim: an interface of an edge that leads to the fabric of one transit gateway.
    transit_handoff(edge: &EdgeId, interface: &PortName, gateway: &TransitGatewayId) = "handoff/{edge}/{interface}/{gateway}";
    /// Claim: an interface of an edge that leads to the backbone of one Direct Connect gateway.
    backbone_handoff(edge: &EdgeId, interface: &PortName, gateway: &DirectConnectGatewayId) = "handoff/{edge}/{interface}/{gateway}";
    /// Claim: an interface of an edge that leads to the public network.
    public_handoff(edge: &EdgeId, interface: &PortName) = "handoff/{edge}/{interface}/public-0";
    /// Range: the handoffs of an edge.
    handoffs_on(edge: &EdgeId) = "handoff/{edge}/";
    /// Range: the gateway that an interface of an edge leads to.
    handoffs_at(edge: &EdgeId, interface: &PortName) = "handoff/{edge}/{interface}/";
    /// A virtual gateway.
    gateway(id: &VirtualGatewayId) = "gateway/{id}";
    /// Index: a gateway under its owner.
    gateway_of(owner: &AccountId, id: &VirtualGatewayId) = "gateway-of/{owner}/{id}";
    /// Range: the gateways of an account.
    gateways_of(owner: &AccountId) = "gateway-of/{owner}/";
    /// A transit gateway.
    transit_gateway(id: &TransitGatewayId) = "tgw/{id}";
    /// Index: a transit gateway under its owner.
    transit_gateway_of(owner: &AccountId, id: &TransitGatewayId) = "tgw-of/{owner}/{id}";
    /// Range: the transit gateways of an account.
    transit_gateways_of(owner: &AccountId) = "tgw-of/{owner}/";
    /// Claim: an interface that leads to a gateway.
    attached(gateway: &VirtualGatewayId, id: &VirtualInterfaceId) = "attached/{gateway}/{id}";
    /// Range: the interfaces that lead to a gateway.
    all_attached(gateway: &VirtualGatewayId) = "attached/{gateway}/";
    /// A Direct Connect gateway.
    dx_gateway(id: &DirectConnectGatewayId) = "dxgw/{id}";
    /// Index: a Direct Connect gateway that is there, under its owner.
    dx_gateway_of(owner: &AccountId, id: &DirectConnectGatewayId) = "dxgw-of/{owner}/live/{id}";
    /// Index: a deleted one, under its owner.
    ended_dx_gateway_of(owner: &AccountId, id: &DirectConnectGatewayId) = "dxgw-of/{owner}/ended/{id}";
    /// Range: the Direct Connect gateways of an account that are there.
    live_dx_gateways_of(owner: &AccountId) = "dxgw-of/{owner}/live/";
    /// Range: the deleted ones of an account.
    ended_dx_gateways_of(owner: &AccountId) = "dxgw-of/{owner}/ended/";
    /// Range: all Direct Connect gateways of an account.
    dx_gateways_of(owner: &AccountId) = "dxgw-of/{owner}/";
    /// Index: a live interface that leads to a Direct Connect gateway, under the gateway and the interface's edge.
    dx_attached(gateway: &DirectConnectGatewayId, edge: &EdgeId, id: &VirtualInterfaceId) = "dxgw-vif/{gateway}/live/{edge}/{id}";
    /// Index: an ended interface that led to a Direct Connect gateway.
    dx_detached(gateway: &DirectConnectGatewayId, id: &VirtualInterfaceId) = "dxgw-vif/{gateway}/ended/{id}";
    /// Range: the live interfaces that lead to a Direct Connect gateway.
    all_dx_attached(gateway: &DirectConnectGatewayId) = "dxgw-vif/{gateway}/live/";
    /// Range: the ended interfaces that led to it.
    all_dx_detached(gateway: &DirectConnectGatewayId) = "dxgw-vif/{gateway}/ended/";
    /// Range: both.
    dx_attachments(gateway: &DirectConnectGatewayId) = "dxgw-vif/{gateway}/";
    /// Marker without content: written whenever an interface begins or ceases to lead to a Direct Connect gateway, or does so
    /// on another edge. A decision that rests on the list of them reads it, and so is tied to that list.
    dx_attachments_changed(gateway: &DirectConnectGatewayId) = "dxgw-changed/{gateway}";
    /// An association of a gateway with a Direct Connect gateway.
    association(id: &AssociationId) = "association/{id}";
    /// Index: an association under the owner of either gateway.
    association_of(account: &AccountId, id: &AssociationId) = "association-of/{account}/{id}";
    /// Range: the associations that an account sees.
    associations_of(account: &AccountId) = "association-of/{account}/";
    /// Index: an association that has not ended, under its Direct Connect gateway.
    association_on(gateway: &DirectConnectGatewayId, id: &AssociationId) = "association-on/{gateway}/live/{id}";
    /// Index: an ended one.
    ended_association_on(gateway: &DirectConnectGatewayId, id: &AssociationId) = "association-on/{gateway}/ended/{id}";
    /// Range: the associations of a Direct Connect gateway that have not ended.
    live_associations_on(gateway: &DirectConnectGatewayId) = "association-on/{gateway}/live/";
    /// Range: the ended ones.
    ended_associations_on(gateway: &DirectConnectGatewayId) = "association-on/{gateway}/ended/";
    /// Range: both.
    associations_on(gateway: &DirectConnectGatewayId) = "association-on/{gateway}/";
    /// Marker without content: written with the allowed prefixes of every association of a transit gateway with a Direct Connect
    /// gateway. A decision that compares them reads it.
    allowed_changed(gateway: &DirectConnectGatewayId) = "dxgw-allowed/{gateway}";
    /// Claim: an association that has not ended, under the associated gateway. A virtual gateway has one at most.
    associated(gateway: &str, id: &AssociationId) = "associated/{gateway}/live/{id}";
    /// Index: an ended one.
    ended_associated(gateway: &str, id: &AssociationId) = "associated/{gateway}/ended/{id}";
    /// Range: the associations of a gateway that have not ended.
    live_associated(gateway: &str) = "associated/{gateway}/live/";
    /// Range: the ended ones.
    all_ended_associated(gateway: &str) = "associated/{gateway}/ended/";
    /// Range: both.
    all_associated(gateway: &str) = "associated/{gateway}/";
    /// Index: an association that an edge router must still let go. It is written once, when the association is to end, so
    /// that its version is that of the configuration without it.
    edge_association(edge: &EdgeId, id: &AssociationId) = "edge-association/{edge}/{id}";
    /// Range: the associations that an edge must still let go.
    edge_associations(edge: &EdgeId) = "edge-association/{edge}/";
    /// A proposal of an association.
    proposal(id: &ProposalId) = "proposal/{id}";
    /// Index: a proposal under the owner of either gateway.
    proposal_of(account: &AccountId, id: &ProposalId) = "proposal-of/{account}/{id}";
    /// Range: the proposals that an account sees.
    proposals_of(account: &AccountId) = "proposal-of/{account}/";
    /// Claim: an unanswered proposal to associate these two; there is one at most.
    open_proposal(to: &DirectConnectGatewayId, gateway: &str, id: &ProposalId) = "proposal-open/{to}/{gateway}/{id}";
    /// Range: the unanswered proposals to associate these two.
    open_proposals(to: &DirectConnectGatewayId, gateway: &str) = "proposal-open/{to}/{gateway}/";
    /// Range: what happened, as one account is told it.
    notices_of(account: &AccountId) = "notice/{account}/";
    /// Where an account's notices are sent.
    webhook(account: &AccountId) = "webhook/{account}";
    /// How far that has come.
    webhook_status(account: &AccountId) = "webhook-status/{account}";
    /// Counter: the live interfaces of a connection.
    count_of_interfaces(connection: &ConnectionId) = "count/vif/{connection}";
    /// Counter: the live interfaces of a connection that have a rate limit.
    count_of_rate_limiters(connection: &ConnectionId) = "count/rate-limiter/{connection}";
    /// Counter: the live connections of an account at a location.
    count_of_connections(account: &AccountId, location: &LocationCode) = "count/connection/{account}/{location}";
    /// Range: the counters of an account's connections.
    counts_of_connections(account: &AccountId) = "count/connection/{account}/";
    /// Counter: the Direct Connect gateways of an account.
    count_of_dx_gateways(account: &AccountId) = "count/dxgw/{account}";
    /// Counter: the live interfaces that lead to a Direct Connect gateway.
    count_of_dx_attached(gateway: &DirectConnectGatewayId) = "count/dxgw-vif/{gateway}";
    /// Counter: the prefixes, of both families, that those interfaces take.
    count_of_dx_prefixes(gateway: &DirectConnectGatewayId) = "count/dxgw-prefixes/{gateway}";
    /// Counter: the associations of a Direct Connect gateway that have not ended.
    count_of_associations(gateway: &DirectConnectGatewayId) = "count/association/{gateway}";
    /// Counter: the associations of a transit gateway that have not ended.
    count_of_transit_associations(gateway: &TransitGatewayId) = "count/tgw-association/{gateway}";
    /// Counter: the proposals of a gateway that are still shown.
    count_of_proposals(gateway: &str) = "count/proposal/{gateway}";
    /// Counter: the access keys of an account.
    count_of_access_keys(account: &AccountId) = "count/key/{account}";
    /// Counter: the bytes of an account's tags.
    count_of_tag_bytes(account: &AccountId) = "count/tag-bytes/{account}";
    /// Counter: the unanswered interfaces that a lender offers a recipient.
    count_of_offers_of(recipient: &AccountId, lender: &AccountId) = "count/offer/{recipient}/{lender}";
    /// Range: the counters of a recipient's unanswered interfaces by lender.
    counts_of_offers(recipient: &AccountId) = "count/offer/{recipient}/";
    /// Counter: the unanswered interfaces that a recipient is offered.
    count_of_offers(recipient: &AccountId) = "count/offers/{recipient}";
}

/// Counter: the live interfaces of a connection that were given a number of prefixes of a family.
#[must_use]
pub fn count_of_allocations(family: AddressFamily, connection: &ConnectionId) -> Key {
    written(format_args!("count/allocation-{}/{connection}", family.as_str()))
}

/// Counter: the prefixes of a family that they were given.
#[must_use]
pub fn count_of_prefixes(family: AddressFamily, connection: &ConnectionId) -> Key {
    written(format_args!("count/prefix-{}/{connection}", family.as_str()))
}

/// Claim: the VLAN of a live interface.
#[must_use]
pub fn live_vlan(connection: &ConnectionId, vlan: Vlan) -> Key {
    written(format_args!("on/{connection}/live/{:04}", vlan.number()))
}

/// The tags that an account gave a resource.
#[must_use]
pub fn tags(resource: &TaggedResource, account: &AccountId) -> Key {
    let (kind, id) = resource.parts();
    written(format_args!("tags/{kind}/{id}/{account}"))
}

/// Index: a BGP failover test under the owner and the lender of its interface, in the order of time.
#[must_use]
pub fn failover_test_of(
    account: &AccountId,
    interface: &VirtualInterfaceId,
    started: Time,
    id: &FailoverTestId,
) -> Key {
    let started = started.millis();
    written(format_args!("failover-test-of/{account}/{interface}/{started:015}/{id}"))
}

/// Something to do at a moment with a connection, an interface or another [`Subject`](crate::deadline::Subject): expire it,
/// approve it, purge it.
#[must_use]
pub fn due(at: Time, id: &str) -> Key {
    written(format_args!("due/{:015}/{id}", at.millis()))
}

/// Range: everything that is to be done at some moment, the earliest first.
#[must_use]
pub fn all_due() -> Key {
    Key("due/".to_owned())
}

/// Reads the edge of a [`dx_attached`] key back.
#[must_use]
pub fn edge_of_attached(key: &Key) -> Option<EdgeId> {
    EdgeId::parse(key.as_str().rsplit('/').nth(1)?).ok()
}

/// Reads the moment and the rest of a key's parts after its kind.
pub(crate) fn parse_dated(rest: &str) -> Option<(Time, &str)> {
    let (at, id) = rest.split_once('/')?;
    Some((Time::from_millis(at.parse().ok()?), id))
}

/// Marker: the store's epoch, in milliseconds of Unix time. There is one at a time; its number is part of the key, so that
/// "is this the epoch?" is one question about one key.
#[must_use]
pub fn epoch(number: u64) -> Key {
    Key(format!("epoch/{number:015}"))
}

/// Marker: which form the store's records have been brought to.
#[must_use]
pub fn format(number: u32) -> Key {
    Key(format!("format/{number}"))
}

/// Marker in a copy of a store, in place of its [`epoch`]: the epoch that the copy was made in and must not go on with.
#[must_use]
pub fn epoch_before(number: u64) -> Key {
    Key(format!("epoch-before/{number:015}"))
}

/// Reads an [`epoch`] or [`epoch_before`] key back.
#[must_use]
pub fn parse_epoch(key: &str) -> Option<u64> {
    let (kind, number) = key.split_once('/')?;
    matches!(kind, "epoch" | "epoch-before").then(|| number.parse().ok())?
}

/// The audit record of a change, in the order of time.
#[must_use]
pub fn audit(at: Time, request_id: &str) -> Key {
    written(format_args!("audit/{:015}/{request_id}", at.millis()))
}

/// Something that happened, as one account is told it, in the order of time.
#[must_use]
pub fn notice(account: &AccountId, at: Time, resource: &str, event: &str) -> Key {
    written(format_args!("notice/{account}/{:015}/{resource}.{event}", at.millis()))
}

/// Between what an account is told of before a moment and from then on.
#[must_use]
pub fn notices_from(account: &AccountId, at: Time) -> Key {
    written(format_args!("notice/{account}/{:015}", at.millis()))
}

/// Reads the account and the moment of a [`notice`] key back.
#[must_use]
pub fn parse_notice(key: &str) -> Option<(AccountId, Time)> {
    let (account, rest) = key.strip_prefix("notice/")?.split_once('/')?;
    let (at, _) = parse_dated(rest)?;
    Some((AccountId::parse(account).ok()?, at))
}

/// Reads an [`audit`] key back.
#[must_use]
pub fn parse_audit(key: &str) -> Option<(Time, &str)> {
    parse_dated(key.strip_prefix("audit/")?)
}

/// Range: everything of one kind, as in `account/`.
#[must_use]
pub fn all(kind: &str) -> Key {
    Key(format!("{kind}/"))
}
