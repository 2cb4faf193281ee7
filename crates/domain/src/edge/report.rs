//! What edges report, and what it means for states.
//!
//! A report is about one generation of the edge's configuration and is always whole. Each of its items is decided on its
//! own, so that one conflict does not hold up the others; each decision is repeatable, so that a report that comes twice
//! changes nothing the second time.

use std::time::Duration;

use super::{ConfigVersion, EdgeSeen};
use crate::bgp_peer::{BgpPeer, PeerPhase};
use crate::connection::decide::ended_now;
use crate::connection::{AssignedPort, Connection, ConnectionEvent, ConnectionPhase};
use crate::decide::{Changes, Command, Context, Decision};
use crate::fault::Fault;
use crate::id::{AccessKeyId, AssociationId, BgpPeerId, ConnectionId, EdgeId, VirtualInterfaceId};
use crate::key;
use crate::record::Record;
use crate::time::Time;
use crate::view::{Asked, View};
use crate::virtual_interface::{
    Event, InterfaceReport, Phase, VirtualInterface, VirtualInterfaceStatus,
};

/// How old the record of when an edge was heard may get before a report that says nothing new is written, as a part of
/// the time that an edge may be silent: so that a quiet edge costs few writes.
const SEEN_PART: u32 = 6;

/// How far beyond the clock the number of a report may be. A run's first number is the clock's milliseconds and each report
/// after it takes one more, so numbers stay behind the clock unless that was set back or was ahead when the agent started.
/// Without a bound, one report of the highest number would be the last that is ever heard of its edge.
pub const SEQUENCE_AHEAD: Duration = Duration::from_secs(24 * 60 * 60);

/// Whether a report may have this number. One that is recorded and may not (the clock was set back, or a build without
/// this bound recorded it) counts as no number at all: the next report takes its place.
#[must_use]
pub fn is_plausible(sequence: u64, now: Time) -> bool {
    sequence <= now.plus(SEQUENCE_AHEAD).millis()
}

/// Which report of which edge something is from, and which configuration it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportHead {
    /// The edge.
    pub edge: EdgeId,
    /// The configuration that it has.
    pub version: ConfigVersion,
    /// The report's number.
    pub sequence: u64,
    /// The access key that signed it; `None` for the built-in edge.
    pub access_key: Option<AccessKeyId>,
}

/// An edge was heard.
#[derive(Clone, Debug)]
pub struct ReportSeen {
    /// The report.
    pub head: ReportHead,
    /// Whether the report changes nothing, and every report since the last one that the store knows came here before it.
    /// Only then may it go unwritten for a while: see [`in_order`].
    pub quiet: bool,
}

/// What an edge says of one interface.
#[derive(Clone, Debug)]
pub struct ReportInterface {
    /// The report.
    pub head: ReportHead,
    /// The interface.
    pub interface: VirtualInterfaceId,
    /// Its state there; `None`: nothing of it is on the router.
    pub report: Option<InterfaceReport>,
    /// The peers whose sessions are up with the new key of the edge's configuration.
    pub with_new_keys: Vec<BgpPeerId>,
}

/// An edge may have let an association go that is being ended.
#[derive(Clone, Debug)]
pub struct ReportAssociation {
    /// The report.
    pub head: ReportHead,
    /// The association.
    pub association: AssociationId,
}

/// What an edge says of one connection's port.
#[derive(Clone, Debug)]
pub struct ReportConnection {
    /// The report.
    pub head: ReportHead,
    /// The connection.
    pub connection: ConnectionId,
    /// Whether the port has a carrier; `None`: the edge no longer serves this connection.
    pub carrier: Option<bool>,
}

impl ReportHead {
    /// # Errors
    ///
    /// A client fault where the number is further beyond the clock than [`SEQUENCE_AHEAD`].
    pub fn plausible(&self, now: Time) -> Result<(), Fault> {
        if is_plausible(self.sequence, now) {
            return Ok(());
        }
        let most = now.plus(SEQUENCE_AHEAD).millis();
        let rule = format!(
            "must be at most {most}, a day beyond the server's clock in milliseconds; an agent that is restarted counts from its \
             own clock"
        );
        Err(Fault::field("sequence", self.sequence, rule))
    }

    /// The refusal of a report that a later one has overtaken.
    fn stale(&self, last: u64) -> Fault {
        Fault::field(
            "sequence",
            self.sequence,
            format!("is not newer than the last report's, {last}"),
        )
    }

