//! The registry of records: what a store holds, one row for each kind of key.
//!
//! Everything that treats kinds differently derives from the two tables here: the codec, caching, the check of a data
//! directory, state counts, and what follows from a record ([`derived`]).

use serde::{Deserialize, Serialize};

use crate::access_key::AccessKey;
use crate::account::Account;
use crate::account::previous::Account2;
use crate::association_proposal::Proposal;
use crate::backbone::Backbone;
use crate::connection::Connection;
use crate::connection::previous::Connection2;
use crate::customer_agreement::CustomerAgreement;
use crate::dx_gateway::DirectConnectGateway;
use crate::edge::{Edge, EdgePart, EdgeSeen, InterfaceConfig, PartConfig, PortConfig};
use crate::failover_test::FailoverTest;
use crate::gateway_association::Association;
use crate::key::Key;
use crate::location::Location;
use crate::notice::Notice;
use crate::operator::{OperatorUse, Roster};
use crate::port::Port;
use crate::public_network::PublicNetwork;
use crate::quota::{Count, Use};
use crate::stored::{Entry, Stored};
use crate::tag::ResourceTags;
use crate::transit_gateway::TransitGateway;
use crate::version::{Form, InJson, Migrated, Moved, Never, Versioned};
use crate::virtual_gateway::Gateway;
use crate::virtual_gateway::previous::Gateway1;
use crate::virtual_interface::previous::{VirtualInterface2, VirtualInterface3};
use crate::virtual_interface::{VirtualInterface, VirtualInterfaceStatus};
use crate::webhook::{Webhook, WebhookStatus};

pub use crate::stored::{Claim, Group};

/// A kind of key: everything before the first `/`.
#[derive(Debug, PartialEq, Eq)]
pub struct Kind {
    /// The first part of its keys.
    pub prefix: &'static str,
    /// What is stored there.
    pub holds: Holds,
    /// Whether stored values are encrypted, because they hold a secret.
    pub sealed: Sealed,
    /// Whether requests read its values one by one, again and again; others are listed, or read seldom.
    pub cached: bool,
    /// Whether its records count in the counts of things by state.
    pub counted: bool,
    /// What must hear of a change of its keys.
    pub wakes: Wakes,
}

/// Which stored values of a kind are encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sealed {
    /// None.
    Never,
    /// Those of this version and of later ones: what was before had no secret.
    Since(u8),
}

impl Sealed {
    /// Whether a value of this version is encrypted.
    #[must_use]
    pub const fn is(self, version: u8) -> bool {
        match self {
            Self::Never => false,
            Self::Since(first) => version >= first,
        }
    }
}

/// What a server must wake when a key has changed, whichever server changed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wakes {
    /// Nothing.
    Nobody,
    /// The feed: some edge's configuration has another version.
    Feed,
    /// The reconciler of deadlines.
    Deadlines,
    /// The count of edges that were never heard.
    Edges,
    /// The cache of access keys and of what decides whether they are good.
    Credentials,
    /// What sends notices to accounts.
    Webhooks,
}

/// What the keys of a kind hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// A record of its own, by the name that its JSON form has.
    Record(&'static str),
    /// A [`Claim`] that is derived from a record.
    Claim,
    /// A [`Claim`] or an index entry, derived from a record.
    ClaimOrIndex,
    /// Nothing: an index entry or a marker that is derived from a record.
    Index,
    /// Nothing, or not a record: a marker in its own right, or an audit record.
    Other,
}

/// Writes the value of a record.
pub trait WriteRecord {
    /// What comes of it.
    type Written;
    /// Writes a record of this type; `whole` is the same with its kind.
    fn write<T: Versioned>(self, record: &T, whole: &Record) -> Self::Written;
}

