//! The parts of a suite that several machines run, each without asking the others.

use std::cmp::Reverse;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::model::{Seed, mix};

/// Keeps the parts apart from the random order, whose seeds are small numbers.
const SALT: Seed = Seed(0x7368_6172_6420_6279);

/// The part of a test, counted from 1, by its name alone: tests that come and go change nobody else's.
#[must_use]
pub(crate) fn part_by_hash(name: &str, count: NonZeroU32) -> u32 {
    let part = mix(SALT, name) % u64::from(count.get());
    u32::try_from(part).unwrap_or_default() + 1
}

/// A test and how long it took in the past, if anyone knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Past<'n> {
    /// Its name.
    pub(crate) name: &'n str,
    /// Its length.
    pub(crate) took: Option<Duration>,
}

/// The parts of these, counted from 1, so that all parts take about equally long.
///
/// The longest first, each to the part that has least so far (Graham: "Bounds on multiprocessing timing anomalies", SIAM J. Appl.
/// Math. 1969); names decide between equals. Unknown tests count as the median of the known ones. The order of the input does not
/// matter.
#[must_use]
pub(crate) fn parts_by_durations(all: &[Past<'_>], count: NonZeroU32) -> Vec<u32> {
    let median = median(all.iter().filter_map(|past| past.took).collect());
    // A test that takes no time still has to be run by somebody: at least a microsecond spreads such tests.
    let weight = |past: &Past<'_>| past.took.unwrap_or(median).as_micros().max(1);
    let mut heaviest: Vec<usize> = (0..all.len()).collect();
    heaviest.sort_by_cached_key(|position| (Reverse(weight(&all[*position])), all[*position].name));
    // The first parts get the first tests, so that parts beyond the number of tests stay empty whatever their number is.
    let mut loads: Vec<u128> = vec![0; all.len().min(count.get() as usize)];
    let mut parts = vec![1; all.len()];
    for position in heaviest {
        let least = (1..).zip(&mut loads).min_by_key(|(part, load)| (**load, *part));
        if let Some((part, load)) = least {
            *load += weight(&all[position]);
            parts[position] = part;
        }
    }
    parts
}

fn median(mut known: Vec<Duration>) -> Duration {
    known.sort_unstable();
    known.get(known.len() / 2).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;
    use rand_chacha::ChaCha8Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::*;

    fn count(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    proptest! {
        #[test]
        fn every_test_is_in_one_part(names in proptest::collection::btree_set("[a-z:]{1,12}", 0..80), number in 1_u32..12) {
            let mut seen = BTreeSet::new();
            for part in 1..=number {
                for name in names.iter().filter(|name| part_by_hash(name, count(number)) == part) {
                    prop_assert!(seen.insert(name), "{name} is in two parts");
                }
            }
            prop_assert_eq!(seen.len(), names.len());
        }

        #[test]
        fn every_test_is_in_one_part_by_durations_and_every_machine_agrees(
            lengths in proptest::collection::btree_map("[a-z:]{1,12}", proptest::option::of(0_u64..1 << 40), 0..80),
            number in 1_u32..12,
            rotation in 0_usize..80,
        ) {
            let all: Vec<_> = lengths
                .iter()
                .map(|(name, micros)| Past { name, took: micros.map(Duration::from_micros) })
                .collect();
            let parts = parts_by_durations(&all, count(number));
            prop_assert_eq!(parts.len(), all.len());
            prop_assert!(parts.iter().all(|part| (1..=number).contains(part)));
            let mut rotated = all.clone();
            rotated.rotate_left(rotation.min(all.len()));
            let again = parts_by_durations(&rotated, count(number));
            let by_name = |all: &[Past<'_>], parts: &[u32]| -> BTreeMap<String, u32> {
                all.iter().map(|past| past.name.to_owned()).zip(parts.iter().copied()).collect()
            };
            prop_assert_eq!(by_name(&all, &parts), by_name(&rotated, &again));
        }

        /// The busiest part was the least busy one before it got its last test.
        #[test]
        fn no_part_has_more_than_the_mean_and_one_test(
            lengths in proptest::collection::vec(1_u64..1 << 30, 1..200), number in 1_u32..12,
        ) {
            let names: Vec<_> = (0..lengths.len()).map(|at| format!("test_{at}")).collect();
            let all: Vec<_> = names
                .iter()
                .zip(&lengths)
                .map(|(name, micros)| Past { name, took: Some(Duration::from_micros(*micros)) })
                .collect();
            let loads = loads(&all, number);
            let mean = lengths.iter().sum::<u64>() / u64::from(number);
            let longest = *lengths.iter().max().unwrap();
            prop_assert!(*loads.iter().max().unwrap() <= mean + longest);
        }
    }

    fn loads(all: &[Past<'_>], number: u32) -> Vec<u64> {
        let mut loads = vec![0; number as usize];
        for (past, part) in all.iter().zip(parts_by_durations(all, count(number))) {
            loads[part as usize - 1] += u64::try_from(past.took.unwrap_or_default().as_micros()).unwrap();
        }
        loads
    }

    #[test]
    fn more_parts_than_tests_need_no_more_memory_than_tests() {
        let all = ["a", "b", "c"].map(|name| Past { name, took: None });
        let mut parts = parts_by_durations(&all, NonZeroU32::MAX);
        parts.sort_unstable();
        assert_eq!(parts, [1, 2, 3]);
    }

    /// A length as those of real tests: most are short, a few are a hundred times as long.
    fn length(random: &mut ChaCha8Rng) -> Duration {
        let uniform = (f64::from(random.next_u32()) + 1.0) / (f64::from(u32::MAX) + 2.0);
        // Pareto with shape 1.3, from a millisecond to ten seconds.
        Duration::from_secs_f64((0.001 / uniform.powf(1.0 / 1.3)).min(10.0))
    }

    #[test]
    fn parts_take_equally_long_within_five_percent_of_the_ideal() {
        let mut worst = (0.0_f64, 0, 0);
        for seed in 0..20 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            for (tests, number) in [(100, 2), (100, 4), (200, 8), (500, 3), (1_000, 8), (1_000, 16), (5_000, 32)] {
                let names: Vec<_> = (0..tests).map(|at| format!("module::test_{at}")).collect();
                let all: Vec<_> = names.iter().map(|name| Past { name, took: Some(length(&mut random)) }).collect();
                let loads = loads(&all, number);
                #[expect(clippy::cast_precision_loss, reason = "some minutes in microseconds")]
                let seconds = |micros: u64| micros as f64 / 1e6;
                let longest = all.iter().filter_map(|past| past.took).max().unwrap_or_default().as_secs_f64();
                // No split makes a test shorter.
                let ideal = (seconds(loads.iter().sum()) / f64::from(number)).max(longest);
                let above = seconds(*loads.iter().max().unwrap()) / ideal - 1.0;
                if above > worst.0 {
                    worst = (above, tests, number);
                }
            }
        }
        println!("the worst split is {:.2} % above the ideal: {} tests in {} parts", worst.0 * 100.0, worst.1, worst.2);
        assert!(worst.0 <= 0.05, "{worst:?}");
    }

    #[test]
    fn an_unknown_test_counts_as_the_median() {
        let took = |seconds| Some(Duration::from_secs(seconds));
        let past = |name, took| Past { name, took };
        let all = [past("a", took(9)), past("b", took(5)), past("c", took(1)), past("new", None), past("newer", None)];
        // 9, 5, 5, 5, 1 in two parts: 9 + 5 and 5 + 5 + 1.
        assert_eq!(parts_by_durations(&all, count(2)), [1, 2, 2, 2, 1]);
    }

    #[test]
    fn a_part_never_changes() {
        // Machines of one run may have other builds of itest; they must agree.
        assert_eq!(
            ["a", "orders::pay", "orders::cards::visa"].map(|name| part_by_hash(name, count(1_000))),
            [458, 920, 598]
        );
    }

    #[test]
    fn parts_by_hash_are_about_equally_large() {
        for number in [2_u32, 3, 5, 7, 8, 12] {
            let mut sizes = vec![0_u32; number as usize];
            for test in 0..number * 1_000 {
                sizes[part_by_hash(&format!("orders::test_{test}"), count(number)) as usize - 1] += 1;
            }
            assert!(sizes.iter().all(|size| (880..1_120).contains(size)), "{sizes:?}");
        }
    }
}
