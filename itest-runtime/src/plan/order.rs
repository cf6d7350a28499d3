//! The order of a run.

use std::cmp::Ordering;

use crate::model::{Case, HarnessError, Order, Seed};

/// Puts cases into the order of the run.
///
/// Random order sorts by a hash of seed and name, so it does not depend on what else is selected: two tests keep their
/// relative order when a filter takes away a third.
///
/// # Errors
///
/// Two cases of one name.
pub(crate) fn ordered(cases: Vec<Case>, order: Order, seed: Seed) -> Result<Vec<Case>, HarnessError> {
    let positions = match order {
        Order::Random => {
            let mut keys: Vec<(u64, usize)> =
                (0..).zip(&cases).map(|(position, case)| (mix(seed, case.id.as_str()), position)).collect();
            // Equal hashes are equal names, or nearly never anything else: then the names decide.
            keys.sort_unstable_by(|left, right| match left.0.cmp(&right.0) {
                Ordering::Equal => cases[left.1].id.cmp(&cases[right.1].id),
                different => different,
            });
            let positions: Vec<usize> = keys.into_iter().map(|(_, position)| position).collect();
            refuse_duplicates(&cases, &positions)?;
            positions
        }
        Order::Declared | Order::Reverse => {
            let mut positions = by_name(&cases)?;
            positions.sort_by_cached_key(|position| declared_key(&cases[*position]));
            if order == Order::Reverse {
                positions.reverse();
            }
            positions
        }
    };
    let mut cases: Vec<Option<Case>> = cases.into_iter().map(Some).collect();
    Ok(positions.into_iter().filter_map(|position| cases[position].take()).collect())
}

/// The positions of cases, sorted by their names.
///
/// Names of one suite have much in common at their beginning, and this runs unoptimized: the sixteen bytes behind what is
/// common are compared as one number, and the names only where those are equal.
///
/// # Errors
///
/// Two cases of one name.
pub(crate) fn by_name(cases: &[Case]) -> Result<Vec<usize>, HarnessError> {
    let Some(first) = cases.first().map(|case| case.id.as_str().as_bytes()) else { return Ok(Vec::new()) };
    let common = cases.iter().fold(first.len(), |common, case| {
        let name = case.id.as_str().as_bytes();
        if name.starts_with(&first[..common]) {
            return common;
        }
        first.iter().zip(name).take_while(|(left, right)| left == right).count()
    });
    let key = |case: &Case| {
        let rest = &case.id.as_str().as_bytes()[common..];
        let mut bytes = [0; 16];
        let length = rest.len().min(16);
        bytes[..length].copy_from_slice(&rest[..length]);
        u128::from_be_bytes(bytes)
    };
    let mut keys: Vec<(u128, usize)> = cases.iter().map(key).zip(0..).collect();
    keys.sort_unstable_by(|left, right| match left.0.cmp(&right.0) {
        Ordering::Equal => cases[left.1].id.cmp(&cases[right.1].id),
        different => different,
    });
    let positions: Vec<usize> = keys.into_iter().map(|(_, position)| position).collect();
    refuse_duplicates(cases, &positions)?;
    Ok(positions)
}

/// In these positions equal names stand next to each other.
fn refuse_duplicates(cases: &[Case], positions: &[usize]) -> Result<(), HarnessError> {
    let twins = positions.array_windows().find(|[left, right]| cases[*left].id == cases[*right].id);
    let Some([left, right]) = twins else { return Ok(()) };
    let mut places = [*left, *right].map(|position| cases[position].location.to_string());
    places.sort();
    let [first, second] = places;
    Err(HarnessError::DuplicateTest { id: cases[*left].id.to_string(), first, second })
}

/// File, line, column, and the row of a test with several cases.
fn declared_key(case: &Case) -> (String, u32, u32, u32) {
    let mut parts = case.location.as_str().rsplitn(3, ':');
    let column = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    let line = parts.next().and_then(|part| part.parse().ok()).unwrap_or(0);
    let file = parts.next().unwrap_or_default().to_owned();
    (file, line, column, case.row)
}