/// Reads the value of a record.
pub trait ReadRecord {
    /// What comes of it.
    type Read;
    /// Reads a record of this type; `tag` is the name of its kind in the JSON form.
    fn read<T: Versioned + Into<Record>>(self, tag: &'static str) -> Self::Read;
}

/// Defines [`Record`] and its rows of [`KINDS`].
macro_rules! records {
    ($($(#[$doc:meta])* $name:ident = $tag:literal at $prefix:literal, sealed $sealed:ident $(($since:literal))?, cached $cached:literal, counted $counted:literal, wakes $wakes:ident;)*) => {
        /// A record. The kind is told by its key too; both must agree.
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(tag = "record")]
        #[allow(clippy::large_enum_variant, reason = "records live in short lists, one command long")]
        pub enum Record {
            $($(#[$doc])* #[serde(rename = $tag)] $name($name),)*
            /// Which interface has the unique thing that the key names.
            #[serde(rename = "claim")]
            Claim(Claim),
            /// Indexes and markers: the key says it all.
            #[serde(rename = "mark")]
            Mark,
        }

        impl From<Claim> for Record {
            fn from(record: Claim) -> Self {
                Self::Claim(record)
            }
        }

        $(impl From<$name> for Record {
            fn from(record: $name) -> Self {
                Self::$name(record)
            }
        }

        impl TryFrom<Record> for $name {
            type Error = Record;
            fn try_from(record: Record) -> Result<Self, Record> {
                match record {
                    Record::$name(record) => Ok(record),
                    other => Err(other),
                }
            }
        })*

        impl Record {
            /// Where a record lives; `None` for claims and marks, whose key says more than they do.
            #[must_use]
            pub fn key(&self) -> Option<Key> {
                match self {
                    $(Self::$name(record) => Stored::key(record),)*
                    Self::Claim(_) | Self::Mark => None,
                }
            }

            /// The name of its kind in the JSON form.
            #[must_use]
            pub const fn tag(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $tag,)*
                    Self::Claim(_) => "claim",
                    Self::Mark => "mark",
                }
            }
        }

        /// The claims and indexes that must exist because of a record.
        #[must_use]
        pub fn derived(record: &Record) -> Vec<(Key, Entry)> {
            match record {
                $(Record::$name(record) => Stored::derived(record),)*
                Record::Claim(_) | Record::Mark => Vec::new(),
            }
        }

        /// What a record uses of the quotas.
        #[must_use]
        pub fn uses(record: &Record) -> Vec<Use<'_>> {
            match record {
                $(Record::$name(record) => Stored::uses(record),)*
                Record::Claim(_) | Record::Mark => Vec::new(),
            }
        }

        /// How a record counts in the counts of things by state.
        #[must_use]
        pub fn counts(record: &Record) -> Vec<(Group, i64)> {
            match record {
                $(Record::$name(record) => Stored::counts(record),)*
                Record::Claim(_) | Record::Mark => Vec::new(),
            }
        }

        impl Record {
            /// Hands the record itself, by its own type, to a writer of values; `None` for a mark.
            pub fn write<W: WriteRecord>(&self, writer: W) -> Option<W::Written> {
                match self {
                    $(Self::$name(record) => Some(writer.write(record, self)),)*
                    Self::Claim(record) => Some(writer.write(record, self)),
                    Self::Mark => None,
                }
            }
        }

        impl Kind {
            /// Asks a reader of values for the type of record that this kind of key holds; `None` where it holds only marks.
            pub fn read<R: ReadRecord>(&self, reader: R) -> Option<R::Read> {
                match self.holds {
                    $(Holds::Record($tag) => Some(reader.read::<$name>($tag)),)*
                    Holds::Record(_) | Holds::Index | Holds::Other => None,
                    Holds::Claim | Holds::ClaimOrIndex => Some(reader.read::<Claim>("claim")),
                }
            }
        }

        const RECORDS: &[Kind] = &[
            $(Kind { prefix: $prefix, holds: Holds::Record($tag), sealed: Sealed::$sealed $(($since))?, cached: $cached, counted: $counted, wakes: Wakes::$wakes },)*
        ];
    };
}

records! {
    /// A customer of the operator.
    Account = "account" at "account", sealed Never, cached true, counted false, wakes Credentials;
    /// An access key, with its secret.
    AccessKey = "access-key" at "key", sealed Since(1), cached false, counted false, wakes Credentials;
    /// All operators.
    Roster = "operators" at "operator", sealed Never, cached false, counted false, wakes Credentials;
    /// When operators' keys were last used.
    OperatorUse = "operator-use" at "operator-use", sealed Never, cached false, counted false, wakes Nobody;
    /// A place with edge routers.
    Location = "location" at "location", sealed Never, cached false, counted false, wakes Nobody;
    /// An edge router.
    Edge = "edge" at "edge", sealed Never, cached false, counted false, wakes Edges;
    /// When an edge router was last heard.
    EdgeSeen = "edge-seen" at "edge-seen", sealed Never, cached true, counted false, wakes Nobody;
    /// A port of an edge router.
    Port = "port" at "port", sealed Never, cached false, counted false, wakes Nobody;
    /// A connection.
    Connection = "connection" at "connection", sealed Never, cached true, counted true, wakes Nobody;
    /// A virtual interface, with its BGP key.
    VirtualInterface = "virtual-interface" at "vif", sealed Since(1), cached true, counted true, wakes Nobody;
    /// What an edge router last said of a virtual interface.
    VirtualInterfaceStatus = "virtual-interface-status" at "vif-status", sealed Never, cached true, counted true, wakes Nobody;
    /// What an account has labelled a resource with.
    ResourceTags = "resource-tags" at "tags", sealed Never, cached true, counted false, wakes Nobody;
    /// An account's confirmation of a customer agreement.
    CustomerAgreement = "customer-agreement" at "agreement", sealed Never, cached false, counted false, wakes Nobody;
    /// A BGP failover test of a virtual interface, running or over.
    FailoverTest = "failover-test" at "failover-test", sealed Never, cached false, counted false, wakes Nobody;
    /// A virtual gateway, with the keys of its sessions with the fabric.
    Gateway = "gateway" at "gateway", sealed Since(2), cached true, counted false, wakes Nobody;
    /// A transit gateway, with the keys of its sessions with the fabric.
    TransitGateway = "transit-gateway" at "tgw", sealed Since(1), cached true, counted false, wakes Nobody;
    /// A Direct Connect gateway.
    DirectConnectGateway = "direct-connect-gateway" at "dxgw", sealed Never, cached true, counted false, wakes Nobody;
    /// An association of a gateway with a Direct Connect gateway.
    Association = "gateway-association" at "association", sealed Never, cached true, counted false, wakes Nobody;
    /// A proposal of such an association.
    Proposal = "association-proposal" at "proposal", sealed Never, cached false, counted false, wakes Nobody;
    /// The operator's public network on an edge, with the keys of its sessions with the fabric.
    PublicNetwork = "public-network" at "public-network", sealed Since(1), cached false, counted false, wakes Nobody;
    /// Where the routers of a Direct Connect gateway reach the operator's backbone, with the keys of the sessions there.
    Backbone = "backbone" at "backbone", sealed Since(1), cached false, counted false, wakes Nobody;
    /// Something that happened, as one account is told it.
    Notice = "notice" at "notice", sealed Never, cached false, counted false, wakes Webhooks;
    /// Where an account's notices are sent, with the key that signs them.
    Webhook = "webhook" at "webhook", sealed Since(1), cached false, counted false, wakes Webhooks;
    /// How far the sending of an account's notices has come.
    WebhookStatus = "webhook-status" at "webhook-status", sealed Never, cached false, counted false, wakes Nobody;
    /// How many there are of something that a quota limits.
    Count = "count" at "count", sealed Never, cached true, counted false, wakes Nobody;
}

/// What an edge router must know because of a record.
#[must_use]
pub fn on_edge(record: &Record) -> Option<EdgePart> {
    match record {
        Record::Connection(record) => {
            let config = PartConfig::Port(PortConfig::of(record)?);
            Some(EdgePart { edge: record.port.as_ref()?.edge.clone(), config })
        }
        Record::VirtualInterface(record) => {
            let config = PartConfig::Interface(InterfaceConfig::of(record)?);
            Some(EdgePart { edge: record.edge.clone(), config })
        }
        // An edge knows a gateway by the interfaces that lead to it, an association by those of its Direct Connect gateway (who
        // writes one marks their edges), and the other kinds not at all.
        Record::Account(_)
        | Record::AccessKey(_)
        | Record::Roster(_)
        | Record::OperatorUse(_)
        | Record::Location(_)
        | Record::Edge(_)
        | Record::EdgeSeen(_)
        | Record::Port(_)
        | Record::VirtualInterfaceStatus(_)
        | Record::ResourceTags(_)
        | Record::CustomerAgreement(_)
        | Record::FailoverTest(_)
        | Record::Gateway(_)
        | Record::TransitGateway(_)
        | Record::DirectConnectGateway(_)
        | Record::Association(_)
        | Record::Proposal(_)
        | Record::PublicNetwork(_)
        | Record::Backbone(_)
        | Record::Notice(_)
        | Record::Webhook(_)
        | Record::WebhookStatus(_)
        | Record::Count(_)
        | Record::Claim(_)
        | Record::Mark => None,
    }
}

impl From<Entry> for Record {
    fn from(entry: Entry) -> Self {
        match entry {
            Entry::Claim(claim) => Self::Claim(claim),
            Entry::Mark => Self::Mark,
        }
    }
}

impl From<Moved> for Record {
    fn from(moved: Moved) -> Self {
        match moved {
            Moved::Status(status) => status.into(),
            Moved::Tags(tags) => tags.into(),
        }
    }
}

/// The chain of versions of each kind of record.
macro_rules! versions {
    ($($name:ident = $version:literal $form:ident after $previous:ty, $migrate:expr;)*) => {
        $(impl Versioned for $name {
            const VERSION: u8 = $version;
            const FORM: Form = Form::$form;
            type Previous = $previous;
            fn migrate(previous: Self::Previous) -> Migrated<Self> {
                let migrate: fn(Self::Previous) -> Migrated<Self> = $migrate;
                migrate(previous)
            }
        })*
    };
}

versions! {
    Account = 3 Compact after Account2, Account2::migrate;
    Account2 = 2 Compact after InJson<Self>, |InJson(same)| same.into();
    Claim = 2 Compact after InJson<Self>, |InJson(same)| same.into();
    Connection = 3 Compact after Connection2, Connection2::migrate;
    Connection2 = 2 Compact after InJson<Self>, |InJson(same)| same.into();
    VirtualInterface = 4 Compact after VirtualInterface3, VirtualInterface3::migrate;
    VirtualInterface3 = 3 Compact after VirtualInterface2, VirtualInterface2::migrate;
    VirtualInterface2 = 2 Compact after InJson<Self>, |InJson(same)| same.into();
    VirtualInterfaceStatus = 2 Compact after Never, |never| match never {};
    ResourceTags = 2 Compact after Never, |never| match never {};
    Count = 2 Compact after Never, |never| match never {};
    Notice = 2 Compact after Never, |never| match never {};
    AccessKey = 1 Json after Never, |never| match never {};
    Roster = 1 Json after Never, |never| match never {};
    OperatorUse = 1 Json after Never, |never| match never {};
    Location = 1 Json after Never, |never| match never {};
    Edge = 1 Json after Never, |never| match never {};
    EdgeSeen = 1 Json after Never, |never| match never {};
    Port = 1 Json after Never, |never| match never {};
    Gateway = 2 Json after Gateway1, Gateway1::migrate;
    Gateway1 = 1 Json after Never, |never| match never {};
    TransitGateway = 1 Json after Never, |never| match never {};
    DirectConnectGateway = 1 Json after Never, |never| match never {};
    Association = 1 Json after Never, |never| match never {};
    Proposal = 1 Json after Never, |never| match never {};
    FailoverTest = 1 Json after Never, |never| match never {};
    CustomerAgreement = 1 Json after Never, |never| match never {};
    PublicNetwork = 1 Json after Never, |never| match never {};
    Backbone = 1 Json after Never, |never| match never {};
    Webhook = 1 Json after Never, |never| match never {};
    WebhookStatus = 1 Json after Never, |never| match never {};
}

/// A kind of key that holds no record of its own.
const fn entries(prefix: &'static str, holds: Holds) -> Kind {
    Kind {
        prefix,
        holds,
        sealed: Sealed::Never,
        cached: false,
        counted: false,
        wakes: Wakes::Nobody,
    }
}

const ENTRIES: &[Kind] = &[
    entries("at", Holds::Index),
    entries("on", Holds::ClaimOrIndex),
    entries("peer", Holds::Claim),
    entries("key-of", Holds::Index),
    entries("free-port", Holds::Index),
    entries("connection-of", Holds::Index),
    entries("edge-connection", Holds::Index),
    entries("vif-of", Holds::Index),
    entries("edge-vif", Holds::Index),
    entries("verifying", Holds::Index),
    entries("gateway-of", Holds::Index),
    entries("tgw-of", Holds::Index),
    entries("handoff", Holds::Index),
    entries("attached", Holds::Index),
    entries("dxgw-of", Holds::Index),
    entries("dxgw-vif", Holds::Index),
    entries("dxgw-changed", Holds::Other),
    entries("dxgw-allowed", Holds::Other),
    entries("association-of", Holds::Index),
    entries("association-on", Holds::Index),
    entries("associated", Holds::Index),
    entries("edge-association", Holds::Index),
    entries("proposal-of", Holds::Index),
    entries("proposal-open", Holds::Index),
    entries("failover-test-of", Holds::Index),
    Kind { wakes: Wakes::Feed, ..entries("edge-generation", Holds::Index) },
    // A deadline may outlive its reason: it does nothing when it comes, and goes.
    Kind { wakes: Wakes::Deadlines, ..entries("due", Holds::Other) },
    entries("format", Holds::Other),
    Kind { wakes: Wakes::Feed, ..entries("epoch", Holds::Other) },
    entries("epoch-before", Holds::Other),
    entries("audit", Holds::Other),
];

/// Every kind of key.
pub fn kinds() -> impl Iterator<Item = &'static Kind> {
    RECORDS.iter().chain(ENTRIES)
}

