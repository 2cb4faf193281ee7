//! What the operator starts anew: the BGP session of an interface, and the store's epoch.

use super::{Context, Decision, Outcome, Writes};
use crate::fault::Fault;
use crate::id::VirtualInterfaceId;
use crate::key;
use crate::record::Record;
use crate::view::{Asked, View};
use crate::virtual_interface::Phase;

/// Starts the BGP session of an accepted interface anew. Its state is what the edge then reports: the state table is not
/// touched. An edge makes a new session of each number, so that asking twice is no harm.
pub(super) fn session(view: &View, id: &str, context: &Context<'_>) -> Asked<Decision> {
    let missing = || Fault::no_interface(id);
    let parsed = VirtualInterfaceId::parse(id).map_err(|_| missing())?;
    let Some(mut interface) = view.interface(&parsed)?.cloned() else {
        return Err(missing().into());
    };
    if interface.phase != Phase::Accepted {
        let state = interface.state(context.now, false).as_str();
        let rule = format!("is in state {state}; only one that was accepted has a BGP session");
        return Err(Fault::field("virtualInterfaceId", &interface.id, rule).into());
    }
    interface.session_resets = interface.session_resets.wrapping_add(1);
    let mut writes = Writes::default();
    writes.mark(key::edge_generation(&interface.edge));
    writes.put(key::interface(&interface.id), Record::VirtualInterface(interface.clone()));
    writes.decision(Outcome::VirtualInterface(interface))
}

/// Where a store stands when it is to get an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RenewEpoch {
    /// It has none: it is new, from before there were epochs, or a copy that was made in the epoch `before`.
    First {
        /// The epoch of the copy's original.
        before: Option<u64>,
    },
    /// It is a copy that still has its original's epoch.
    After(u64),
}

/// Gives the store an epoch that is later than any it had. `Done` without a change: somebody else did so meanwhile.
pub(super) fn epoch(view: &View, renew: RenewEpoch, context: &Context<'_>) -> Asked<Decision> {
    let mut writes = Writes::default();
    let before = match renew {
        RenewEpoch::First { before } => {
            if !view.is_empty(&key::all("epoch"))? {
                return Decision::unchanged(Outcome::Done);
            }
            if let Some(before) = before {
                writes.delete(key::epoch_before(before));
            }
            before.unwrap_or_default()
        }
        RenewEpoch::After(known) => {
            let at = key::epoch(known);
            if !view.exists(&at)? {
                return Decision::unchanged(Outcome::Done);
            }
            writes.delete(at);
            known
        }
    };
    // Later even when the clock is behind the one that the last epoch was read from.
    let number = context.now.millis().max(before.saturating_add(1));
    writes.mark(key::epoch(number));
    writes.decision(Outcome::Epoch(number))
}