/// A hash of a seed and a text, stable for good.
///
/// Eight bytes at a time are multiplied in and rotated, then the finalizer of `SplitMix64` (Steele, Lea, Flood: "Fast
/// splittable pseudorandom number generators", OOPSLA 2014) turns close inputs into distant outputs.
#[must_use]
pub(crate) fn mix(seed: Seed, text: &str) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let (chunks, rest) = text.as_bytes().as_chunks::<8>();
    let mut hash = seed.0.wrapping_mul(FACTOR) ^ text.len() as u64;
    for chunk in chunks {
        hash = (hash ^ u64::from_le_bytes(*chunk)).wrapping_mul(FACTOR).rotate_left(29);
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    hash = (hash ^ u64::from_le_bytes(last)).wrapping_mul(FACTOR);
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{CaseIndex, CaseMeta, SourceLocation, TestId};

    fn cases(count: u32) -> Vec<Case> {
        (0..count)
            .map(|number| Case {
                id: TestId::new(format!("module::test_{number}")),
                test: "module::test",
                index: CaseIndex(number),
                row: 0,
                location: SourceLocation::new(format!("tests/file.rs:{}:1", (number * 37) % 101)),
                meta: CaseMeta::PLAIN,
                locks: Vec::new(),
            })
            .collect()
    }

    fn ids(cases: &[Case]) -> Vec<&str> {
        cases.iter().map(|case| case.id.as_str()).collect()
    }

    proptest! {
        #[test]
        fn every_order_keeps_every_case(count in 0_u32..200, seed: u64) {
            for order in [Order::Random, Order::Declared, Order::Reverse] {
                let mut indices: Vec<u32> =
                    ordered(cases(count), order, Seed(seed)).unwrap().iter().map(|case| case.index.0).collect();
                indices.sort_unstable();
                prop_assert_eq!(indices, (0..count).collect::<Vec<_>>());
            }
        }

        #[test]
        fn the_same_seed_gives_the_same_order_from_any_input(count in 0_u32..100, seed: u64) {
            let mut reversed = cases(count);
            reversed.reverse();
            let forward = ordered(cases(count), Order::Random, Seed(seed)).unwrap();
            let backward = ordered(reversed, Order::Random, Seed(seed)).unwrap();
            prop_assert_eq!(ids(&forward), ids(&backward));
        }

        #[test]
        fn a_filter_keeps_the_relative_order(count in 2_u32..100, seed: u64, drop_every in 2_u32..5) {
            let all = ordered(cases(count), Order::Random, Seed(seed)).unwrap();
            let kept = |case: &Case| !case.index.0.is_multiple_of(drop_every);
            let expected: Vec<_> = all.iter().filter(|case| kept(case)).map(|case| case.id.clone()).collect();
            let fewer = ordered(cases(count).into_iter().filter(kept).collect(), Order::Random, Seed(seed)).unwrap();
            prop_assert_eq!(expected, fewer.into_iter().map(|case| case.id).collect::<Vec<_>>());
        }
    }

    proptest! {
        #[test]
        fn positions_by_name_are_what_sorting_gives(names in proptest::collection::hash_set("[ab:]{0,24}", 0..40)) {
            let mut all = cases(u32::try_from(names.len()).unwrap());
            for (case, name) in all.iter_mut().zip(&names) {
                case.id = TestId::new(format!("module::{name}"));
            }
            let sorted: Vec<_> = by_name(&all).unwrap().into_iter().map(|position| all[position].id.clone()).collect();
            prop_assert!(sorted.is_sorted());
            prop_assert_eq!(sorted.len(), names.len());
        }
    }

    #[test]
    fn different_seeds_give_different_orders() {
        let first = ordered(cases(50), Order::Random, Seed(1)).unwrap();
        let second = ordered(cases(50), Order::Random, Seed(2)).unwrap();
        assert_ne!(ids(&first), ids(&second));
    }

    #[test]
    fn declared_order_is_the_source_order_and_reverse_its_mirror() {
        let declared = ordered(cases(20), Order::Declared, Seed(9)).unwrap();
        let lines: Vec<u32> = declared.iter().map(|case| declared_key(case).1).collect();
        assert!(lines.is_sorted());
        let mut reversed = ordered(cases(20), Order::Reverse, Seed(9)).unwrap();
        reversed.reverse();
        assert_eq!(ids(&declared), ids(&reversed));
    }

    #[test]
    fn the_hash_never_changes() {
        // Recorded runs name seeds; a new hash would silently give them another order.
        assert_eq!(mix(Seed(0), ""), 0);
        assert_eq!(mix(Seed(7), "orders::pay"), 2_480_830_882_654_885_385);
    }
}
