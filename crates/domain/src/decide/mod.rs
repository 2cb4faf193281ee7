//! What may happen: one plain function from a view and a command to record writes or a fault.
//!
//! The shell loads what [`decide`] asks for, commits the writes with compare-and-set on everything that was asked, and on
//! a conflict reads and decides again. One file per resource.

mod admin;
mod connection;
mod deadline;
mod gateway;
mod interface;
mod location;
mod report;
mod reset;
mod tags;

use crate::access_key::{AccessKey, Account, Principal};
use crate::connection::Connection;
use crate::fault::Fault;
use crate::gateway::Gateway;
use crate::id::AccountId;
use crate::key::Key;
use crate::location::{Edge, Location, Port};
use crate::record::Record;
use crate::seed::Seed;
use crate::settings::Settings;
use crate::time::Time;
use crate::view::{Asked, View};
use crate::virtual_interface::VirtualInterface;

pub use admin::{CreateAccessKey, CreateAccount};
pub use connection::{ApproveConnection, CreateConnection, PortChoice};
pub use deadline::Due;
pub use gateway::{CreateGateway, HandoffText};
pub use interface::{Allocate, Confirm, Create, NewInterface, Secret};
pub use location::{CreateEdge, CreateLocation, CreatePort};
pub use report::{ReportConnection, ReportHead, ReportInterface, ReportSeen};
pub use reset::RenewEpoch;
pub use tags::{TagChange, Taggable};

/// Everything that can be asked to happen. Texts are a caller's and unchecked; ids that name a record are texts too, so
/// that a malformed one is answered like one that does not exist.
#[derive(Clone, Debug)]
pub enum Command {
    /// `CreateConnection`.
    CreateConnection(CreateConnection),
    /// `DeleteConnection` by its id.
    DeleteConnection(String),
    /// `CreatePrivateVirtualInterface`.
    Create(Create),
    /// `AllocatePrivateVirtualInterface`.
    Allocate(Allocate),
    /// `ConfirmPrivateVirtualInterface`.
    Confirm(Confirm),
    /// `DeleteVirtualInterface` by its id.
    DeleteInterface(String),
    /// `TagResource` and `UntagResource`.
    Tag(TagChange),
    /// The operator makes an account.
    CreateAccount(CreateAccount),
    /// The operator makes an access key; the first start makes the operator's own.
    CreateAccessKey(CreateAccessKey),
    /// The operator enables or disables an access key.
    EnableAccessKey {
        /// The key's id.
        id: String,
        /// Whether it shall be good.
        enabled: bool,
    },
    /// The operator deletes an access key.
    DeleteAccessKey(String),
    /// The operator opens a location.
    CreateLocation(CreateLocation),
    /// The operator adds an edge router.
    CreateEdge(CreateEdge),
    /// The operator adds a port.
    CreatePort(CreatePort),
    /// The operator, or a simulated location, gives a connection its port.
    ApproveConnection(ApproveConnection),
    /// The operator refuses an order.
    RejectConnection(String),
    /// The operator makes a virtual gateway.
    CreateGateway(CreateGateway),
    /// The operator deletes a virtual gateway.
    DeleteGateway(String),
    /// The operator starts the BGP session of an interface anew, by the interface's id.
    ResetSession(String),
    /// The store gets an epoch, at its first start or because the operator says that it is a copy.
    RenewEpoch(RenewEpoch),
    /// An edge reports an interface.
    ReportInterface(ReportInterface),
    /// An edge reports a connection's port.
    ReportConnection(ReportConnection),
    /// An edge was heard.
    ReportSeen(ReportSeen),
    /// A deadline of a connection or an interface has come.
    Due(Due),
}

/// What a decision may know besides the view.
#[derive(Clone)]
pub struct Context<'a> {
    /// Who asks.
    pub principal: Principal,
    /// The moment of the decision.
    pub now: Time,
    /// Where ids and keys are drawn from.
    pub seed: Seed,
    /// The operator's settings.
    pub settings: &'a Settings,
}

impl Context<'_> {
    /// The tenant who asks. Operations are handed out by kind of principal before they get here.
    fn account(&self) -> Result<&AccountId, Fault> {
        self.principal.account().ok_or_else(|| {
            let text = format!(
                "The {} has no resources of its own; use an account's access key.",
                self.principal
            );
            Fault::of(crate::fault::FaultKind::AccessDenied, text)
        })
    }
}

