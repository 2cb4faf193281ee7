//! Lists that share what they have in common: neither making the next one of a list nor finding out what differs between the two
//! grows with what stays as it was.

use std::fmt;
use std::sync::Arc;

use crate::difference::{Change, differing};

/// How many items a piece has at most; a list begins with pieces half as long, which leaves room.
const LONGEST: usize = 64;

/// Something with an id.
pub trait Identified {
    /// What no two in a list have in common.
    type Id: Ord;
    /// It.
    fn id(&self) -> &Self::Id;
}

/// Items in the order of their ids, in pieces that other lists may have as well. Cheap to clone.
pub struct List<T> {
    pieces: Arc<Vec<Piece<T>>>,
}

/// Never empty.
type Piece<T> = Arc<Vec<Arc<T>>>;

impl<T> List<T> {
    /// The items in order.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<T>> {
        self.pieces.iter().flat_map(|piece| piece.iter())
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.pieces.iter().map(|piece| piece.len()).sum()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// Whether it is this very list: an equal one may be another.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.pieces, &other.pieces)
    }
}

impl<T: Identified> List<T> {
    /// The item of an id.
    #[must_use]
    pub fn find(&self, id: &T::Id) -> Option<&Arc<T>> {
        let (piece, at) = self.place(id).ok()?;
        Some(&self.pieces[piece][at])
    }

    /// Puts an item into its place, or into that of the one with its id.
    pub fn put(&mut self, item: Arc<T>) {
        let place = self.place(item.id());
        let pieces = Arc::make_mut(&mut self.pieces);
        let number = match place {
            Ok((number, at)) => {
                Arc::make_mut(&mut pieces[number])[at] = item;
                number
            }
            Err(_) if pieces.is_empty() => {
                pieces.push(Arc::new(vec![item]));
                0
            }
            Err((number, at)) => {
                Arc::make_mut(&mut pieces[number]).insert(at, item);
                number
            }
        };
        if pieces[number].len() > LONGEST {
            let rest = Arc::make_mut(&mut pieces[number]).split_off(LONGEST / 2);
            pieces.insert(number + 1, Arc::new(rest));
        }
    }

    /// Takes out the item of an id, if there is one.
    pub fn remove(&mut self, id: &T::Id) {
        let Ok((number, at)) = self.place(id) else { return };
        let pieces = Arc::make_mut(&mut self.pieces);
        match pieces[number].len() {
            1 => drop(pieces.remove(number)),
            _ => drop(Arc::make_mut(&mut pieces[number]).remove(at)),
        }
    }

    /// The piece and the place in it where an id is, or else where it would be.
    fn place(&self, id: &T::Id) -> Result<(usize, usize), (usize, usize)> {
        let ends_before = |piece: &Piece<T>| piece.last().is_some_and(|last| last.id() < id);
        let number = self.pieces.partition_point(ends_before);
        // What comes after everything is put into the last piece.
        let number = number.min(self.pieces.len().saturating_sub(1));
        let piece = self.pieces.get(number).map_or(&[][..], |piece| piece);
        let at = piece.binary_search_by(|one| one.id().cmp(id));
        at.map(|at| (number, at)).map_err(|at| (number, at))
    }
}

impl<T: Identified + Eq> List<T> {
    /// What is not the same in both. Pieces that both have are not even looked into.
    pub(crate) fn differing<'a>(&'a self, next: &'a Self) -> Vec<Change<'a, T>> {
        // Pieces are in the order of what they begin with.
        let pieces = differing(&*self.pieces, &*next.pieces, |piece| piece[0].id());
        let was = pieces.iter().filter_map(|(was, _)| *was).flat_map(|piece| piece.iter());
        let is = pieces.iter().filter_map(|(_, is)| *is).flat_map(|piece| piece.iter());
        differing(was, is, T::id)
    }
}

impl<T: Identified> FromIterator<Arc<T>> for List<T> {
    fn from_iter<I: IntoIterator<Item = Arc<T>>>(items: I) -> Self {
        let mut items: Vec<Arc<T>> = items.into_iter().collect();
        items.sort_by(|a, b| a.id().cmp(b.id()));
        let pieces = items.chunks(LONGEST / 2).map(|piece| Arc::new(piece.to_vec()));
        Self { pieces: Arc::new(pieces.collect()) }
    }
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        Self { pieces: Arc::clone(&self.pieces) }
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { pieces: Arc::default() }
    }
}

/// By what is in it, however that is cut.
impl<T: Eq> PartialEq for List<T> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl<T: Eq> Eq for List<T> {}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// A number and what it stands for.
    type Item = (u16, u8);

    impl Identified for Item {
        type Id = u16;

        fn id(&self) -> &u16 {
            &self.0
        }
    }

    #[derive(Clone, Debug)]
    enum Edit {
        Put(Item),
        Remove(u16),
    }

    fn edits() -> impl Strategy<Value = Vec<Edit>> {
        let put = (0..300_u16, 0..2_u8).prop_map(Edit::Put);
        prop::collection::vec(prop_oneof![put, (0..300_u16).prop_map(Edit::Remove)], 0..200)
    }

    fn list(map: &BTreeMap<u16, u8>) -> List<Item> {
        map.iter().map(|(id, what)| Arc::new((*id, *what))).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// It is what a map would be, and what differs is what differs between maps.
        #[test]
        fn a_list_is_a_map_that_is_shared(
            first in prop::collection::btree_map(0..300_u16, 0..2_u8, 0..250), edits in edits()
        ) {
            let (held, mut map) = (list(&first), first.clone());
            let mut next = held.clone();
            prop_assert!(next.is_same(&held));
            for edit in edits {
                match edit {
                    Edit::Put(item) => {
                        next.put(Arc::new(item));
                        map.insert(item.0, item.1);
                    }
                    Edit::Remove(id) => {
                        next.remove(&id);
                        map.remove(&id);
                    }
                }
            }
            prop_assert_eq!(&held, &list(&first), "what shares with it is not changed");
            prop_assert_eq!(&next, &list(&map));
            prop_assert_eq!((next.len(), next.is_empty()), (map.len(), map.is_empty()));
            prop_assert!(next.pieces.iter().all(|piece| (1..=LONGEST).contains(&piece.len())));
            for id in 0..300 {
                prop_assert_eq!(next.find(&id).map(|one| one.1), map.get(&id).copied());
            }
            let anew = list(&map);
            prop_assert_eq!(held.differing(&next), held.differing(&anew));
            let mut back = next.clone();
            for (was, is) in next.differing(&held) {
                was.iter().for_each(|was| back.remove(&was.0));
                is.iter().for_each(|is| back.put(Arc::clone(is)));
            }
            prop_assert_eq!(&back, &held);
        }
    }

    #[test]
    fn pieces_that_both_have_are_not_looked_into() {
        let held = list(&(0..1000).map(|id| (id, 0)).collect());
        let mut next = held.clone();
        next.put(Arc::new((500, 1)));
        next.remove(&7);
        let pieces = held.pieces.iter().zip(next.pieces.iter());
        let others = pieces.filter(|(held, next)| !Arc::ptr_eq(held, next)).count();
        assert_eq!(others, 2);
        let ids = |(was, is): &Change<'_, Item>| (was.map(|one| one.0), is.map(|one| one.0));
        let changes: Vec<_> = held.differing(&next).iter().map(ids).collect();
        assert_eq!(changes, [(Some(7), None), (Some(500), Some(500))]);
    }
}
