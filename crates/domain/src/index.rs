//! Lists of records: ranges of keys, with what each entry stands for.

use std::marker::PhantomData;

use crate::access_key::{AccessKey, Principal};
use crate::account::Account;
use crate::association_proposal::Proposal;
use crate::backbone::Backbone;
use crate::connection::Connection;
use crate::customer_agreement::CustomerAgreement;
use crate::dx_gateway::DirectConnectGateway;
use crate::edge::Edge;
use crate::failover_test::FailoverTest;
use crate::gateway_association::Association;
use crate::id::{
    AccessKeyId, AccountId, AssociationId, ConnectionId, DirectConnectGatewayId, EdgeId,
    FailoverTestId, ProposalId, TransitGatewayId, VirtualGatewayId, VirtualInterfaceId,
};
use crate::key::{self, Key};
use crate::location::Location;
use crate::port::Port;
use crate::public_network::PublicNetwork;
use crate::record::Record;
use crate::transit_gateway::TransitGateway;
use crate::virtual_gateway::Gateway;
use crate::virtual_interface::VirtualInterface;

/// A list of records of one type.
#[derive(Clone, Debug)]
pub struct Index<T> {
    /// What all its keys begin with.
    range: Key,
    /// Its parts, in the order of the list: all of `range` if it is in the order of keys.
    parts: Vec<Key>,
    /// The key of the record that an entry stands for; `None`: entries are the records themselves.
    target: Option<fn(&str, &Record) -> Option<Key>>,
    of: PhantomData<fn() -> T>,
}

impl<T> Index<T> {
    fn of_records(range: Key) -> Self {
        Self { parts: vec![range.clone()], range, target: None, of: PhantomData }
    }

    fn of_entries(range: Key, target: fn(&str, &Record) -> Option<Key>) -> Self {
        Self { parts: vec![range.clone()], range, target: Some(target), of: PhantomData }
    }

    /// What all its keys begin with.
    #[must_use]
    pub const fn range(&self) -> &Key {
        &self.range
    }

    /// The ranges of keys that it consists of, one after the other.
    #[must_use]
    pub fn parts(&self) -> &[Key] {
        &self.parts
    }

    /// Whether its entries are the records themselves.
    #[must_use]
    pub const fn holds_records(&self) -> bool {
        self.target.is_none()
    }

    /// The key of the record that an entry stands for.
    #[must_use]
    pub fn target(&self, key: &str, entry: &Record) -> Option<Key> {
        self.target.and_then(|target| target(key, entry))
    }
}

/// The last part of an entry's key.
fn last(key: &str) -> &str {
    key.rsplit('/').next().unwrap_or_default()
}

macro_rules! everything {
    ($($name:ident at $prefix:literal;)*) => {
        $(impl Index<$name> {
            /// All there are, in the order of their keys.
            #[must_use]
            pub fn everything() -> Self {
                Self::of_records(key::all($prefix))
            }
        })*
    };
}

everything! {
    Account at "account";
    AccessKey at "key";
    Location at "location";
    Edge at "edge";
    Port at "port";
    Connection at "connection";
    Gateway at "gateway";
    TransitGateway at "tgw";
    PublicNetwork at "public-network";
    Backbone at "backbone";
    VirtualInterface at "vif";
}

impl Index<AccessKey> {
    /// Those of a principal.
    #[must_use]
    pub fn of(principal: &Principal) -> Self {
        Self::of_entries(key::access_keys_of(principal), |key, _| {
            AccessKeyId::parse(last(key)).ok().map(|id| key::access_key(&id))
        })
    }
}

impl Index<Port> {
    /// Those of an edge router.
    #[must_use]
    pub fn of_edge(edge: &EdgeId) -> Self {
        Self::of_records(key::ports_of(edge))
    }
}

impl Index<CustomerAgreement> {
    /// Those that an account has confirmed.
    #[must_use]
    pub fn of_account(account: &AccountId) -> Self {
        Self::of_records(key::customer_agreements_of(account))
    }
}

impl Index<Connection> {
    fn by_entries(range: Key) -> Self {
        Self::of_entries(range, |key, _| {
            ConnectionId::parse(last(key)).ok().map(|id| key::connection(&id))
        })
    }

    /// Those of an account.
    #[must_use]
    pub fn of_account(account: &AccountId) -> Self {
        Self::by_entries(key::connections_of(account))
    }

    /// Those that an edge router must know, or still holds.
    #[must_use]
    pub fn of_edge(edge: &EdgeId) -> Self {
        Self::by_entries(key::edge_connections(edge))
    }
}

impl Index<Gateway> {
    /// Those of an account.
    #[must_use]
    pub fn of_account(account: &AccountId) -> Self {
        Self::of_entries(key::gateways_of(account), |key, _| {
            VirtualGatewayId::parse(last(key)).ok().map(|id| key::gateway(&id))
        })
    }
}