    fn seen(&self, context: &Context<'_>) -> Record {
        Record::EdgeSeen(EdgeSeen {
            at: context.now,
            epoch: self.version.epoch,
            generation: self.version.generation,
            sequence: self.sequence,
            access_key: self.access_key.clone(),
        })
    }

    /// The last report as far as this one's number is compared with it: numbers of another key say nothing about this one's, so
    /// that whoever got hold of a key silences its edge only until the operator replaces the key.
    fn last<'v>(&self, view: &'v View, now: Time) -> Asked<Option<&'v EdgeSeen>> {
        let seen = view.edge_seen(&self.edge)?;
        Ok(seen.filter(|seen| is_plausible(seen.sequence, now) && seen.counts_for(self.key())))
    }

    fn key(&self) -> Option<&AccessKeyId> {
        self.access_key.as_ref()
    }
}

impl Command for ReportSeen {
    type Outcome = ();

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<()>> {
        let head = &self.head;
        head.plausible(context.now)?;
        view.want([key::edge(&head.edge), key::edge_seen(&head.edge)])?;
        // Its key was good when the report came; both may be deleted meanwhile.
        if view.edge(&head.edge)?.is_none() {
            return Err(Fault::field("edgeId", &head.edge, "does not exist").into());
        }
        if let Some(last) = head.last(view, context.now)? {
            if head.sequence <= last.sequence {
                return Err(head.stale(last.sequence).into());
            }
            // A moment in the future is from before the clock was set back: it would hide the edge's silence.
            let fresh = context.now >= last.at
                && context.now.since(last.at) < context.settings.silence / SEEN_PART;
            let known = (last.epoch, last.generation);
            let same = known == (head.version.epoch, head.version.generation);
            if self.quiet && fresh && same {
                return Decision::unchanged(());
            }
        }
        let mut changes = Changes::new(view);
        changes.put_at(key::edge_seen(&head.edge), head.seen(context))?;
        changes.decision(())
    }
}

/// Ties what a report changes to the report's place among the others, which the store keeps: nothing is changed by one that
/// was overtaken, whichever servers took the two. What goes unwritten cannot be overtaken unseen: a report that follows
/// the last one *here* without a gap leaves none behind that could still be on its way to another server.
fn in_order<'v>(
    head: &ReportHead,
    mut changes: Changes<'v>,
    view: &'v View,
    context: &Context<'_>,
) -> Asked<Decision<()>> {
    head.plausible(context.now)?;
    let last = head.last(view, context.now)?.map_or(0, |seen| seen.sequence);
    if head.sequence < last {
        return Err(head.stale(last).into());
    }
    if head.sequence > last {
        changes.put_at(key::edge_seen(&head.edge), head.seen(context))?;
    }
    changes.decision(())
}

/// Whether an edge that has this configuration has heard of what was written at `version`. "It is not there" counts only
/// then: an older report may have been written before the edge even programmed it, and one of another epoch, or of a
/// generation that was never given out here (the store is an older copy), says nothing about this store's records.
fn knows(view: &View, head: &ReportHead, version: u64) -> Asked<bool> {
    let ConfigVersion { epoch, generation } = head.version;
    if generation < version || !view.exists(&key::epoch(epoch))? {
        return Ok(false);
    }
    let (newest, _) = view.versioned(&key::edge_generation(&head.edge))?;
    Ok(generation <= newest)
}

impl Command for ReportInterface {
    type Outcome = ();

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<()>> {
        let (version, _) = view.versioned(&key::interface(&self.interface))?;
        let Some(interface) = view.interface(&self.interface)? else {
            return Decision::unchanged(());
        };
        if interface.edge != self.head.edge {
            return Decision::unchanged(());
        }
        match interface.phase {
            Phase::Accepted => self.accepted(view, interface, version, context),
            Phase::Deleting if self.report.is_none() && knows(view, &self.head, version)? => {
                let phase = interface.phase.after(Event::Released).expect("it is being deleted");
                let mut changes = Changes::new(view);
                interface.clone().end(view, &mut changes, phase, context)?;
                in_order(&self.head, changes, view, context)
            }
            Phase::Moving if self.report.is_none() && knows(view, &self.head, version)? => {
                let mut changes = Changes::new(view);
                changes.put(interface.arrive())?;
                in_order(&self.head, changes, view, context)
            }
            Phase::Deleting
            | Phase::Moving
            | Phase::Confirming
            | Phase::Verifying
            | Phase::Deleted
            | Phase::Rejected
            | Phase::Expired => Decision::unchanged(()),
        }
    }
}

