//! Connections: ordered by a tenant, given a port by the operator, up when the router says so.

use super::{Context, Decision, Outcome, Writes};
use crate::connection::{AssignedPort, Connection, ConnectionEvent, ConnectionPhase, Ended};
use crate::fault::{Fault, FaultKind, shown};
use crate::id::{ConnectionId, EdgeId, LocationCode, PortName};
use crate::key;
use crate::location::Port;
use crate::net::Bandwidth;
use crate::record::Record;
use crate::tag::Tags;
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

pub(super) fn create(
    view: &View,
    new: &CreateConnection,
    context: &Context<'_>,
) -> Asked<Decision> {
    let owner = context.account()?.clone();
    let bandwidth = Bandwidth::parse("bandwidth", &new.bandwidth)?;
    let name = text::name("connectionName", &new.name)?;
    let provider_name =
        new.provider_name.as_deref().map(|t| text::name("providerName", t)).transpose()?;
    let tags = Tags::parse("tags", &new.tags)?;
    not_offered(new)?;
    let code = LocationCode::parse_field("location", &new.location)?;
    let Some(location) = view.location(&code)? else {
        return Err(Fault::field(
            "location",
            &code,
            "is not a location here; DescribeLocations lists them",
        )
        .into());
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
        tags,
        phase: ConnectionPhase::Requested,
        port: None,
        created: context.now,
        ended: None,
    };
    let mut writes = Writes::default();
    if location.simulated {
        let at = context.now.plus_millis(context.settings.simulated_approval);
        writes.mark(key::due(at, connection.id.as_str()));
    }
    writes.mark(key::connection_of(&connection.owner, &connection.id));
    writes.put(key::connection(&connection.id), Record::Connection(connection.clone()));
    writes.decision(Outcome::Connection(connection))
}

/// What the request can name and this service does not have.
fn not_offered(new: &CreateConnection) -> Result<(), Fault> {
    if let Some(lag) = &new.lag {
        return Err(Fault::no_lag(lag));
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

/// A connection of this account; another's answers exactly like one that does not exist.
pub(super) fn own<'a>(view: &'a View, id: &str, context: &Context<'_>) -> Asked<&'a Connection> {
    let parsed = ConnectionId::parse(id).map_err(|_| Fault::no_connection(id))?;
    match view.connection(&parsed)? {
        Some(connection)
            if connection.owner == *context.account()? && !connection.is_forgotten(context.now) =>
        {
            Ok(connection)
        }
        Some(_) | None => Err(Fault::no_connection(id).into()),
    }
}

pub(super) fn delete(view: &View, id: &str, context: &Context<'_>) -> Asked<Decision> {
    let mut connection = own(view, id, context)?.clone();
    if connection.phase == ConnectionPhase::Deleting {
        return Decision::unchanged(Outcome::Connection(connection));
    }
    let Some(phase) = connection.phase.after(ConnectionEvent::Delete) else {
        return Err(Fault::no_connection(id).into());
    };
    // A compare on an empty range: an interface allocated meanwhile makes this commit a conflict, not a leftover.
    if !view.is_empty(&key::live_on(&connection.id))? {
        let text = format!(
            "Connection {} cannot be deleted until its Virtual Interfaces are deleted.",
            connection.id
        );
        return Err(Fault::client(text).into());
    }
    connection.phase = phase;
    let mut writes = Writes::default();
    if let Some(port) = &connection.port {
        writes.mark(key::edge_generation(&port.edge));
    }
    if phase.is_terminal() {
        end(&mut connection, &mut writes, context);
    }
    writes.put(key::connection(&connection.id), Record::Connection(connection.clone()));
    writes.decision(Outcome::Connection(connection))
}

/// Marks a connection as ended now, to be forgotten when the time that ended ones stay visible is over.
pub(super) fn end(connection: &mut Connection, writes: &mut Writes, context: &Context<'_>) {
    let ended = ended_now(context);
    connection.ended = Some(ended);
    writes.mark(key::due(ended.forget, connection.id.as_str()));
}

/// The end of something, now.
pub(super) fn ended_now(context: &Context<'_>) -> Ended {
    Ended { at: context.now, forget: context.now.plus_millis(context.settings.visibility) }
}

/// A connection as the operator names it.
fn any<'a>(view: &'a View, id: &str) -> Asked<&'a Connection> {
    let parsed = ConnectionId::parse(id).map_err(|_| Fault::no_connection(id))?;
    view.connection(&parsed)?.ok_or_else(|| Fault::no_connection(id).into())
}

pub(super) fn approve(view: &View, approve: &ApproveConnection) -> Asked<Decision> {
    let mut connection = any(view, &approve.connection)?.clone();
    let Some(phase) = connection.phase.after(ConnectionEvent::Approve) else {
        return Err(not_requested("approved", &connection).into());
    };
    let port = match &approve.port {
        PortChoice::Named { edge, interface } => named_port(view, edge, interface, &connection)?,
        PortChoice::Simulated => simulated_port(view, &connection)?,
    };
    let port = Port { connection: Some(connection.id.clone()), ..port };
    connection.phase = phase;
    connection.port = Some(AssignedPort {
        edge: port.edge.clone(),
        name: port.name.clone(),
        jumbo: port.jumbo,
        simulated: approve.port == PortChoice::Simulated,
    });
    let mut writes = Writes::default();
    writes.delete(key::free_port(&port.location, port.bandwidth, &port.edge, &port.name));
    writes.mark(key::edge_connection(&port.edge, &connection.id));
    writes.mark(key::edge_generation(&port.edge));
    writes.put(key::port(&port.edge, &port.name), Record::Port(port));
    writes.put(key::connection(&connection.id), Record::Connection(connection.clone()));
    writes.decision(Outcome::Connection(connection))
}

fn not_requested(done: &str, connection: &Connection) -> Fault {
    let state = connection.state(false).as_str();
    Fault::client(format!(
        "connectionId \"{}\" is in state {state}; only a connection in state requested can be {done}.",
        connection.id
    ))
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
        view.location(&connection.location)?.expect("a connection's location is never removed");
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

pub(super) fn reject(view: &View, id: &str, context: &Context<'_>) -> Asked<Decision> {
    let mut connection = any(view, id)?.clone();
    let Some(phase) = connection.phase.after(ConnectionEvent::Reject) else {
        return Err(not_requested("rejected", &connection).into());
    };
    connection.phase = phase;
    let mut writes = Writes::default();
    end(&mut connection, &mut writes, context);
    writes.put(key::connection(&connection.id), Record::Connection(connection.clone()));
    writes.decision(Outcome::Connection(connection))
}

/// The connection that a new interface shall be on: this account's, and its link was up once.
pub(super) fn usable<'a>(
    view: &'a View,
    id: &str,
    context: &Context<'_>,
) -> Asked<(&'a Connection, &'a AssignedPort)> {
    if id.starts_with("dxlag-") {
        return Err(Fault::no_lag(id).into());
    }
    let connection = own(view, id, context)?;
    match (connection.phase, &connection.port) {
        (ConnectionPhase::Up | ConnectionPhase::Down, Some(port)) => Ok((connection, port)),
        (ConnectionPhase::Deleted | ConnectionPhase::Rejected, _) => {
            Err(Fault::no_connection(id).into())
        }
        (phase, _) => {
            debug_assert!(!phase.is_terminal());
            let state = connection.state(false).as_str();
            let text = format!(
                "The specified Connection ID is not available: connectionId \"{}\" is in state {state}, \
                 and a Virtual Interface needs a connection in state available.",
                shown(id)
            );
            Err(Fault::of(FaultKind::Client, text).into())
        }
    }
}
