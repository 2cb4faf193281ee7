//! Connections: ordered by a tenant, given a port by the operator, up when the router says so.

use super::{AssignedPort, Connection, ConnectionEvent, ConnectionPhase, Ended};
use crate::access::{self, Action};
use crate::account;
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::{Fault, ResourceKind};
use crate::id::{ConnectionId, EdgeId, LocationCode, PortName};
use crate::in_use::{self, Uses};
use crate::key;
use crate::net::Bandwidth;
use crate::port::Port;
use crate::quota;
use crate::stored::Stored as _;
use crate::tag::decide::put_tags;
use crate::tag::{self, TaggedResource, Tags};
use crate::text;
use crate::view::{Asked, View};

/// An order.
#[derive(Clone, Debug, Default)]
pub struct CreateConnection {
    /// Where: a location's code.
    pub location: String,
    /// How fast.
    pub bandwidth: String,
    /// What the owner calls it.
    pub name: String,
    /// A LAG to join: none exists here.
    pub lag: Option<String>,
    /// The network provider at the location.
    pub provider_name: Option<String>,
    /// Whether the port must do MACsec: none does here.
    pub macsec: bool,
    /// How it is billed: only `PayAsYouGo`.
    pub billing_mode: Option<String>,
    /// Tags.
    pub tags: Vec<(String, Option<String>)>,
}

/// Which port an approved connection gets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortChoice {
    /// This interface of this edge.
    Named {
        /// The router.
        edge: String,
        /// Its interface.
        interface: String,
    },
    /// A port that the simulated edge of the connection's location makes for it.
    Simulated,
}

/// An approval.
#[derive(Clone, Debug)]
pub struct ApproveConnection {
    /// The connection.
    pub connection: String,
    /// Its port.
    pub port: PortChoice,
}

/// Deletes a connection, by its id.
#[derive(Clone, Debug)]
pub struct DeleteConnection(pub String);

/// The operator refuses an order, by the connection's id.
#[derive(Clone, Debug)]
pub struct RejectConnection(pub String);

impl Command for CreateConnection {
    type Outcome = Connection;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Connection>> {
        let owner = context.account()?.clone();
        let bandwidth = Bandwidth::parse("bandwidth", &self.bandwidth)?;
        let name = text::name("connectionName", &self.name)?;
        let provider_name =
            self.provider_name.as_deref().map(|t| text::name("providerName", t)).transpose()?;
        let tags = Tags::parse("tags", &self.tags, &context.settings.quotas)?;
        not_offered(self)?;
        let code = LocationCode::parse_field("location", &self.location)?;
        view.want([key::account(&owner), key::location(&code)])?;
        account::decide::calling(view, context)?;
        let Some(location) = view.location(&code)? else {
            let rule = "does not exist; DescribeLocations lists the locations";
            return Err(Fault::field("location", &code, rule).into());
        };
        let mut draws = context.seed.draws();
        let mut id = ConnectionId::draw(&mut draws);
        while view.exists(&key::connection(&id))? {
            id = ConnectionId::draw(&mut draws);
        }
        let connection = Connection {
            id,
            name,
            owner,
            location: code,
            bandwidth,
            provider_name,
            phase: ConnectionPhase::Requested,
            port: None,
            created: context.now,
            ended: None,
        };
        quota::room(view, context, connection.uses())?;
        let resource = TaggedResource::Connection(connection.id.clone());
        tag::decide::room(view, context, &resource, &tags)?;
        let mut changes = Changes::new(view);
        if location.simulated {
            let at = context.now.plus(context.settings.simulated_approval);
            changes.mark(key::due(at, connection.id.as_str()));
        }
        put_tags(resource, &connection.owner, tags, &mut changes)?;
        changes.put(connection.clone())?;
        changes.decision(connection)
    }
}

/// What the request can name and this service does not have.
fn not_offered(new: &CreateConnection) -> Result<(), Fault> {
    if let Some(lag) = &new.lag {
        return Err(Fault::not_found(ResourceKind::Lag, lag));
    }
    if new.macsec {
        return Err(Fault::field(
            "requestMACSec",
            "true",
            "is not offered: no port here does MACsec",
        ));
    }
    match new.billing_mode.as_deref() {
        None | Some("PayAsYouGo") => Ok(()),
        Some(other) => {
            Err(Fault::field("billingMode", other, "is not offered: only PayAsYouGo is"))
        }
    }
}

impl Command for DeleteConnection {
    type Outcome = Connection;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Connection>> {
        let found = access::find::<Connection>(view, context, Action::Delete, &self.0)?;
        let mut connection = found.clone();
        if connection.phase == ConnectionPhase::Deleting {
            return Decision::unchanged(connection);
        }
        let Some(phase) = connection.phase.after(ConnectionEvent::Delete) else {
            return Err(Fault::not_found(ResourceKind::Connection, &self.0).into());
        };
        // A compare on an empty range: an interface allocated meanwhile makes this commit a conflict, not a leftover.
        let uses = [Uses { noun: "virtual interface", range: key::live_on(&connection.id) }];
        if context.principal.account().is_none() {
            in_use::refuse(view, ("connectionId", &connection.id), &uses)?;
        }
        if !view.is_empty(&key::live_on(&connection.id))? {
            let id = connection.id.to_string();
            let (kind, by) = (ResourceKind::Connection, "Virtual Interfaces");
            return Err(Fault::InUse { kind, id, by }.into());
        }
        connection.phase = phase;
        connection.ended = phase.is_terminal().then(|| ended_now(context));
        let mut changes = Changes::new(view);
        changes.put(connection.clone())?;
        changes.decision(connection)
    }
}

