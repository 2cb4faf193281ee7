//! `AssociateVirtualInterface`: an interface moves to another connection of its owner's.
//!
//! It is taken off the port where it is, and made on the other one when the first router has said that nothing of it is left:
//! no two routers ever have it. Until then both places are claimed for it, so that neither its VLAN nor its addresses are given to
//! others.

use serde::{Deserialize, Serialize};

use super::attach::peer_fits;
use super::decide::wrong_state;
use super::{Event, Phase, VirtualInterface, options};
use crate::access::{self, Action};
use crate::bgp_peer::{BgpPeer, PeerPhase};
use crate::connection::decide as connection;
use crate::connection::{AssignedPort, Connection};
use crate::decide::{Changes, Command, Context, Decision};
use crate::failover_test::{self, TestStatus};
use crate::fault::Fault;
use crate::id::{BgpPeerId, ConnectionId, EdgeId, LocationCode, PortName};
use crate::key::{self, Key};
use crate::net::Mtu;
use crate::quota;
use crate::view::{Asked, View};

/// Where an interface is moved to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Move {
    /// The connection.
    pub connection: ConnectionId,
    /// Its location.
    pub location: LocationCode,
    /// The router that has its port.
    pub edge: EdgeId,
    /// The port.
    pub port: PortName,
    /// Whether the port carries jumbo frames.
    pub jumbo: bool,
    /// Whether the edge is the built-in one.
    pub simulated: bool,
    /// The BGP peers there, with ids of their own.
    pub peers: Vec<BgpPeer>,
}

/// `AssociateVirtualInterface`.
#[derive(Clone, Debug, Default)]
pub struct AssociateVirtualInterface {
    /// The interface, on a connection of the caller's, who is its owner.
    pub interface: String,
    /// Another connection of the caller's.
    pub connection: String,
}

impl Command for AssociateVirtualInterface {
    type Outcome = VirtualInterface;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<VirtualInterface>> {
        let found =
            access::find::<VirtualInterface>(view, context, Action::Update, &self.interface)?;
        let (target, port) = connection::usable(view, &self.connection, context)?;
        if found.lender != found.owner {
            let rule = format!(
                "is on a connection of account {}: only one on a connection of yours can be moved",
                found.lender
            );
            return Err(Fault::field("virtualInterfaceId", &found.id, rule).into());
        }
        let goes_there = match &found.moving {
            Some(moving) => moving.connection == target.id,
            None => found.phase == Phase::Accepted && found.connection == target.id,
        };
        if goes_there {
            return Decision::unchanged(found.clone());
        }
        let Some(phase) = found.phase.after(Event::Move) else {
            let rule = "only one that was accepted, and is not being moved already, can be moved";
            return Err(wrong_state(view, found, context, rule)?.into());
        };
        let mut interface = found.clone();
        interface.moving = Some(interface.to(target, port, context));
        has_room(view, context, &interface, target)?;
        let mut changes = Changes::new(view);
        let end = (TestStatus::Failed, context.now);
        failover_test::conclude(view, &mut changes, &mut interface, end)?;
        changes.delete(key::interface_status(&interface.id))?;
        interface.phase = phase;
        changes.put(interface.clone())?;
        changes.decision(interface)
    }
}

/// Refuses a move to where the interface has no room: what it is there is judged as a new interface is.
fn has_room(
    view: &View,
    context: &Context<'_>,
    interface: &VirtualInterface,
    target: &Connection,
) -> Asked<()> {
    let there = interface.moved();
    Mtu::parse("mtu", there.mtu.bytes().into(), there.jumbo)?;
    let limit = there.options.rate_limit.map(|limit| limit.as_str());
    options::rate_limit("", limit, target.bandwidth)?;
    if view.exists(&key::live_vlan(&there.connection, there.vlan))? {
        let rule = format!(
            "has VLAN {}, which is in use by another Virtual Interface on connection {}",
            there.vlan, there.connection
        );
        return Err(Fault::field("virtualInterfaceId", &there.id, rule).into());
    }
    // On its own router its addresses are claimed, by itself.
    if there.edge != interface.edge
        && let Some(attachment) = &there.attachment
    {
        for peer in &there.peers {
            peer_fits(view, "", attachment, &there, peer)?;
        }
    }
    quota::room(view, context, there.use_of_connection())?;
    there.options_have_room(view, context, None, target.bandwidth)
}

impl VirtualInterface {
    /// The move to a connection. Peers that are being deleted stay behind.
    fn to(&self, connection: &Connection, port: &AssignedPort, context: &Context<'_>) -> Move {
        let mut draws = context.seed.draws();
        let stays = |peer: &&BgpPeer| peer.phase != PeerPhase::Deleting;
        let peers = self.peers.iter().filter(stays);
        Move {
            connection: connection.id.clone(),
            location: connection.location.clone(),
            edge: port.edge.clone(),
            port: port.name.clone(),
            jumbo: port.jumbo,
            simulated: port.simulated,
            peers: peers
                .map(|peer| BgpPeer { id: BgpPeerId::draw(&mut draws), ..peer.clone() })
                .collect(),
        }
    }

    /// The interface where it is moved to; as it is if it is not moved.
    fn moved(&self) -> Self {
        let Some(moving) = self.moving.clone() else { return self.clone() };
        let Move { connection, location, edge, port, jumbo, simulated, peers } = moving;
        let rest = self.clone();
        Self { connection, location, edge, port, jumbo, simulated, peers, moving: None, ..rest }
    }

    /// An interface that is being moved, once nothing of it is left where it was.
    ///
    /// # Panics
    ///
    /// If it is not being moved.
    pub(crate) fn arrive(&self) -> Self {
        let phase = self.phase.after(Event::Released).expect("it is being moved");
        Self { phase, ..self.moved() }
    }

    /// What is claimed for it where it is moved to.
    pub(super) fn claims_of_move(&self) -> Vec<Key> {
        let Some(moving) = &self.moving else { return Vec::new() };
        let mut claims = vec![key::live_vlan(&moving.connection, self.vlan)];
        if let Some(attachment) = &self.attachment
            && moving.edge != self.edge
        {
            let pieces = moving.peers.iter().flat_map(|peer| peer.addresses.pieces());
            let domain = &attachment.routing_domain;
            claims.extend(pieces.map(|piece| key::peer_subnet(domain, &moving.edge, &piece)));
        }
        claims
    }

    /// The connection that it is on, or is moved to: what its two sides are shown.
    #[must_use]
    pub fn shown_connection(&self) -> &ConnectionId {
        self.moving.as_ref().map_or(&self.connection, |moving| &moving.connection)
    }
}
