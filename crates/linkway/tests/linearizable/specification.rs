//! A connection's VLANs and the life of the interfaces on them, one call at a time.
//!
//! The edge lets go of a deleted interface, and brings an accepted one up, at moments of its own.
//! The specification does not guess them: it only remembers what has been seen, after which it
//! cannot be otherwise.

use std::collections::BTreeMap;

use stateright::semantics::SequentialSpec;

/// What a client asks.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    Allocate { vlan: u64 },
    Confirm(String),
    Delete { id: String, by_owner: bool },
    Describe(String),
}

/// What it is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    Made(String),
    Accepted,
    Is(Class),
    Refused,
}

/// A state, as the API names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Confirming,
    Pending,
    Available,
    Deleting,
    Deleted,
    Rejected,
}

impl Class {
    /// Whether a VLAN is given back.
    fn is_ended(self) -> bool {
        matches!(self, Self::Deleted | Self::Rejected)
    }
}

/// One connection.
#[derive(Clone, Debug, Default)]
pub struct Trunk(BTreeMap<String, (u64, Class)>);

impl Trunk {
    /// Who has a VLAN, as far as is known.
    fn holder(&mut self, vlan: u64) -> Option<&mut Class> {
        let of = self.0.values_mut().find(|(on, class)| *on == vlan && !class.is_ended());
        of.map(|(_, class)| class)
    }

    fn allocated(&mut self, vlan: u64, said: &Said) -> bool {
        match (said, self.holder(vlan)) {
            (Said::Made(id), None) => self.make(id, vlan),
            (Said::Made(id), Some(class)) if *class == Class::Deleting => {
                // So the edge has let go of it.
                *class = Class::Deleted;
                self.make(id, vlan)
            }
            (Said::Refused, Some(_)) => true,
            (Said::Made(_) | Said::Refused | Said::Accepted | Said::Is(_), _) => false,
        }
    }

    fn make(&mut self, id: &str, vlan: u64) -> bool {
        self.0.insert(id.to_owned(), (vlan, Class::Confirming)).is_none()
    }

    /// An interface that is known to be in a state shows another one by the edge's doing.
    fn shows(&mut self, id: &str, seen: Class) -> bool {
        let Some((_, class)) = self.0.get_mut(id) else { return false };
        let is_possible = match (*class, seen) {
            (known, seen) if known == seen => true,
            (Class::Pending, Class::Available) | (Class::Deleting, Class::Deleted) => true,
            (
                Class::Confirming
                | Class::Pending
                | Class::Available
                | Class::Deleting
                | Class::Deleted
                | Class::Rejected,
                _,
            ) => false,
        };
        *class = seen;
        is_possible
    }
}

impl SequentialSpec for Trunk {
    type Op = Call;
    type Ret = Said;

    /// Asked only for calls without an answer, of which a finished history has none.
    fn invoke(&mut self, _: &Call) -> Said {
        Said::Refused
    }

    fn is_valid_step(&mut self, call: &Call, said: &Said) -> bool {
        let known = match call {
            Call::Allocate { vlan } => return self.allocated(*vlan, said),
            Call::Confirm(id) | Call::Delete { id, .. } | Call::Describe(id) => id,
        };
        let Some((_, class)) = self.0.get_mut(known) else { return false };
        match (call, said, *class) {
            (Call::Confirm(_), Said::Accepted, Class::Confirming) => *class = Class::Pending,
            (Call::Confirm(_), Said::Refused, now) => return now != Class::Confirming,
            (Call::Delete { by_owner, .. }, Said::Is(end), Class::Confirming) => {
                *class = if *by_owner { Class::Rejected } else { Class::Deleted };
                return *class == *end;
            }
            (Call::Delete { .. }, Said::Is(end), Class::Pending | Class::Available) => {
                *class = Class::Deleting;
                return self.shows(known, *end);
            }
            (Call::Delete { .. }, Said::Is(Class::Deleting), Class::Deleting) => {}
            (Call::Delete { .. }, Said::Refused, Class::Deleting) => *class = Class::Deleted,
            (Call::Delete { .. }, Said::Refused, now) => return now.is_ended(),
            (Call::Describe(_), Said::Is(seen), _) => return self.shows(known, *seen),
            (
                Call::Allocate { .. } | Call::Confirm(_) | Call::Delete { .. } | Call::Describe(_),
                Said::Made(_) | Said::Accepted | Said::Is(_) | Said::Refused,
                _,
            ) => return false,
        }
        true
    }
}
