//! What a decision may look at: the records that the shell loaded for it, each with its version.
//!
//! A rule asks; where the answer was not loaded it stops with [`Stop::Need`], the shell loads what is needed and decides
//! again. Everything that was asked becomes a compare of the commit, so a decision never rests on something that has
//! changed meanwhile.

use crate::access_key::AccessKey;
use crate::account::Account;
use crate::association_proposal::Proposal;
use crate::backbone::Backbone;
use crate::connection::Connection;
use crate::customer_agreement::CustomerAgreement;
use crate::dx_gateway::DirectConnectGateway;
use crate::edge::{Edge, EdgeSeen};
use crate::failover_test::FailoverTest;
use crate::fault::Fault;
use crate::gateway_association::Association;
use crate::id::{
    AccessKeyId, AccountId, AgreementName, AssociationId, ConnectionId, DirectConnectGatewayId,
    EdgeId, FailoverTestId, LocationCode, PortName, ProposalId, RoutingDomainId, TransitGatewayId,
    VirtualGatewayId, VirtualInterfaceId,
};
use crate::key::{self, Key};
use crate::location::Location;
use crate::operator::{OperatorUse, Roster};
use crate::port::Port;
use crate::public_network::PublicNetwork;
use crate::quota::{Count, Counter};
use crate::record::{Claim, Record};
use crate::tag::{ResourceTags, TaggedResource};
use crate::transit_gateway::TransitGateway;
use crate::virtual_gateway::Gateway;
use crate::virtual_interface::{VirtualInterface, VirtualInterfaceStatus};
use crate::webhook::{Webhook, WebhookStatus};

/// The version of a record: the revision of the store at which it was last written; 0 where there is none.
pub type Version = u64;

/// Something that a rule must know.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Ask {
    /// The record at a key.
    Record(Key),
    /// Whether a range has no record at all.
    Empty(Key),
    /// The first entries of a range, at most [`FIRST`]. No commit compares them: what is written because of them is tied to a
    /// record that whoever adds an entry writes too.
    First(Key),
}

/// How many entries of a range [`Ask::First`] asks for.
pub const FIRST: usize = 100;

/// The first entries of a range.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct First {
    /// In the order of their keys, at most [`FIRST`].
    pub entries: Vec<(Key, Record)>,
    /// Whether there are more.
    pub is_cut: bool,
}

/// Why a decision stopped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// These must be loaded first.
    Need(Vec<Ask>),
    /// The answer is no.
    Fault(Fault),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// A rule's result.
pub type Asked<T> = Result<T, Stop>;

/// What was loaded. Short lists: a decision asks for some ten things.
#[derive(Clone, Debug, Default)]
pub struct View {
    records: Vec<(Key, Version, Option<Record>)>,
    empty: Vec<(Key, bool)>,
    first: Vec<(Key, First)>,
}

impl View {
    /// Adds a loaded record, or its absence (version 0).
    pub fn load(&mut self, key: Key, version: Version, record: Option<Record>) {
        self.records.push((key, version, record));
    }

    /// Adds whether a range is empty.
    pub fn load_empty(&mut self, range: Key, empty: bool) {
        self.empty.push((range, empty));
    }

    /// Adds the first entries of a range.
    pub fn load_first(&mut self, range: Key, first: First) {
        self.first.push((range, first));
    }

    /// The keys and versions that the decision rests on.
    pub fn reads(&self) -> impl Iterator<Item = (&Key, Version)> {
        self.records.iter().map(|(key, version, _)| (key, *version))
    }

    /// The ranges that the decision rests on being empty.
    pub fn empty_ranges(&self) -> impl Iterator<Item = &Key> {
        self.empty.iter().filter(|(_, empty)| *empty).map(|(range, _)| range)
    }

    /// Asks for several records at once, to load them in one go.
    pub fn want(&self, keys: impl IntoIterator<Item = Key>) -> Asked<()> {
        let missing: Vec<Ask> =
            keys.into_iter().filter(|key| self.find(key).is_none()).map(Ask::Record).collect();
        if missing.is_empty() { Ok(()) } else { Err(Stop::Need(missing)) }
    }

    /// The record at a key.
    pub fn get(&self, key: &Key) -> Asked<Option<&Record>> {
        self.versioned(key).map(|(_, record)| record)
    }

    /// The record at a key and its version.
    pub fn versioned(&self, key: &Key) -> Asked<(Version, Option<&Record>)> {
        match self.find(key) {
            Some((_, version, record)) => Ok((*version, record.as_ref())),
            None => Err(Stop::Need(vec![Ask::Record(key.clone())])),
        }
    }

    /// Whether there is a record at a key.
    pub fn exists(&self, key: &Key) -> Asked<bool> {
        self.get(key).map(|record| record.is_some())
    }

