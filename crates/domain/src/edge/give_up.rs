//! The operator gives up an edge router that is off and may never report again.
//!
//! What is being deleted is held until its router reports that it is gone. A router that burned reports nothing, so the
//! operator says it instead, of every record that its edge holds, each decided on its own as a report's items are. What is
//! accepted stays with the edge: if the router comes back it gets its configuration and reports as before.

use std::borrow::Cow;

use super::Edge;
use super::decide::existing;
use super::report::release;
use crate::bgp_peer::{BgpPeer, PeerPhase};
use crate::connection::ConnectionEvent;
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::id::{AssociationId, BgpPeerId, ConnectionId, EdgeId, VirtualInterfaceId};
use crate::key;
use crate::outcome::Outcome;
use crate::view::{Asked, View};
use crate::virtual_interface::{Event, Phase, VirtualInterface};

/// Says that nothing of one record is on an edge router any more.
#[derive(Clone, Debug)]
pub struct GiveUpPart {
    /// The edge.
    pub edge: String,
    /// Even if the edge was heard lately.
    pub force: bool,
    /// The record.
    pub part: Part,
}

/// A record that an edge holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A connection: its end, if it is being deleted.
    Connection(ConnectionId),
    /// An interface: its end, or that of its BGP peers that are being deleted; an accepted one is not programmed.
    Interface(VirtualInterfaceId),
    /// An accepted interface of which nothing is being deleted: it is not programmed.
    Status(VirtualInterfaceId),
    /// An association that is being ended: the edge has let it go.
    Association(AssociationId),
}

/// What ended with a router that was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenUp {
    /// The edge.
    pub edge: EdgeId,
    /// What ended; nothing if nothing was being deleted.
    pub ended: Vec<Ended>,
}

/// Something that ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A connection; its port is free.
    Connection(ConnectionId),
    /// An interface; its VLAN is free.
    Interface(VirtualInterfaceId),
    /// A BGP peer of an interface that goes on.
    BgpPeer(VirtualInterfaceId, BgpPeerId),
    /// An association, as far as this edge is concerned: it has ended if no other edge has it.
    Association(AssociationId),
}

impl Outcome for GivenUp {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        let mut ids: Vec<Cow<'_, str>> = vec![self.edge.as_str().into()];
        for ended in &self.ended {
            match ended {
                Ended::Connection(id) => ids.push(id.as_str().into()),
                Ended::Interface(id) => ids.push(id.as_str().into()),
                Ended::Association(id) => ids.push(id.as_str().into()),
                Ended::BgpPeer(id, peer) => ids.extend([id.as_str().into(), peer.as_str().into()]),
            }
        }
        ids
    }
}

/// The edge of this id, if it may be given up: it is not the built-in one, and was not heard for as long as an edge may be silent.
/// `force` gives up one that was heard.
///
/// # Errors
///
/// What must be loaded first, or a client fault that names the edge and the rule.
pub fn given_up<'v>(
    view: &'v View,
    context: &Context<'_>,
    id: &str,
    force: bool,
) -> Asked<&'v Edge> {
    let edge = existing(view, id)?;
    if edge.simulated {
        let rule = "is built in: it always reports, and cannot be given up";
        return Err(Fault::field("edgeId", &edge.id, rule).into());
    }
    // A moment in the future is from before the clock was set back: the edge may well have been heard just then.
    let heard = view.edge_seen(&edge.id)?.map(|seen| context.now.since(seen.at));
    let silence = context.settings.silence;
    match heard.filter(|ago| *ago <= silence && !force) {
        None => Ok(edge),
        Some(ago) => {
            let rule = format!(
                "was heard {} seconds ago: while it runs it ends by itself what is being deleted. Give it up when it is off and \
                 has been silent for {} seconds, or with force",
                ago.as_secs(),
                silence.as_secs()
            );
            Err(Fault::field("edgeId", &edge.id, rule).into())
        }
    }
}