/// The end of something, now: it stays visible for a while, then it is purged.
pub(crate) fn ended_now(context: &Context<'_>) -> Ended {
    Ended { at: context.now, purge: context.now.plus(context.settings.visibility) }
}

impl Command for ApproveConnection {
    type Outcome = Connection;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Connection>> {
        let found = access::find::<Connection>(view, context, Action::Update, &self.connection)?;
        let mut connection = found.clone();
        let Some(phase) = connection.phase.after(ConnectionEvent::Approve) else {
            return Err(not_requested("approved", &connection).into());
        };
        let port = match &self.port {
            PortChoice::Named { edge, interface } => {
                named_port(view, edge, interface, &connection)?
            }
            PortChoice::Simulated => simulated_port(view, &connection)?,
        };
        let port = Port { connection: Some(connection.id.clone()), ..port };
        connection.phase = phase;
        connection.port = Some(AssignedPort {
            edge: port.edge.clone(),
            name: port.name.clone(),
            jumbo: port.jumbo,
            simulated: self.port == PortChoice::Simulated,
        });
        let mut changes = Changes::new(view);
        changes.put(port)?;
        changes.put(connection.clone())?;
        changes.decision(connection)
    }
}

impl Command for RejectConnection {
    type Outcome = Connection;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Connection>> {
        let found = access::find::<Connection>(view, context, Action::Update, &self.0)?;
        let mut connection = found.clone();
        let Some(phase) = connection.phase.after(ConnectionEvent::Reject) else {
            return Err(not_requested("rejected", &connection).into());
        };
        connection.phase = phase;
        connection.ended = Some(ended_now(context));
        let mut changes = Changes::new(view);
        changes.put(connection.clone())?;
        changes.decision(connection)
    }
}

fn not_requested(done: &str, connection: &Connection) -> Fault {
    Fault::IncorrectState {
        field: "connectionId",
        id: connection.id.to_string(),
        state: connection.state(false).as_str(),
        rule: format!("only a connection in state requested can be {done}"),
    }
}

fn named_port(view: &View, edge: &str, interface: &str, connection: &Connection) -> Asked<Port> {
    let edge = EdgeId::parse(edge)?;
    let name = PortName::parse(interface)?;
    let Some(port) = view.port(&edge, &name)? else {
        return Err(
            Fault::field("interface", &name, format_args!("is not a port of edge {edge}")).into()
        );
    };
    if port.location != connection.location {
        let rule = format!("is at {}, the connection is at {}", port.location, connection.location);
        return Err(Fault::field("edgeId", &edge, rule).into());
    }
    if port.bandwidth != connection.bandwidth {
        let rule =
            format!("is a port of {}, the connection has {}", port.bandwidth, connection.bandwidth);
        return Err(Fault::field("interface", &name, rule).into());
    }
    if let Some(holder) = &port.connection {
        let rule = format!("of edge {edge} is taken by connection {holder}");
        return Err(Fault::field("interface", &name, rule).into());
    }
    Ok(port.clone())
}

fn simulated_port(view: &View, connection: &Connection) -> Asked<Port> {
    let location =
        view.location(&connection.location)?.expect("a live connection holds its location");
    if !location.simulated {
        let rule = "is not simulated: name a port, or add one to an edge there";
        return Err(Fault::field("location", &connection.location, rule).into());
    }
    Ok(Port {
        edge: EdgeId::simulated(&connection.location),
        name: PortName::simulated(&connection.id),
        location: connection.location.clone(),
        bandwidth: connection.bandwidth,
        jumbo: true,
        connection: None,
    })
}

/// The connection for a new interface: this account's, and its link was up once.
pub(crate) fn usable<'a>(
    view: &'a View,
    id: &str,
    context: &Context<'_>,
) -> Asked<(&'a Connection, &'a AssignedPort)> {
    if id.starts_with("dxlag-") {
        return Err(Fault::not_found(ResourceKind::Lag, id).into());
    }
    let connection = access::find::<Connection>(view, context, Action::Use, id)?;
    match (connection.phase, &connection.port) {
        (ConnectionPhase::Up | ConnectionPhase::Down, Some(port)) => Ok((connection, port)),
        (ConnectionPhase::Deleted | ConnectionPhase::Rejected, _) => {
            Err(Fault::not_found(ResourceKind::Connection, id).into())
        }
        (phase, _) => {
            debug_assert!(!phase.is_terminal());
            let state = connection.state(false).as_str();
            Err(Fault::ConnectionNotAvailable { id: id.to_owned(), state }.into())
        }
    }
}