impl Index<TransitGateway> {
    /// Those of an account.
    #[must_use]
    pub fn of_account(account: &AccountId) -> Self {
        Self::of_entries(key::transit_gateways_of(account), |key, _| {
            TransitGatewayId::parse(last(key)).ok().map(|id| key::transit_gateway(&id))
        })
    }
}

impl Index<DirectConnectGateway> {
    /// Those of an account, deleted ones last: one that is deleted between two pages is then in the later one.
    #[must_use]
    pub fn of_account(account: &AccountId) -> Self {
        let parts = vec![key::live_dx_gateways_of(account), key::ended_dx_gateways_of(account)];
        let all = Self::of_entries(key::dx_gateways_of(account), |key, _| {
            DirectConnectGatewayId::parse(last(key)).ok().map(|id| key::dx_gateway(&id))
        });
        Self { parts, ..all }
    }
}

impl Index<Association> {
    fn by_entries(range: Key) -> Self {
        Self::of_entries(range, |key, _| {
            AssociationId::parse(last(key)).ok().map(|id| key::association(&id))
        })
    }

    /// Those that an account sees.
    #[must_use]
    pub fn of_account(account: &AccountId) -> Self {
        Self::by_entries(key::associations_of(account))
    }

    /// Those of a Direct Connect gateway, ended ones last.
    #[must_use]
    pub fn of_dx_gateway(gateway: &DirectConnectGatewayId) -> Self {
        let parts = vec![key::live_associations_on(gateway), key::ended_associations_on(gateway)];
        Self { parts, ..Self::by_entries(key::associations_on(gateway)) }
    }

    /// Those of a Direct Connect gateway that have not ended.
    #[must_use]
    pub fn live_of_dx_gateway(gateway: &DirectConnectGatewayId) -> Self {
        Self::by_entries(key::live_associations_on(gateway))
    }

    /// Those of an associated gateway, by its id, ended ones last.
    #[must_use]
    pub fn of_associated(gateway: &str) -> Self {
        let parts = vec![key::live_associated(gateway), key::all_ended_associated(gateway)];
        Self { parts, ..Self::by_entries(key::all_associated(gateway)) }
    }

    /// Those that an edge router must still let go.
    #[must_use]
    pub fn of_edge(edge: &EdgeId) -> Self {
        Self::by_entries(key::edge_associations(edge))
    }
}

impl Index<Proposal> {
    /// Those that an account sees.
    #[must_use]
    pub fn of_account(account: &AccountId) -> Self {
        Self::of_entries(key::proposals_of(account), |key, _| {
            ProposalId::parse(last(key)).ok().map(|id| key::proposal(&id))
        })
    }
}

impl Index<FailoverTest> {
    fn by_entries(range: Key) -> Self {
        Self::of_entries(range, |key, _| {
            FailoverTestId::parse(last(key)).ok().map(|id| key::failover_test(&id))
        })
    }

    /// Those that an account sees, interface by interface, each in the order of time.
    #[must_use]
    pub fn of_account(account: &AccountId) -> Self {
        Self::by_entries(key::failover_tests_of(account))
    }

    /// Those of them that are of one interface.
    #[must_use]
    pub fn of_interface(account: &AccountId, interface: &VirtualInterfaceId) -> Self {
        Self::by_entries(key::failover_tests_of_interface(account, interface))
    }
}

impl Index<VirtualInterface> {
    fn by_entries(range: Key) -> Self {
        Self::of_entries(range, |key, entry| match entry {
            Record::Claim(claim) => Some(key::interface(&claim.interface)),
            _ => VirtualInterfaceId::parse(last(key)).ok().map(|id| key::interface(&id)),
        })
    }

    /// Those that an account sees.
    #[must_use]
    pub fn of_account(account: &AccountId) -> Self {
        Self::by_entries(key::interfaces_of(account))
    }

    /// Those that an edge router must know, or still holds.
    #[must_use]
    pub fn of_edge(edge: &EdgeId) -> Self {
        Self::by_entries(key::edge_interfaces(edge))
    }

    /// Those that lead to a Direct Connect gateway or led to it, live ones first.
    #[must_use]
    pub fn of_dx_gateway(gateway: &DirectConnectGatewayId) -> Self {
        let parts = vec![key::all_dx_attached(gateway), key::all_dx_detached(gateway)];
        Self { parts, ..Self::by_entries(key::dx_attachments(gateway)) }
    }

    /// Those that lead to a Direct Connect gateway.
    #[must_use]
    pub fn live_of_dx_gateway(gateway: &DirectConnectGatewayId) -> Self {
        Self::by_entries(key::all_dx_attached(gateway))
    }

    /// Those of which it must be said whether their prefixes are the customer's.
    #[must_use]
    pub fn verifying() -> Self {
        Self::by_entries(key::all_verifying())
    }

    /// Those on a connection, live ones first: one that ends between two pages is then in the later one.
    #[must_use]
    pub fn on_connection(connection: &ConnectionId) -> Self {
        let parts = vec![key::live_on(connection), key::all_ended_on(connection)];
        Self { parts, ..Self::by_entries(key::all_on(connection)) }
    }
}