impl Command for GiveUpPart {
    type Outcome = GivenUp;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<GivenUp>> {
        let edge = given_up(view, context, &self.edge, self.force)?.id.clone();
        let mut changes = Changes::new(view);
        let ended = match &self.part {
            Part::Connection(id) => end_connection(view, &edge, id, context, &mut changes)?,
            Part::Interface(id) => end_interface(view, &edge, id, context, &mut changes)?,
            Part::Status(id) => {
                if is_accepted_on(view, &edge, id)? {
                    changes.delete(key::interface_status(id))?;
                }
                Vec::new()
            }
            Part::Association(id) => end_association(view, &edge, id, context, &mut changes)?,
        };
        changes.decision(GivenUp { edge, ended })
    }
}

fn end_connection(
    view: &View,
    edge: &EdgeId,
    id: &ConnectionId,
    context: &Context<'_>,
    changes: &mut Changes<'_>,
) -> Asked<Vec<Ended>> {
    let Some(connection) = view.connection(id)? else { return Ok(Vec::new()) };
    let Some(port) = connection.port.as_ref().filter(|port| port.edge == *edge) else {
        return Ok(Vec::new());
    };
    let Some(phase) = connection.phase.after(ConnectionEvent::Released) else {
        return Ok(Vec::new());
    };
    release(view, connection.clone(), port, phase, context, changes)?;
    Ok(vec![Ended::Connection(id.clone())])
}

fn end_interface(
    view: &View,
    edge: &EdgeId,
    id: &VirtualInterfaceId,
    context: &Context<'_>,
    changes: &mut Changes<'_>,
) -> Asked<Vec<Ended>> {
    let Some(interface) = on_edge(view, edge, id)? else { return Ok(Vec::new()) };
    match interface.phase {
        Phase::Deleting => {
            let phase = interface.phase.after(Event::Released).expect("it is being deleted");
            interface.clone().end(view, changes, phase, context)?;
            Ok(vec![Ended::Interface(id.clone())])
        }
        Phase::Moving => {
            changes.put(interface.arrive())?;
            Ok(vec![Ended::Interface(id.clone())])
        }
        Phase::Accepted => {
            changes.delete(key::interface_status(id))?;
            let is_gone = |peer: &&BgpPeer| peer.phase == PeerPhase::Deleting;
            let gone = interface.peers.iter().filter(is_gone).map(|peer| peer.id.clone());
            let ended: Vec<_> = gone.map(|peer| Ended::BgpPeer(id.clone(), peer)).collect();
            if !ended.is_empty() {
                let mut left = interface.clone();
                left.peers.retain(|peer| !is_gone(&peer));
                changes.put(left)?;
            }
            Ok(ended)
        }
        Phase::Confirming
        | Phase::Verifying
        | Phase::Deleted
        | Phase::Rejected
        | Phase::Expired => Ok(Vec::new()),
    }
}

fn end_association(
    view: &View,
    edge: &EdgeId,
    id: &AssociationId,
    context: &Context<'_>,
    changes: &mut Changes<'_>,
) -> Asked<Vec<Ended>> {
    let held = view.association(id)?.filter(|held| held.leaving.contains(edge));
    let Some(association) = held else { return Ok(Vec::new()) };
    changes.put(association.clone().let_go(edge, context))?;
    Ok(vec![Ended::Association(id.clone())])
}

fn is_accepted_on(view: &View, edge: &EdgeId, id: &VirtualInterfaceId) -> Asked<bool> {
    Ok(on_edge(view, edge, id)?.is_some_and(|interface| interface.phase == Phase::Accepted))
}

fn on_edge<'v>(
    view: &'v View,
    edge: &EdgeId,
    id: &VirtualInterfaceId,
) -> Asked<Option<&'v VirtualInterface>> {
    Ok(view.interface(id)?.filter(|interface| interface.edge == *edge))
}
