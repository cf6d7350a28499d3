//! The order of a run.

use std::cmp::Reverse;
use std::time::Duration;

use super::sort::{Named, by_hash, by_name};
use crate::model::{HarnessError, Order, Seed, mix};

/// The positions of these in the order of a run.
///
/// Random order sorts by a hash of seed and name, so it does not depend on what else is selected: two tests keep their
/// relative order when a filter takes away a third.
///
/// # Errors
///
/// Two cases of one name.
pub(crate) fn ordered(all: &[Named<'_>], order: Order, seed: Seed) -> Result<Vec<usize>, HarnessError> {
    if matches!(order, Order::Random | Order::LongestFirst) {
        return by_hash(all, |name| mix(seed, name));
    }
    let mut positions = by_name(all)?;
    positions.sort_by_cached_key(|position| declared_key(&all[*position]));
    if order == Order::Reverse {
        positions.reverse();
    }
    Ok(positions)
}

/// Lets those begin that took longest, so that none of them is alone at the end; unknown ones before all others, in the order that
/// they have.
pub(crate) fn longest_first(order: &mut [usize], took: impl Fn(usize) -> Option<Duration>) {
    order.sort_by_cached_key(|position| match took(*position) {
        None => (0, Reverse(Duration::ZERO)),
        Some(took) => (1, Reverse(took)),
    });
}

/// File, line, column, and the row of a test with several cases.
fn declared_key<'n>(case: &Named<'n>) -> (&'n str, u32, u32, u32) {
    let mut parts = case.location.rsplitn(3, ':');
    let column = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    let line = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    let file = parts.next().unwrap_or_default();
    (file, line, column, case.row)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Names and their places, of which a test can borrow.
    fn texts(count: u32) -> Vec<(String, String)> {
        (0..count).map(|number| (format!("module::test_{number}"), format!("a.rs:{}:1", (number * 37) % 101))).collect()
    }

    fn named(texts: &[(String, String)]) -> Vec<Named<'_>> {
        texts.iter().map(|(name, location)| Named { name, location, row: 0 }).collect()
    }

    fn names<'n>(all: &[Named<'n>], order: Order, seed: u64) -> Vec<&'n str> {
        ordered(all, order, Seed(seed)).unwrap().into_iter().map(|position| all[position].name).collect()
    }

    proptest! {
        #[test]
        fn every_order_keeps_every_case(count in 0_u32..200, seed: u64) {
            let texts = texts(count);
            for order in [Order::Random, Order::Declared, Order::Reverse] {
                let mut positions = ordered(&named(&texts), order, Seed(seed)).unwrap();
                positions.sort_unstable();
                prop_assert_eq!(positions, (0..texts.len()).collect::<Vec<_>>());
            }
        }

        #[test]
        fn the_same_seed_gives_the_same_order_from_any_input(count in 0_u32..100, seed: u64) {
            let texts = texts(count);
            let mut reversed = named(&texts);
            reversed.reverse();
            prop_assert_eq!(names(&named(&texts), Order::Random, seed), names(&reversed, Order::Random, seed));
        }

        #[test]
        fn a_filter_keeps_the_relative_order(count in 2_u32..100, seed: u64, drop_every in 2_usize..5) {
            let texts = texts(count);
            let all = named(&texts);
            let kept = |position: &usize| !position.is_multiple_of(drop_every);
            let expected: Vec<_> = ordered(&all, Order::Random, Seed(seed)).unwrap().into_iter().filter(kept).collect();
            let expected: Vec<_> = expected.into_iter().map(|position| all[position].name).collect();
            let fewer: Vec<_> = (0..all.len()).filter(kept).map(|position| all[position]).collect();
            prop_assert_eq!(expected, names(&fewer, Order::Random, seed));
        }
    }

    #[test]
    fn the_longest_begin_behind_the_unknown() {
        let took = [Some(3), None, Some(9), Some(3), None].map(|seconds| seconds.map(Duration::from_secs));
        let mut order = [4, 3, 2, 1, 0];
        longest_first(&mut order, |position| took[position]);
        assert_eq!(order, [4, 1, 2, 3, 0]);
    }

    #[test]
    fn different_seeds_give_different_orders() {
        let texts = texts(50);
        assert_ne!(names(&named(&texts), Order::Random, 1), names(&named(&texts), Order::Random, 2));
    }

    #[test]
    fn declared_order_is_the_source_order_and_reverse_its_mirror() {
        let texts = texts(20);
        let all = named(&texts);
        let declared = ordered(&all, Order::Declared, Seed(9)).unwrap();
        assert!(declared.iter().map(|position| declared_key(&all[*position]).1).is_sorted());
        let mut reversed = ordered(&all, Order::Reverse, Seed(9)).unwrap();
        reversed.reverse();
        assert_eq!(declared, reversed);
    }
}
