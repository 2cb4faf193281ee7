//! The operator adds ports to edge routers and takes them away.

use super::Port;
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::id::{EdgeId, PortName};
use crate::key;
use crate::net::Bandwidth;
use crate::view::{Asked, View};

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

/// Takes a port away that no connection has.
#[derive(Clone, Debug)]
pub struct DeletePort {
    /// The router.
    pub edge: String,
    /// Its interface.
    pub interface: String,
}

impl Command for CreatePort {
    type Outcome = Port;

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<Port>> {
        let edge_id = EdgeId::parse(&self.edge)?;
        let name = PortName::parse_new("interface", &self.interface)?;
        let bandwidth = Bandwidth::parse("bandwidth", &self.bandwidth)?;
        let Some(edge) = view.edge(&edge_id)? else {
            return Err(Fault::field("edgeId", &edge_id, "does not exist").into());
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
            let rule =
                format!("of edge {edge_id} is the handoff of a gateway to the cloud's fabric");
            return Err(Fault::field("interface", &name, rule).into());
        }
        let mut location =
            view.location(&edge.location)?.expect("an edge holds its location").clone();
        let port = Port {
            edge: edge_id,
            name,
            location: edge.location.clone(),
            bandwidth,
            jumbo: self.jumbo,
            connection: None,
        };
        let mut changes = Changes::new(view);
        if location.speeds.insert(bandwidth) {
            changes.put(location)?;
        }
        changes.put(port.clone())?;
        changes.decision(port)
    }
}

impl Command for DeletePort {
    type Outcome = Port;

    fn decide(&self, view: &View, _: &Context<'_>) -> Asked<Decision<Port>> {
        let edge = EdgeId::parse(&self.edge)?;
        let name = PortName::parse(&self.interface)?;
        let Some(port) = view.port(&edge, &name)?.cloned() else {
            let rule = format_args!("is not a port of edge {edge}");
            return Err(Fault::field("interface", &name, rule).into());
        };
        if let Some(holder) = &port.connection {
            let rule = format!("of edge {edge} cannot be deleted: connection {holder} has it");
            return Err(Fault::field("interface", &name, rule).into());
        }
        let mut changes = Changes::new(view);
        changes.delete(key::port(&edge, &name))?;
        changes.decision(port)
    }
}
