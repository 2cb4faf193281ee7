//! What edges report, and what it means for states.
//!
//! A report is about one generation of the edge's configuration and is always whole. Each of its items is decided on its
//! own, so that one conflict does not hold up the others; each decision is repeatable, so that a report that comes twice
//! changes nothing the second time.

use super::{Context, Decision, Outcome, Writes, connection, interface};
use crate::connection::ConnectionEvent;
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

/// An edge was heard.
#[derive(Clone, Debug)]
pub struct ReportSeen {
    /// The edge.
    pub edge: EdgeId,
    /// The generation that it has.
    pub generation: u64,
    /// The report's number.
    pub sequence: u64,
}

/// What an edge says of one interface.
#[derive(Clone, Debug)]
pub struct ReportInterface {
    /// The edge.
    pub edge: EdgeId,
    /// The generation that it has.
    pub generation: u64,
    /// The interface.
    pub interface: VirtualInterfaceId,
    /// Its state there; `None`: nothing of it is on the router.
    pub reported: Option<Reported>,
}

/// What an edge says of one connection's port.
#[derive(Clone, Debug)]
pub struct ReportConnection {
    /// The edge.
    pub edge: EdgeId,
    /// The generation that it has.
    pub generation: u64,
    /// The connection.
    pub connection: ConnectionId,
    /// Whether the port has a carrier; `None`: the edge no longer serves this connection.
    pub carrier: Option<bool>,
}

pub(super) fn seen(view: &View, report: &ReportSeen, context: &Context<'_>) -> Asked<Decision> {
    let at = key::edge_seen(&report.edge);
    if let Some(last) = view.edge_seen(&report.edge)? {
        if report.sequence <= last.sequence {
            let rule = format!("is not newer than the last report's, {}", last.sequence);
            return Err(Fault::field("sequence", report.sequence, rule).into());
        }
        // A moment in the future is from before the clock was set back: it would hide the edge's silence.
        let fresh = context.now >= last.at
            && context.now.since(last.at) < context.settings.silence / SEEN_PART;
        if fresh && last.generation == report.generation {
            return Decision::unchanged(Outcome::Done);
        }
    }
    let seen =
        EdgeSeen { at: context.now, generation: report.generation, sequence: report.sequence };
    let mut writes = Writes::default();
    writes.put(at, Record::EdgeSeen(seen));
    writes.decision(Outcome::Done)
}

/// Whether an edge that has this generation has heard of what was written at `version`. "It is not there" counts only
/// then: an older report may have been written before the edge even programmed it, and a generation that was never given
/// out here (the store is an older copy) says nothing about this store's records.
fn knows(view: &View, edge: &EdgeId, generation: u64, version: u64) -> Asked<bool> {
    if generation < version {
        return Ok(false);
    }
    let (newest, _) = view.versioned(&key::edge_generation(edge))?;
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
    if interface.edge != report.edge {
        return Decision::unchanged(Outcome::Done);
    }
    let reported = report.reported.clone().map(Reported::bounded);
    match interface.phase {
        Phase::Accepted if interface.reported != reported => {
            let mut changed = interface.clone();
            changed.reported = reported;
            let mut writes = Writes::default();
            writes.put(key::interface(&changed.id), Record::VirtualInterface(changed));
            writes.decision(Outcome::Done)
        }
        Phase::Deleting
            if report.reported.is_none()
                && knows(view, &report.edge, report.generation, version)? =>
        {
            let phase =
                interface.phase.after(Event::LetGo).expect("what is being deleted can be let go");
            let decision = interface::finish(interface.clone(), phase, context)?;
            Ok(Decision { outcome: Outcome::Done, ..decision })
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
    let Some(port) = connection.port.clone().filter(|port| port.edge == report.edge) else {
        return Decision::unchanged(Outcome::Done);
    };
    let event = match report.carrier {
        Some(true) => ConnectionEvent::CarrierUp,
        Some(false) => ConnectionEvent::CarrierDown,
        None if knows(view, &report.edge, report.generation, version)? => ConnectionEvent::LetGo,
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
    writes.decision(Outcome::Done)
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
