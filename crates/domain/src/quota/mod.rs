//! Quotas: how many there may be of what tenants can make, and the counters that a decision compares.
//!
//! A counter is a record of its own. [`Changes`](crate::decide) writes it in the commit of the change that it counts, from what
//! the old and the new record use ([`Stored::uses`](crate::stored)); as every record that a decision looked at it is compared, so
//! that of two callers who race for the last one exactly one wins.

mod counter;
mod limits;

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::decide::Context;
use crate::key::Key;
use crate::record::{self, Record};
use crate::stored::Stored;
use crate::view::{Asked, View};

pub use counter::{Counter, Use};
pub use limits::{Quota, Quotas};

/// How many of something there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// All of them.
    pub total: u32,
    /// Transit virtual interfaces or transit gateways among them; 0 where other things are counted.
    pub transit: u32,
}

impl Count {
    /// Nothing.
    pub const NONE: Self = Self { total: 0, transit: 0 };

    /// This much and that.
    #[must_use]
    pub const fn plus(self, more: Self) -> Self {
        Self {
            total: self.total.saturating_add(more.total),
            transit: self.transit.saturating_add(more.transit),
        }
    }

    /// This much without that; never below nothing, so that a counter that is too low refuses no deletion.
    #[must_use]
    pub const fn minus(self, less: Self) -> Self {
        Self {
            total: self.total.saturating_sub(less.total),
            transit: self.transit.saturating_sub(less.transit),
        }
    }
}

impl fmt::Display for Count {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.transit {
            0 => write!(f, "{}", self.total),
            transit => write!(f, "{} ({transit} of them transit)", self.total),
        }
    }
}

/// A counter's key says what it counts.
impl Stored for Count {
    fn key(&self) -> Option<Key> {
        None
    }
}

/// Refuses what has no room in a quota.
///
/// # Errors
///
/// What must be loaded first, or the quota that is used up.
pub(crate) fn room<'a>(
    view: &View,
    context: &Context<'_>,
    uses: impl IntoIterator<Item = Use<'a>>,
) -> Asked<()> {
    for Use { counter, count } in uses {
        let used = view.count(&counter)?.copied().unwrap_or_default();
        counter.admits(used, count, &context.settings.quotas)?;
    }
    Ok(())
}

/// Adds the counters that some writes of records change.
///
/// # Errors
///
/// The counters that must be loaded first.
pub(crate) fn count(view: &View, writes: &mut Vec<(Key, Option<Record>)>) -> Asked<()> {
    let mut changes: Vec<(Key, Count, Count)> = Vec::new();
    let mut change = |key: Key, less: Count, more: Count| match changes
        .iter_mut()
        .find(|(known, ..)| *known == key)
    {
        Some((_, known_less, known_more)) => {
            *known_less = known_less.plus(less);
            *known_more = known_more.plus(more);
        }
        None => changes.push((key, less, more)),
    };
    for (key, new) in writes.iter() {
        for used in view.known(key).map(record::uses).unwrap_or_default() {
            change(used.counter.key(), used.count, Count::NONE);
        }
        for used in new.as_ref().map(record::uses).unwrap_or_default() {
            change(used.counter.key(), Count::NONE, used.count);
        }
    }
    changes.retain(|(_, less, more)| less != more);
    view.want(changes.iter().map(|(key, ..)| key.clone()))?;
    for (key, less, more) in changes {
        let known = match view.get(&key)? {
            Some(Record::Count(count)) => *count,
            Some(_) => unreachable!("the codec gives each key the record of its kind"),
            None => Count::NONE,
        };
        let count = known.plus(more).minus(less);
        writes.push((key, (count != Count::NONE).then(|| count.into())));
    }
    Ok(())
}

/// The counters that must be there because of some records, for a migration and for a check.
#[derive(Debug, Default)]
pub struct Recount(BTreeMap<String, Count>);

impl Recount {
    /// Counts a record.
    pub fn add(&mut self, record: &Record) {
        for Use { counter, count } in record::uses(record) {
            let known = self.0.entry(counter.key().into_string()).or_default();
            *known = known.plus(count);
        }
    }

    /// The counters by key.
    #[must_use]
    pub fn counters(self) -> BTreeMap<String, Count> {
        self.0
    }
}
