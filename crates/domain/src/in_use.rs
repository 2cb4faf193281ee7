//! What still hangs on something that is to be deleted: a commit compares that nothing does, and a refusal names what does.

use std::fmt;

use crate::fault::Fault;
use crate::key::Key;
use crate::record::Record;
use crate::view::{Asked, First, View};

/// How many are named; of the others their number is told.
const NAMED: usize = 3;

/// A list of what may hang on a thing.
pub(crate) struct Uses {
    /// What one of them is called.
    pub noun: &'static str,
    /// Their range of keys.
    pub range: Key,
}

/// Refuses a deletion while anything hangs on the thing.
///
/// # Errors
///
/// What must be loaded first, or a fault that names what hangs on it, behind the thing's own field and value.
pub(crate) fn refuse(
    view: &View,
    (field, value): (&str, &dyn fmt::Display),
    uses: &[Uses],
) -> Asked<()> {
    match named(view, uses)? {
        None => Ok(()),
        Some(named) => {
            let rule = format_args!("cannot be deleted while these are there: {named}");
            Err(Fault::field(field, value, rule).into())
        }
    }
}

/// What is in these lists, in words; `None` where all are empty, which the commit then compares.
///
/// # Errors
///
/// What must be loaded first.
pub(crate) fn named(view: &View, uses: &[Uses]) -> Asked<Option<String>> {
    view.want_empty(uses.iter().map(|uses| &uses.range))?;
    let mut parts = Vec::new();
    for Uses { noun, range } in uses {
        if !view.is_empty(range)? {
            parts.push(format!("{noun} {}", list(view.first(range)?)));
        }
    }
    Ok((!parts.is_empty()).then(|| parts.join("; ")))
}

/// `a, b, c and 4 more`.
fn list(first: &First) -> String {
    let ids: Vec<&str> = first.entries.iter().map(|(key, entry)| id(key, entry)).collect();
    let named = ids[..ids.len().min(NAMED)].join(", ");
    match (ids.len().saturating_sub(NAMED), first.is_cut) {
        (0, false) => named,
        (more, false) => format!("{named} and {more} more"),
        (more, true) => format!("{named} and more than {more} others"),
    }
}

/// What an entry stands for: a claim names it, an index has it as the last part of its key.
fn id<'a>(key: &'a Key, entry: &'a Record) -> &'a str {
    match entry {
        Record::Claim(claim) => claim.interface.as_str(),
        _ => key.last(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_names_the_first_and_counts_the_others() {
        let check = |count: usize, is_cut: bool, expected: &str| {
            let entry = |n| (Key::from_stored(format!("port/e/eth{n}")), Record::Mark);
            let first = First { entries: (1..=count).map(entry).collect(), is_cut };
            assert_eq!(list(&first), expected);
        };
        check(1, false, "eth1");
        check(3, false, "eth1, eth2, eth3");
        check(4, false, "eth1, eth2, eth3 and 1 more");
        check(100, false, "eth1, eth2, eth3 and 97 more");
        check(100, true, "eth1, eth2, eth3 and more than 97 others");
    }
}