    /// Whether a range is empty.
    pub fn is_empty(&self, range: &Key) -> Asked<bool> {
        match self.empty.iter().find(|(known, _)| known == range) {
            Some((_, empty)) => Ok(*empty),
            None => Err(Stop::Need(vec![Ask::Empty(range.clone())])),
        }
    }

    /// Asks whether several ranges are empty at once, to load the answers in one go.
    pub fn want_empty<'k>(&self, ranges: impl IntoIterator<Item = &'k Key>) -> Asked<()> {
        let is_known = |range: &Key| self.empty.iter().any(|(known, _)| known == range);
        let missing: Vec<Ask> =
            ranges.into_iter().filter(|range| !is_known(range)).cloned().map(Ask::Empty).collect();
        if missing.is_empty() { Ok(()) } else { Err(Stop::Need(missing)) }
    }

    /// The first entries of a range.
    pub fn first(&self, range: &Key) -> Asked<&First> {
        match self.first.iter().find(|(known, _)| known == range) {
            Some((_, first)) => Ok(first),
            None => Err(Stop::Need(vec![Ask::First(range.clone())])),
        }
    }

    /// The record at a key as far as it was loaded: `None` where there is none, or where nobody asked.
    pub(crate) fn known(&self, key: &Key) -> Option<&Record> {
        self.find(key).and_then(|(_, _, record)| record.as_ref())
    }

    fn find(&self, key: &Key) -> Option<&(Key, Version, Option<Record>)> {
        self.records.iter().find(|(known, _, _)| known == key)
    }
}

/// Typed questions, one for each kind of record.
macro_rules! typed {
    ($($(#[$doc:meta])* $name:ident($($argument:ident: $type:ty),*) -> $record:ident, $key:path;)*) => {
        impl View {
            $($(#[$doc])*
            pub fn $name(&self, $($argument: $type),*) -> Asked<Option<&$record>> {
                Ok(match self.get(&$key($($argument),*))? {
                    Some(Record::$record(record)) => Some(record),
                    Some(_) => unreachable!("the codec gives each key the record of its kind"),
                    None => None,
                })
            })*
        }
    };
}

typed! {
    /// An account.
    account(id: &AccountId) -> Account, key::account;
    /// An access key.
    access_key(id: &AccessKeyId) -> AccessKey, key::access_key;
    /// All operators.
    roster() -> Roster, key::roster;
    /// When operators' keys were last used.
    operator_use() -> OperatorUse, key::operator_use;
    /// A location.
    location(code: &LocationCode) -> Location, key::location;
    /// An edge router.
    edge(id: &EdgeId) -> Edge, key::edge;
    /// When an edge was last heard.
    edge_seen(id: &EdgeId) -> EdgeSeen, key::edge_seen;
    /// A port.
    port(edge: &EdgeId, name: &PortName) -> Port, key::port;
    /// A connection.
    connection(id: &ConnectionId) -> Connection, key::connection;
    /// A virtual interface.
    interface(id: &VirtualInterfaceId) -> VirtualInterface, key::interface;
    /// A BGP failover test.
    failover_test(id: &FailoverTestId) -> FailoverTest, key::failover_test;
    /// A virtual gateway.
    gateway(id: &VirtualGatewayId) -> Gateway, key::gateway;
    /// A transit gateway.
    transit_gateway(id: &TransitGatewayId) -> TransitGateway, key::transit_gateway;
    /// A Direct Connect gateway.
    dx_gateway(id: &DirectConnectGatewayId) -> DirectConnectGateway, key::dx_gateway;
    /// An association of a gateway with a Direct Connect gateway.
    association(id: &AssociationId) -> Association, key::association;
    /// A proposal of an association.
    proposal(id: &ProposalId) -> Proposal, key::proposal;
    /// The operator's public network on an edge.
    public_network(edge: &EdgeId) -> PublicNetwork, key::public_network;
    /// The backbone of a Direct Connect gateway.
    backbone(gateway: &DirectConnectGatewayId) -> Backbone, key::backbone;
    /// The claim on a piece of a peer subnet.
    peer_subnet(domain: &RoutingDomainId, edge: &EdgeId, piece: &str) -> Claim, key::peer_subnet;
    /// What an edge last said of an interface.
    interface_status(id: &VirtualInterfaceId) -> VirtualInterfaceStatus, key::interface_status;
    /// The tags that an account gave a resource.
    tags(resource: &TaggedResource, account: &AccountId) -> ResourceTags, key::tags;
    /// A customer agreement that an account has confirmed.
    customer_agreement(account: &AccountId, name: &AgreementName) -> CustomerAgreement, key::customer_agreement;
    /// Where an account's notices are sent.
    webhook(account: &AccountId) -> Webhook, key::webhook;
    /// How far the sending of an account's notices has come.
    webhook_status(account: &AccountId) -> WebhookStatus, key::webhook_status;
    /// How many there are of something that a quota limits.
    count(counter: &Counter<'_>) -> Count, Counter::key;
}
