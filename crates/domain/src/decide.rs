//! What may happen: a plain function from a view and a command to record writes or a fault.
//!
//! The shell loads what a decision asks for, commits the writes with compare-and-set on everything that was asked, and on
//! a conflict reads and decides again. Each command is a type in its resource's folder, and says what its caller gets.

use crate::fault::Fault;
use crate::id::{AccountId, DirectConnectGatewayId, EdgeId};
use crate::key::{self, Key};
use crate::notice;
use crate::principal::Principal;
use crate::quota;
use crate::record::{self, Record};
use crate::seed::Seed;
use crate::settings::Settings;
use crate::time::Time;
use crate::view::{Asked, View};

pub use crate::outcome::Outcome;

/// Something that can be asked to happen. Texts in it are a caller's and unchecked; ids that name a record are texts too,
/// so that a malformed one is answered like one that does not exist.
pub trait Command: Send + Sync {
    /// What the caller gets besides the writes.
    type Outcome: Outcome;

    /// Decides on what is in the view. Who carries a command out calls [`decide`], which tells accounts of it too.
    ///
    /// # Errors
    ///
    /// What must be loaded first, or the rule that the command breaks.
    fn decide(&self, view: &View, context: &Context<'_>) -> Asked<Decision<Self::Outcome>>;
}

/// Decides a command, and adds what accounts are told of it.
///
/// # Errors
///
/// As [`Command::decide`].
pub fn decide<C: Command + ?Sized>(
    command: &C,
    view: &View,
    context: &Context<'_>,
) -> Asked<Decision<C::Outcome>> {
    let mut decision = command.decide(view, context)?;
    notice::add(view, context, &mut decision.writes);
    Ok(decision)
}

/// What a decision may know besides the view.
#[derive(Clone)]
pub struct Context<'a> {
    /// Who asks.
    pub principal: Principal,
    /// The moment of the decision.
    pub now: Time,
    /// Where ids and keys are drawn from.
    pub seed: Seed,
    /// The operator's settings.
    pub settings: &'a Settings,
}

impl Context<'_> {
    /// The tenant who asks.
    ///
    /// # Errors
    ///
    /// If an operator or an edge asks; operations are given out by kind of principal before they get here.
    pub(crate) fn account(&self) -> Result<&AccountId, Fault> {
        self.principal.account().ok_or_else(|| {
            let text = format!(
                "The {} has no resources of its own; use an account's access key.",
                self.principal
            );
            Fault::denied(text)
        })
    }
}

/// A decision: what to write, all of it or nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision<T> {
    /// Keys with their new record, or `None` to delete. Empty: nothing has to change.
    pub writes: Vec<(Key, Option<Record>)>,
    /// What the caller gets.
    pub outcome: T,
}

impl<T> Decision<T> {
    /// Nothing to change.
    pub(crate) fn unchanged(outcome: T) -> Asked<Self> {
        Ok(Self { writes: Vec::new(), outcome })
    }

    /// The same writes for another outcome.
    pub(crate) fn map<U>(self, change: impl FnOnce(T) -> U) -> Decision<U> {
        Decision { writes: self.writes, outcome: change(self.outcome) }
    }
}

/// The Direct Connect gateway that a record's interface leads to, and the edge from which it does.
fn led_to(record: &Record) -> Option<(&DirectConnectGatewayId, &EdgeId)> {
    match record {
        Record::VirtualInterface(interface) => Some((interface.dx_gateway()?, &interface.edge)),
        _ => None,
    }
}

/// Record writes under construction. Whoever writes a record does not write its claims and indexes: those that the old
/// and the new record derive ([`record::derived`]) are compared here, and only the difference is written.
pub(crate) struct Changes<'v> {
    view: &'v View,
    writes: Vec<(Key, Option<Record>)>,
}

impl<'v> Changes<'v> {
    /// None yet, over the view that the decision rests on.
    pub(crate) fn new(view: &'v View) -> Self {
        // Room for what nearly every decision writes: records are large, and growing would move them.
        Self { view, writes: Vec::with_capacity(8) }
    }

    /// The last write of a key is the one that counts: a store may refuse a commit that names a key twice (etcd does).
    fn set(&mut self, key: Key, record: Option<Record>) {
        self.writes.retain(|(known, _)| *known != key);
        self.writes.push((key, record));
    }

    /// Writes a record, and what follows from it.
    ///
    /// # Errors
    ///
    /// If the record that it takes the place of is not loaded.
    pub(crate) fn put(&mut self, record: impl Into<Record>) -> Asked<()> {
        let record = record.into();
        let key = record.key().expect("marks and claims follow from records");
        self.replace(key, Some(record))
    }

    /// Writes a record whose key says more than it does.
    ///
    /// # Errors
    ///
    /// If the record that it takes the place of is not loaded.
    pub(crate) fn put_at(&mut self, key: Key, record: impl Into<Record>) -> Asked<()> {
        self.replace(key, Some(record.into()))
    }

    /// Deletes a record, and what follows from it; if there is none, nothing is written.
    ///
    /// # Errors
    ///
    /// If the record is not loaded.
    pub(crate) fn delete(&mut self, key: Key) -> Asked<()> {
        self.replace(key, None)
    }

    fn replace(&mut self, key: Key, new: Option<Record>) -> Asked<()> {
        let old = self.view.get(&key)?;
        if old.is_none() && new.is_none() {
            return Ok(());
        }
        let (before, after) = (
            old.map(record::derived).unwrap_or_default(),
            new.as_ref().map(record::derived).unwrap_or_default(),
        );
        for (gone, _) in before.iter().filter(|(key, _)| after.iter().all(|(at, _)| at != key)) {
            self.set(gone.clone(), None);
        }
        for (key, entry) in after {
            if !before.iter().any(|(at, there)| *at == key && *there == entry) {
                self.set(key, Some(entry.into()));
            }
        }
        let (was, is) = (old.and_then(record::on_edge), new.as_ref().and_then(record::on_edge));
        if was != is {
            for part in [was, is].into_iter().flatten() {
                self.mark(part.marker());
            }
        }
        let (was, is) = (old.and_then(led_to), new.as_ref().and_then(led_to));
        if was != is {
            let gateways = [was, is].into_iter().flatten().map(|(gateway, _)| gateway);
            let marks: Vec<Key> = gateways.map(key::dx_attachments_changed).collect();
            marks.into_iter().for_each(|mark| self.mark(mark));
        }
        self.set(key, new);
        Ok(())
    }

    /// Writes a key that has no record behind it: a marker, or a deadline that the settings decide.
    pub(crate) fn mark(&mut self, key: Key) {
        self.set(key, Some(Record::Mark));
    }

    /// Deletes such a key.
    pub(crate) fn unmark(&mut self, key: Key) {
        self.set(key, None);
    }

    /// The decision that all of this makes, with the counters of quotas that follow from it.
    ///
    /// # Errors
    ///
    /// If such a counter is not loaded.
    pub(crate) fn decision<T>(mut self, outcome: T) -> Asked<Decision<T>> {
        quota::count(self.view, &mut self.writes)?;
        Ok(Decision { writes: self.writes, outcome })
    }
}
