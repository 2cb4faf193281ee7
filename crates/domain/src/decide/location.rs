//! Locations, edge routers and ports.

use std::collections::BTreeSet;

use super::{Context, Decision, Outcome, Writes, admin};
use crate::access_key::Principal;
use crate::fault::Fault;
use crate::id::{EdgeId, LocationCode, PortName};
use crate::key;
use crate::location::{Edge, Location, Port};
use crate::net::Bandwidth;
use crate::record::Record;
use crate::text;
use crate::view::{Asked, View};

/// A new location.
#[derive(Clone, Debug)]
pub struct CreateLocation {
    /// Its code.
    pub code: String,
    /// Its name for people.
    pub name: String,
    /// Whether the built-in edge serves it.
    pub simulated: bool,
}

/// A new edge router.
#[derive(Clone, Debug)]
pub struct CreateEdge {
    /// Its name.
    pub id: String,
    /// Where it stands.
    pub location: String,
}

/// A new port.
#[derive(Clone, Debug)]
pub struct CreatePort {
    /// The router.
    pub edge: String,
    /// Its interface.
    pub interface: String,
    /// Its speed.
    pub bandwidth: String,
    /// Whether it carries jumbo frames.
    pub jumbo: bool,
}

pub(super) fn create_location(
    view: &View,
    new: &CreateLocation,
    context: &Context<'_>,
) -> Asked<Decision> {
    let code = LocationCode::parse(&new.code)?;
    let name = text::name("locationName", &new.name)?;
    let at = key::location(&code);
    if view.exists(&at)? {
        return Err(Fault::field(
            "locationCode",
            &code,
            "is taken: there is such a location already",
        )
        .into());
    }
    let speeds = if new.simulated { Bandwidth::ALL.into_iter().collect() } else { BTreeSet::new() };
    let location = Location { code, name, simulated: new.simulated, speeds };
    let mut writes = Writes::default();
    if new.simulated {
        let id = EdgeId::simulated(&location.code);
        if view.exists(&key::edge(&id))? {
            return Err(Fault::field(
                "locationCode",
                &location.code,
                "would need an edge whose name is taken",
            )
            .into());
        }
        let edge =
            Edge { id, location: location.code.clone(), simulated: true, created: context.now };
        writes.mark(key::edge_generation(&edge.id));
        writes.put(key::edge(&edge.id), Record::Edge(edge));
    }
    writes.put(at, Record::Location(location.clone()));
    writes.decision(Outcome::Location(location))
}

pub(super) fn create_edge(view: &View, new: &CreateEdge, context: &Context<'_>) -> Asked<Decision> {
    let id = EdgeId::parse(&new.id)?;
    if id.as_str().starts_with("simulated-") {
        return Err(Fault::field(
            "edgeId",
            &id,
            "must not begin with simulated-, which names built-in edges",
        )
        .into());
    }
    let code = LocationCode::parse(&new.location)?;
    let Some(location) = view.location(&code)? else {
        return Err(Fault::field("locationCode", &code, "is not a location here").into());
    };
    if location.simulated {
        return Err(Fault::field(
            "locationCode",
            &code,
            "is simulated: the built-in edge serves it",
        )
        .into());
    }
    if view.exists(&key::edge(&id))? {
        return Err(Fault::field("edgeId", &id, "is taken: there is such an edge already").into());
    }
    let edge = Edge { id, location: code, simulated: false, created: context.now };
    let mut writes = Writes::default();
    let access_key = admin::issue(view, Principal::Edge(edge.id.clone()), context, &mut writes)?;
    writes.mark(key::edge_generation(&edge.id));
    writes.put(key::edge(&edge.id), Record::Edge(edge.clone()));
    writes.decision(Outcome::Edge(edge, access_key))
}

pub(super) fn create_port(view: &View, new: &CreatePort) -> Asked<Decision> {
    let edge_id = EdgeId::parse(&new.edge)?;
    let name = PortName::parse_new("interface", &new.interface)?;
    let bandwidth = Bandwidth::parse("bandwidth", &new.bandwidth)?;
    let Some(edge) = view.edge(&edge_id)? else {
        return Err(Fault::field("edgeId", &edge_id, "is not an edge here").into());
    };
    if edge.simulated {
        return Err(Fault::field(
            "edgeId",
            &edge_id,
            "is simulated: its ports come and go with connections",
        )
        .into());
    }
    if view.port(&edge_id, &name)?.is_some() {
        let rule = format!("is taken: edge {edge_id} has such a port already");
        return Err(Fault::field("interface", &name, rule).into());
    }
    if !view.is_empty(&key::handoffs_at(&edge_id, &name))? {
        let rule = format!("of edge {edge_id} is the handoff of a gateway to the cloud's fabric");
        return Err(Fault::field("interface", &name, rule).into());
    }
    let mut location =
        view.location(&edge.location)?.expect("an edge's location is never removed").clone();
    let port = Port {
        edge: edge_id,
        name,
        location: edge.location.clone(),
        bandwidth,
        jumbo: new.jumbo,
        connection: None,
    };
    let mut writes = Writes::default();
    if location.speeds.insert(bandwidth) {
        writes.put(key::location(&location.code), Record::Location(location));
    }
    writes.mark(key::free_port(&port.location, port.bandwidth, &port.edge, &port.name));
    writes.put(key::port(&port.edge, &port.name), Record::Port(port.clone()));
    writes.decision(Outcome::Port(port))
}
