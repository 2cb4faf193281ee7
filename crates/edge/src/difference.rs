//! What differs between two lists that share most of their items.

use std::cmp::Ordering;
use std::sync::Arc;

/// Something before and after; one of them at least is there.
pub(crate) type Change<'a, T> = (Option<&'a Arc<T>>, Option<&'a Arc<T>>);

/// What is not the same in two lists in the order of ids. Items that are the very same are not even looked at; of lists that
/// are out of order, too much differs.
pub(crate) fn differing<'a, T: Eq, I: Ord + 'a>(
    held: impl IntoIterator<Item = &'a Arc<T>>,
    next: impl IntoIterator<Item = &'a Arc<T>>,
    id: impl Fn(&'a T) -> &'a I,
) -> Vec<Change<'a, T>> {
    let mut found = Vec::new();
    let (mut held, mut next) = (held.into_iter().peekable(), next.into_iter().peekable());
    loop {
        let change = match (held.peek(), next.peek()) {
            (Some(a), Some(b)) if Arc::ptr_eq(a, b) => (held.next(), next.next()),
            (Some(a), Some(b)) => match id(a).cmp(id(b)) {
                Ordering::Less => (held.next(), None),
                Ordering::Equal => (held.next(), next.next()),
                Ordering::Greater => (None, next.next()),
            },
            (Some(_), None) => (held.next(), None),
            (None, Some(_)) => (None, next.next()),
            (None, None) => return found,
        };
        if change.0 != change.1 {
            found.push(change);
        }
    }
}

/// The item of an id, in a list in their order.
pub(crate) fn find<'a, T, I: Ord + ?Sized>(
    list: &'a [Arc<T>],
    wanted: &I,
    id: impl Fn(&T) -> &I,
) -> Option<&'a Arc<T>> {
    list.binary_search_by(|one| id(one).cmp(wanted)).ok().map(|at| &list[at])
}

/// Takes the item of an id out of a list in their order.
pub(crate) fn remove<T, I: Ord>(list: &mut Vec<Arc<T>>, wanted: &I, id: impl Fn(&T) -> &I) {
    if let Ok(at) = list.binary_search_by(|one| id(one).cmp(wanted)) {
        list.remove(at);
    }
}

/// Puts an item into a list in the order of ids.
pub(crate) fn insert<T, I: Ord>(list: &mut Vec<Arc<T>>, item: &Arc<T>, id: impl Fn(&T) -> &I) {
    let at = list.partition_point(|one| id(one) < id(item));
    list.insert(at, Arc::clone(item));
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn list() -> impl Strategy<Value = Vec<Arc<(u8, u8)>>> {
        prop::collection::btree_map(0..12_u8, 0..3_u8, 0..8)
            .prop_map(|map| map.into_iter().map(Arc::new).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_differs_makes_one_of_the_other(held in list(), mut next in list(), shared in any::<u16>()) {
            for one in &mut next {
                let same = held.iter().find(|other| *other == one);
                if let Some(same) = same.filter(|one| shared >> one.0 & 1 == 1) {
                    *one = Arc::clone(same);
                }
            }
            let changes = differing(&held, &next, |one| &one.0);
            let mut edited = held.clone();
            for (was, is) in &changes {
                was.iter().for_each(|was| remove(&mut edited, &was.0, |one| &one.0));
                is.iter().for_each(|is| insert(&mut edited, is, |one| &one.0));
            }
            prop_assert_eq!(&edited, &next);
            for one in &next {
                prop_assert_eq!(find(&edited, &one.0, |one| &one.0), Some(one));
            }
            let unlike = |change: &Change<'_, (u8, u8)>| change.0 != change.1;
            prop_assert!(changes.iter().all(unlike));
            prop_assert_eq!(changes.is_empty(), held == next);
        }
    }
}
