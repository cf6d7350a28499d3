//! Sorting and collecting with little code.
//!
//! The compiler instantiates the sort of the standard library for each type that is sorted: 12 KB in the binary of each suite. All sorts of
//! this module use one instance, which sorts positions. `collect` into a `BTreeMap` or `BTreeSet` sorts too, so that [`map_of`] and
//! [`set_of`] insert the items one by one.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// Sorts a slice. Equal items keep their order.
pub(crate) fn sort<T: Ord>(items: &mut [T]) {
    sort_by(items, T::cmp);
}

/// Sorts a slice by a key that is computed for each comparison. Items with equal keys keep their order.
pub(crate) fn sort_by_key<T, K: Ord>(items: &mut [T], key: impl Fn(&T) -> K) {
    sort_by(items, |left, right| key(left).cmp(&key(right)));
}

/// Sorts a slice by a key that is computed once for each item. Items with equal keys keep their order.
pub(crate) fn sort_by_cached_key<T, K: Ord>(items: &mut [T], key: impl FnMut(&T) -> K) {
    let keys: Vec<K> = items.iter().map(key).collect();
    let order = sorted_positions(items.len(), &|left, right| keys[left].cmp(&keys[right]));
    arrange(items, order);
}

/// Sorts a slice by a comparison. Equal items keep their order.
pub(crate) fn sort_by<T>(items: &mut [T], compare: impl Fn(&T, &T) -> Ordering) {
    let order = sorted_positions(items.len(), &|left, right| compare(&items[left], &items[right]));
    arrange(items, order);
}

/// Collects a map. The last value for a key counts.
pub(crate) fn map_of<K: Ord, V>(entries: impl IntoIterator<Item = (K, V)>) -> BTreeMap<K, V> {
    let mut map = BTreeMap::new();
    for (key, value) in entries {
        map.insert(key, value);
    }
    map
}

/// Collects a set.
pub(crate) fn set_of<T: Ord>(items: impl IntoIterator<Item = T>) -> BTreeSet<T> {
    let mut set = BTreeSet::new();
    for item in items {
        set.insert(item);
    }
    set
}

/// The positions of items in their sorted order.
fn sorted_positions(count: usize, compare: &dyn Fn(usize, usize) -> Ordering) -> Vec<usize> {
    let mut positions: Vec<usize> = (0..count).collect();
    positions.sort_by(|left, right| compare(*left, *right));
    positions
}

/// Moves the items so that the item at `order[i]` comes to `i`.
fn arrange<T>(items: &mut [T], mut order: Vec<usize>) {
    for start in 0..order.len() {
        // Follows one cycle of the permutation. Each item is moved to its place once.
        let mut position = start;
        while order[position] != start {
            let source = order[position];
            items.swap(position, source);
            order[position] = position;
            position = source;
        }
        order[position] = position;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn items_are_sorted_stably(keys in proptest::collection::vec(0_u8..8, 0..60)) {
            let items: Vec<(u8, usize)> = keys.into_iter().zip(0..).collect();
            let mut expected = items.clone();
            expected.sort_by_key(|(key, _)| *key);
            let mut by_key = items.clone();
            sort_by_key(&mut by_key, |(key, _)| *key);
            prop_assert_eq!(&by_key, &expected);
            let mut by_cached_key = items.clone();
            sort_by_cached_key(&mut by_cached_key, |(key, _)| key.to_string());
            prop_assert_eq!(&by_cached_key, &expected);
            let mut whole = items.clone();
            whole.reverse();
            sort(&mut whole);
            prop_assert_eq!(&whole, &expected);
        }
    }

    #[test]
    fn last_value_for_a_key_counts() {
        assert_eq!(map_of([(2, 'a'), (1, 'b'), (2, 'c')]), BTreeMap::from([(1, 'b'), (2, 'c')]));
        assert_eq!(set_of([2, 1, 2]), BTreeSet::from([1, 2]));
    }
}
