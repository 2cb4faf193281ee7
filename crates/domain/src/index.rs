//! Lists of records: ranges of keys, with what each entry stands for.

use std::marker::PhantomData;

use crate::access_key::{AccessKey, Principal};
use crate::account::Account;
use crate::connection::Connection;
use crate::customer_agreement::CustomerAgreement;
use crate::edge::Edge;
use crate::id::{
    AccessKeyId, AccountId, ConnectionId, EdgeId, VirtualGatewayId, VirtualInterfaceId,
};
use crate::key::{self, Key};
use crate::location::Location;
use crate::port::Port;
use crate::record::Record;
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

    /// Those on a connection, live ones first: one that ends between two pages is then in the later one.
    #[must_use]
    pub fn on_connection(connection: &ConnectionId) -> Self {
        let parts = vec![key::live_on(connection), key::all_ended_on(connection)];
        Self { parts, ..Self::by_entries(key::all_on(connection)) }
    }
}
