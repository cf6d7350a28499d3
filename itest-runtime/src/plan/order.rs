//! The order of a run.

use super::sort::{Named, by_hash, by_name};
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
    let names: Vec<Named<'_>> = cases.iter().map(|case| Named(case.id.as_str(), case.location.as_str())).collect();
    let positions = match order {
        Order::Random => by_hash(&names, |name| mix(seed, name))?,
        Order::Declared | Order::Reverse => {
            let mut positions = by_name(&names)?;
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