impl Kind {
    /// The kind of a key; `None` if there is no such kind.
    #[must_use]
    pub fn of(key: &str) -> Option<&'static Self> {
        let prefix = key.split_once('/').map_or(key, |(prefix, _)| prefix);
        kinds().find(|kind| kind.prefix == prefix)
    }

    /// Whether a record may stand at a key of this kind.
    #[must_use]
    pub fn fits(&self, record: &Record) -> bool {
        match self.holds {
            Holds::Record(tag) => record.tag() == tag,
            Holds::Claim => matches!(record, Record::Claim(_)),
            // Ended interfaces of a connection are index entries beside the claims of its VLANs.
            Holds::ClaimOrIndex => matches!(record, Record::Claim(_) | Record::Mark),
            Holds::Index | Holds::Other => matches!(record, Record::Mark),
        }
    }

    /// Whether every entry of this kind must follow from a record.
    #[must_use]
    pub const fn is_derived(&self) -> bool {
        matches!(self.holds, Holds::Claim | Holds::ClaimOrIndex | Holds::Index)
    }
}

/// What the keys of records begin with, ascending: a store writes each of these texts in one byte. They belong to the version of
/// the stored form, like [`KEY_JOINTS`]: a key of another kind needs none of its own, and none of these may change.
pub const KEY_HEADS: &[&str] = &[
    "account/",
    "attached/vgw-",
    "audit/",
    "connection-of/",
    "connection/dxcon-f",
    "due/",
    "edge-connection/",
    "edge-generation/",
    "edge-seen/",
    "edge-vif/",
    "edge/",
    "epoch/",
    "free-port/",
    "gateway-of/",
    "gateway/vgw-",
    "handoff/",
    "key-of/",
    "key/",
    "location/",
    "on/dxcon-f",
    "peer/vgw-",
    "port/",
    "vif-of/",
    "vif/dxvif-f",
];

/// What the keys of records have further on, ascending.
pub const KEY_JOINTS: &[&str] = &["/dxcon-f", "/dxvif-f", "/ended/dxvif-f", "/live/"];
