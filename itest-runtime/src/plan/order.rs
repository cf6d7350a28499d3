//! The order in which the cases of a run start.

use std::cmp::Reverse;
use std::time::Duration;

use super::sort::{NamedCase, by_hash, by_name};
use crate::model::{HarnessError, Order, Seed, mix, sort_by_cached_key};

/// The indices of the cases, in the order of the run.
///
/// Random order sorts by a hash of seed and name, so it does not depend on which other tests are selected: two tests
/// keep their relative order when a filter removes a third one.
///
/// # Errors
///
/// When two cases have the same name.
pub(crate) fn ordered(all: &[NamedCase<'_>], order: Order, seed: Seed) -> Result<Vec<usize>, HarnessError> {
    if matches!(order, Order::Random | Order::LongestFirst) {
        return by_hash(all, |name| mix(seed, name));
    }
    let mut positions = by_name(all)?;
    sort_by_cached_key(&mut positions, |position| declared_key(&all[*position]));
    if order == Order::Reverse {
        positions.reverse();
    }
    Ok(positions)
}

/// Sorts the longest cases to the front, so that none of them runs alone at the end. Cases without a known duration
/// come first of all, because they may be long; they keep their relative order.
pub(crate) fn longest_first(order: &mut [usize], duration: impl Fn(usize) -> Option<Duration>) {
    sort_by_cached_key(order, |position| match duration(*position) {
        None => (0, Reverse(Duration::ZERO)),
        Some(duration) => (1, Reverse(duration)),
    });
}

/// The sort key of the declared order: file, line, column, and the number of the case within its test.
fn declared_key<'n>(case: &NamedCase<'n>) -> (&'n str, u32, u32, u32) {
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

    /// Generated names and source locations, which outlive the cases that borrow them.
    fn texts(count: u32) -> Vec<(String, String)> {
        (0..count).map(|number| (format!("module::test_{number}"), format!("a.rs:{}:1", (number * 37) % 101))).collect()
    }

    fn named(texts: &[(String, String)]) -> Vec<NamedCase<'_>> {
        texts.iter().map(|(name, location)| NamedCase { name, location, row: 0 }).collect()
    }

    fn names<'n>(all: &[NamedCase<'n>], order: Order, seed: u64) -> Vec<&'n str> {
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
        fn filter_keeps_the_relative_order(count in 2_u32..100, seed: u64, drop_every in 2_usize..5) {
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
    fn longest_cases_start_after_those_of_unknown_duration() {
        let durations = [Some(3), None, Some(9), Some(3), None].map(|seconds| seconds.map(Duration::from_secs));
        let mut order = [4, 3, 2, 1, 0];
        longest_first(&mut order, |position| durations[position]);
        assert_eq!(order, [4, 1, 2, 3, 0]);
    }

    #[test]
    fn different_seeds_give_different_orders() {
        let texts = texts(50);
        assert_ne!(names(&named(&texts), Order::Random, 1), names(&named(&texts), Order::Random, 2));
    }

    #[test]
    fn declared_order_is_the_source_order_and_reverse_is_its_opposite() {
        let texts = texts(20);
        let all = named(&texts);
        let declared = ordered(&all, Order::Declared, Seed(9)).unwrap();
        assert!(declared.iter().map(|position| declared_key(&all[*position]).1).is_sorted());
        let mut reversed = ordered(&all, Order::Reverse, Seed(9)).unwrap();
        reversed.reverse();
        assert_eq!(declared, reversed);
    }
}
