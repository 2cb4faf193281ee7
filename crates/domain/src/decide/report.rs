//! What edges report, and what it means for states.
//!
//! A report is about one generation of the edge's configuration and is always whole. Each of its items is decided on its
//! own, so that one conflict does not hold up the others; each decision is repeatable, so that a report that comes twice
//! changes nothing the second time.

use super::{Context, Decision, Outcome, Writes, connection, interface};
use crate::connection::ConnectionEvent;
use crate::edge::ConfigVersion;
use crate::fault::Fault;
use crate::id::{ConnectionId, EdgeId, VirtualInterfaceId};
use crate::key;
use crate::location::EdgeSeen;
use crate::record::Record;
use crate::view::{Asked, View};
use crate::virtual_interface::{Event, Phase, Reported};

/// How old the record of when an edge was heard may get before a report that says nothing new is written, as a part of
/// the time that an edge may be silent: so that a quiet edge costs few writes.
const SEEN_PART: u64 = 6;

/// Which report of which edge something is from, and which configuration it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportHead {
    /// The edge.
    pub edge: EdgeId,
    /// The configuration that it has.
    pub version: ConfigVersion,
    /// The report's number.
    pub sequence: u64,
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
    pub reported: Option<Reported>,
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
        })
    }
}

pub(super) fn seen(view: &View, report: &ReportSeen, context: &Context<'_>) -> Asked<Decision> {
    let head = &report.head;
    if let Some(last) = view.edge_seen(&head.edge)? {
        if head.sequence <= last.sequence {
            return Err(head.stale(last.sequence).into());
        }
        // A moment in the future is from before the clock was set back: it would hide the edge's silence.
        let fresh = context.now >= last.at
            && context.now.since(last.at) < context.settings.silence / SEEN_PART;
        let same = (last.epoch, last.generation) == (head.version.epoch, head.version.generation);
        if report.quiet && fresh && same {
            return Decision::unchanged(Outcome::Done);
        }
    }
    let mut writes = Writes::default();
    writes.put(key::edge_seen(&head.edge), head.seen(context));
    writes.decision(Outcome::Done)
}

/// Ties what a report changes to the report's place among the others, which the store keeps: nothing is changed by one that
/// was overtaken, whichever servers took the two. What goes unwritten cannot be overtaken unseen: a report that follows
/// the last one *here* without a gap leaves none behind that could still be on its way to another server.
fn in_order(
    view: &View,
    head: &ReportHead,
    mut writes: Writes,
    context: &Context<'_>,
) -> Asked<Decision> {
    let last = view.edge_seen(&head.edge)?.map_or(0, |seen| seen.sequence);
    if head.sequence < last {
        return Err(head.stale(last).into());
    }
    if head.sequence > last {
        writes.put(key::edge_seen(&head.edge), head.seen(context));
    }
    writes.decision(Outcome::Done)
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

pub(super) fn interface(
    view: &View,
    report: &ReportInterface,
    context: &Context<'_>,
) -> Asked<Decision> {
    let (version, _) = view.versioned(&key::interface(&report.interface))?;
    let Some(interface) = view.interface(&report.interface)? else {
        return Decision::unchanged(Outcome::Done);
    };
    if interface.edge != report.head.edge {
        return Decision::unchanged(Outcome::Done);
    }
    let reported = report.reported.clone().map(Reported::bounded);
    match interface.phase {
        Phase::Accepted if interface.reported != reported => {
            let mut changed = interface.clone();
            changed.reported = reported;
            let mut writes = Writes::default();
            writes.put(key::interface(&changed.id), Record::VirtualInterface(changed));
            in_order(view, &report.head, writes, context)
        }
        Phase::Deleting if report.reported.is_none() && knows(view, &report.head, version)? => {
            let phase =
                interface.phase.after(Event::LetGo).expect("what is being deleted can be let go");
            let decision = interface::finish(interface.clone(), phase, context)?;
            in_order(view, &report.head, Writes(decision.writes), context)
        }
        Phase::Accepted
        | Phase::Deleting
        | Phase::Confirming
        | Phase::Deleted
        | Phase::Rejected
        | Phase::Expired => Decision::unchanged(Outcome::Done),
    }
}

pub(super) fn connection(
    view: &View,
    report: &ReportConnection,
    context: &Context<'_>,
) -> Asked<Decision> {
    let (version, _) = view.versioned(&key::connection(&report.connection))?;
    let Some(connection) = view.connection(&report.connection)? else {
        return Decision::unchanged(Outcome::Done);
    };
    let Some(port) = connection.port.clone().filter(|port| port.edge == report.head.edge) else {
        return Decision::unchanged(Outcome::Done);
    };
    let event = match report.carrier {
        Some(true) => ConnectionEvent::CarrierUp,
        Some(false) => ConnectionEvent::CarrierDown,
        None if knows(view, &report.head, version)? => ConnectionEvent::LetGo,
        None => return Decision::unchanged(Outcome::Done),
    };
    let Some(phase) = connection.phase.after(event).filter(|phase| *phase != connection.phase)
    else {
        return Decision::unchanged(Outcome::Done);
    };
    let mut changed = connection.clone();
    changed.phase = phase;
    let mut writes = Writes::default();
    if event == ConnectionEvent::LetGo {
        writes.delete(key::edge_connection(&port.edge, &changed.id));
        free(view, &port, &mut writes)?;
        connection::end(&mut changed, &mut writes, context);
    }
    writes.put(key::connection(&changed.id), Record::Connection(changed));
    in_order(view, &report.head, writes, context)
}

/// Gives a port back; a simulated one goes with its connection.
fn free(view: &View, port: &crate::connection::AssignedPort, writes: &mut Writes) -> Asked<()> {
    let at = key::port(&port.edge, &port.name);
    let Some(record) = view.port(&port.edge, &port.name)? else { return Ok(()) };
    if port.simulated {
        writes.delete(at);
        return Ok(());
    }
    let mut record = record.clone();
    record.connection = None;
    writes.mark(key::free_port(&record.location, record.bandwidth, &record.edge, &record.name));
    writes.put(at, Record::Port(record));
    Ok(())
}
