//! What happens by itself at a moment: an unanswered interface expires, a simulated location approves, what has ended is
//! forgotten. The reconciler that carries this out has no input of its own; several may run at once.

use super::{
    ApproveConnection, Context, Decision, Outcome, PortChoice, Writes, connection, interface,
};
use crate::connection::{Connection, ConnectionPhase};
use crate::id::{ConnectionId, VirtualInterfaceId};
use crate::key;
use crate::time::Time;
use crate::view::{Asked, View};
use crate::virtual_interface::{Event, VirtualInterface};

/// An entry of the list of deadlines whose moment has come.
#[derive(Clone, Debug)]
pub struct Due {
    /// The moment, as the entry's key says.
    pub at: Time,
    /// The connection or interface, as the entry's key says.
    pub id: String,
}

pub(super) fn due(view: &View, due: &Due, context: &Context<'_>) -> Asked<Decision> {
    let entry = key::due(due.at, &due.id);
    if context.now < due.at || !view.exists(&entry)? {
        return Decision::unchanged(Outcome::Done);
    }
    let mut decision = match (VirtualInterfaceId::parse(&due.id), ConnectionId::parse(&due.id)) {
        (Ok(id), _) => match view.interface(&id)? {
            Some(interface) => of_interface(interface, due, context)?,
            None => Decision::unchanged(Outcome::Done)?,
        },
        (_, Ok(id)) => match view.connection(&id)? {
            Some(connection) => of_connection(view, connection, due)?,
            None => Decision::unchanged(Outcome::Done)?,
        },
        (Err(_), Err(_)) => Decision::unchanged(Outcome::Done)?,
    };
    // Whatever it was for, the entry has done its work; an entry that something else made stale goes too.
    if decision.writes.iter().all(|(key, _)| *key != entry) {
        decision.writes.push((entry, None));
    }
    Ok(Decision { outcome: Outcome::Done, ..decision })
}

fn of_interface(interface: &VirtualInterface, due: &Due, context: &Context<'_>) -> Asked<Decision> {
    if interface.is_overdue(context.now) {
        let phase = interface.phase.after(Event::Expire).expect("an overdue one is confirming");
        return interface::finish(interface.clone(), phase, context);
    }
    let mut writes = Writes::default();
    if interface.ended.is_some_and(|ended| ended.forget <= due.at) {
        writes.delete(key::interface(&interface.id));
        writes.delete(key::ended_on(&interface.connection, &interface.id));
        writes.delete(key::interface_of(&interface.owner, &interface.id));
        if interface.lender != interface.owner {
            writes.delete(key::interface_of(&interface.lender, &interface.id));
        }
    }
    writes.decision(Outcome::Done)
}

fn of_connection(view: &View, connection: &Connection, due: &Due) -> Asked<Decision> {
    if connection.phase == ConnectionPhase::Requested {
        let approve = ApproveConnection { connection: due.id.clone(), port: PortChoice::Simulated };
        return connection::approve(view, &approve);
    }
    let mut writes = Writes::default();
    if connection.ended.is_some_and(|ended| ended.forget <= due.at) {
        writes.delete(key::connection(&connection.id));
        writes.delete(key::connection_of(&connection.owner, &connection.id));
    }
    writes.decision(Outcome::Done)
}