/// What a decision gives back besides its writes.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(clippy::large_enum_variant, reason = "one per call")]
pub enum Outcome {
    /// The account as it is now.
    Account(Account),
    /// The access key as it is now.
    AccessKey(AccessKey),
    /// The location as it is now.
    Location(Location),
    /// The edge and its own access key.
    Edge(Edge, AccessKey),
    /// The port as it is now.
    Port(Port),
    /// The connection as it is now.
    Connection(Connection),
    /// The interface as it is now.
    VirtualInterface(VirtualInterface),
    /// The gateway as it is now, or as it was before it was deleted.
    Gateway(Gateway),
    /// The epoch that the store has now.
    Epoch(u64),
    /// Nothing to tell.
    Done,
}

/// A decision: what to write, all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Keys with their new record, or `None` to delete. Empty: nothing has to change.
    pub writes: Vec<(Key, Option<Record>)>,
    /// What the caller gets.
    pub outcome: Outcome,
}

impl Decision {
    /// Nothing to change.
    fn unchanged(outcome: Outcome) -> Asked<Self> {
        Ok(Self { writes: Vec::new(), outcome })
    }
}

/// Record writes under construction.
struct Writes(Vec<(Key, Option<Record>)>);

impl Default for Writes {
    /// With room for what nearly every decision writes: records are large, and growing would move them.
    fn default() -> Self {
        Self(Vec::with_capacity(8))
    }
}

impl Writes {
    /// The last word on a key is the one that counts: a deadline may be taken away and set again for the same moment, and
    /// a store may refuse a commit that names a key twice (etcd does).
    fn set(&mut self, key: Key, record: Option<Record>) -> &mut Self {
        self.0.retain(|(known, _)| *known != key);
        self.0.push((key, record));
        self
    }

    fn put(&mut self, key: Key, record: Record) -> &mut Self {
        self.set(key, Some(record))
    }

    fn mark(&mut self, key: Key) -> &mut Self {
        self.put(key, Record::Mark)
    }

    fn delete(&mut self, key: Key) -> &mut Self {
        self.set(key, None)
    }

    fn decision(self, outcome: Outcome) -> Asked<Decision> {
        Ok(Decision { writes: self.0, outcome })
    }
}

/// Decides a command.
pub fn decide(view: &View, command: &Command, context: &Context<'_>) -> Asked<Decision> {
    match command {
        Command::CreateConnection(new) => connection::create(view, new, context),
        Command::DeleteConnection(id) => connection::delete(view, id, context),
        Command::Create(new) => interface::create(view, new, context),
        Command::Allocate(new) => interface::allocate(view, new, context),
        Command::Confirm(confirm) => interface::confirm(view, confirm, context),
        Command::DeleteInterface(id) => interface::delete(view, id, context),
        Command::Tag(change) => tags::change(view, change, context),
        Command::CreateAccount(new) => admin::create_account(view, new, context),
        Command::CreateAccessKey(new) => admin::create_access_key(view, new, context),
        Command::EnableAccessKey { id, enabled } => admin::enable_access_key(view, id, *enabled),
        Command::DeleteAccessKey(id) => admin::delete_access_key(view, id, context),
        Command::CreateLocation(new) => location::create_location(view, new, context),
        Command::CreateEdge(new) => location::create_edge(view, new, context),
        Command::CreatePort(new) => location::create_port(view, new),
        Command::ApproveConnection(approve) => connection::approve(view, approve),
        Command::RejectConnection(id) => connection::reject(view, id, context),
        Command::CreateGateway(new) => gateway::create(view, new, context),
        Command::DeleteGateway(id) => gateway::delete(view, id),
        Command::ResetSession(id) => reset::session(view, id, context),
        Command::RenewEpoch(renew) => reset::epoch(view, *renew, context),
        Command::ReportInterface(report) => report::interface(view, report, context),
        Command::ReportConnection(report) => report::connection(view, report, context),
        Command::ReportSeen(report) => report::seen(view, report, context),
        Command::Due(due) => deadline::due(view, due, context),
    }
}
