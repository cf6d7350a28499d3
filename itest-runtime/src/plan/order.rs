//! The order of a run.

use crate::model::{Case, Order, Seed};

/// Puts cases into the order of the run.
///
/// Random order sorts by a hash of seed and name, so it does not depend on what else is selected: two tests keep their
/// relative order when a filter takes away a third.
#[must_use]
pub(crate) fn ordered(mut cases: Vec<Case>, order: Order, seed: Seed) -> Vec<Case> {
    match order {
        Order::Random => {
            cases.sort_by_cached_key(|case| (mix(seed, case.id.as_str()), case.index));
        }
        Order::Declared => cases.sort_by_cached_key(declared_key),
        Order::Reverse => {
            cases.sort_by_cached_key(declared_key);
            cases.reverse();
        }
    }
    cases
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
/// FNV-1a over the text, then the finalizer of `SplitMix64` (Steele, Lea, Flood: "Fast splittable pseudorandom number
/// generators", OOPSLA 2014), which turns close inputs into distant outputs.
#[must_use]
pub(crate) fn mix(seed: Seed, text: &str) -> u64 {
    let start = 0xcbf2_9ce4_8422_2325 ^ seed.0.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let hashed = text.bytes().fold(start, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut mixed = hashed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
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
                    ordered(cases(count), order, Seed(seed)).iter().map(|case| case.index.0).collect();
                indices.sort_unstable();
                prop_assert_eq!(indices, (0..count).collect::<Vec<_>>());
            }
        }

        #[test]
        fn the_same_seed_gives_the_same_order_from_any_input(count in 0_u32..100, seed: u64) {
            let mut reversed = cases(count);
            reversed.reverse();
            let forward = ordered(cases(count), Order::Random, Seed(seed));
            let backward = ordered(reversed, Order::Random, Seed(seed));
            prop_assert_eq!(ids(&forward), ids(&backward));
        }

        #[test]
        fn a_filter_keeps_the_relative_order(count in 2_u32..100, seed: u64, drop_every in 2_u32..5) {
            let all = ordered(cases(count), Order::Random, Seed(seed));
            let kept = |case: &Case| !case.index.0.is_multiple_of(drop_every);
            let expected: Vec<_> = all.iter().filter(|case| kept(case)).map(|case| case.id.clone()).collect();
            let fewer = ordered(cases(count).into_iter().filter(kept).collect(), Order::Random, Seed(seed));
            prop_assert_eq!(expected, fewer.into_iter().map(|case| case.id).collect::<Vec<_>>());
        }
    }

    #[test]
    fn different_seeds_give_different_orders() {
        let first = ordered(cases(50), Order::Random, Seed(1));
        let second = ordered(cases(50), Order::Random, Seed(2));
        assert_ne!(ids(&first), ids(&second));
    }

    #[test]
    fn declared_order_is_the_source_order_and_reverse_its_mirror() {
        let declared = ordered(cases(20), Order::Declared, Seed(9));
        let lines: Vec<u32> = declared.iter().map(|case| declared_key(case).1).collect();
        assert!(lines.is_sorted());
        let mut reversed = ordered(cases(20), Order::Reverse, Seed(9));
        reversed.reverse();
        assert_eq!(ids(&declared), ids(&reversed));
    }

    #[test]
    fn the_hash_never_changes() {
        // Recorded runs name seeds; a new hash would silently give them another order.
        assert_eq!(mix(Seed(0), ""), 14_087_677_454_934_409_008);
        assert_eq!(mix(Seed(7), "orders::pay"), 8_351_061_556_835_427_476);
    }
}
