//! The store's epoch: which life of the store its generations belong to.

use std::borrow::Cow;

use crate::decide::{Changes, Command, Context, Decision, Outcome};
use crate::key;
use crate::view::{Asked, View};

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

/// The epoch that a store has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Epoch(pub u64);

impl Outcome for Option<Epoch> {
    fn resources(&self) -> Vec<Cow<'_, str>> {
        self.iter().map(|epoch| epoch.0.to_string().into()).collect()
    }
}

/// Gives the store an epoch that is later than any it had; `None` if somebody else did so meanwhile.
impl Command for RenewEpoch {
    type Outcome = Option<Epoch>;

    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Self::Outcome>> {
        let mut changes = Changes::new(view);
        let before = match *self {
            Self::First { before } => {
                if !view.is_empty(&key::all("epoch"))? {
                    return Decision::unchanged(None);
                }
                if let Some(before) = before {
                    changes.unmark(key::epoch_before(before));
                }
                before.unwrap_or_default()
            }
            Self::After(known) => {
                let at = key::epoch(known);
                if !view.exists(&at)? {
                    return Decision::unchanged(None);
                }
                changes.unmark(at);
                known
            }
        };
        // Later even when the clock is behind the one that the last epoch was read from.
        let number = context.now.millis().max(before.saturating_add(1));
        changes.mark(key::epoch(number));
        changes.decision(Some(Epoch(number)))
    }
}