/// A report says nothing of associations: that the edge's configuration is without one is all there is to know.
impl Command for ReportAssociation {
    type Outcome = ();

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<()>> {
        let edge = &self.head.edge;
        let (version, leaving) = view.versioned(&key::edge_association(edge, &self.association))?;
        if leaving.is_none() || !knows(view, &self.head, version)? {
            return Decision::unchanged(());
        }
        let Some(association) = view.association(&self.association)? else {
            return Decision::unchanged(());
        };
        let mut changes = Changes::new(view);
        changes.put(association.clone().let_go(edge, context))?;
        in_order(&self.head, changes, view, context)
    }
}

impl ReportInterface {
    /// What it says of an accepted interface: a new status, deleted peers that are gone from the router, and new keys that are in use.
    fn accepted(
        &self,
        view: &View,
        interface: &VirtualInterface,
        version: u64,
        context: &Context<'_>,
    ) -> Asked<Decision<()>> {
        let report = self.report.clone().map(InterfaceReport::bounded);
        let known = view.interface_status(&interface.id)?.map(|status| &status.report);
        let mut changes = Changes::new(view);
        let mut changed = false;
        if known != report.as_ref() {
            changed = true;
            match report {
                Some(report) => {
                    changes.put(VirtualInterfaceStatus { id: interface.id.clone(), report })?;
                }
                None => changes.delete(key::interface_status(&interface.id))?,
            }
        }
        let deleting = |peer: &BgpPeer| peer.phase == PeerPhase::Deleting;
        let has_new_key =
            |peer: &BgpPeer| peer.rotation.is_some() && self.with_new_keys.contains(&peer.id);
        // A new key may have been replaced by another one since: only of a configuration with that is it known which is meant.
        if interface.peers.iter().any(|peer| deleting(peer) || has_new_key(peer))
            && knows(view, &self.head, version)?
        {
            let mut next = interface.clone();
            next.peers.retain(|peer| !deleting(peer) || self.has(peer.addresses.family()));
            let taken = next.peers.iter_mut().filter(|peer| has_new_key(peer));
            taken.for_each(BgpPeer::take_new_key);
            if next != *interface {
                changed = true;
                changes.put(next)?;
            }
        }
        if changed { in_order(&self.head, changes, view, context) } else { Decision::unchanged(()) }
    }

    fn has(&self, family: crate::net::AddressFamily) -> bool {
        self.report.as_ref().is_some_and(|report| report.peer(family).is_some())
    }
}

impl Command for ReportConnection {
    type Outcome = ();

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<()>> {
        let (version, _) = view.versioned(&key::connection(&self.connection))?;
        let Some(connection) = view.connection(&self.connection)? else {
            return Decision::unchanged(());
        };
        let Some(port) = connection.port.clone().filter(|port| port.edge == self.head.edge) else {
            return Decision::unchanged(());
        };
        let event = match self.carrier {
            Some(true) => ConnectionEvent::CarrierUp,
            Some(false) => ConnectionEvent::CarrierDown,
            None if knows(view, &self.head, version)? => ConnectionEvent::Released,
            None => return Decision::unchanged(()),
        };
        let Some(phase) = connection.phase.after(event).filter(|phase| *phase != connection.phase)
        else {
            return Decision::unchanged(());
        };
        let mut changes = Changes::new(view);
        if event == ConnectionEvent::Released {
            release(view, connection.clone(), &port, phase, context, &mut changes)?;
        } else {
            changes.put(Connection { phase, ..connection.clone() })?;
        }
        in_order(&self.head, changes, view, context)
    }
}

/// Ends a connection of which nothing is on its router any more, and gives its port back.
pub(super) fn release(
    view: &View,
    connection: Connection,
    port: &AssignedPort,
    phase: ConnectionPhase,
    context: &Context<'_>,
    changes: &mut Changes<'_>,
) -> Asked<()> {
    free(view, port, changes)?;
    changes.put(Connection { phase, ended: Some(ended_now(context)), ..connection })
}

/// Gives a port back; a simulated one goes with its connection.
fn free(view: &View, port: &AssignedPort, changes: &mut Changes<'_>) -> Asked<()> {
    let Some(record) = view.port(&port.edge, &port.name)? else { return Ok(()) };
    if port.simulated {
        return changes.delete(key::port(&port.edge, &port.name));
    }
    let mut record = record.clone();
    record.connection = None;
    changes.put(record)
}
