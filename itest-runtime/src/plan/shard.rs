//! Shards: splits a suite into parts that several machines run without communicating.

use std::cmp::Reverse;
use std::num::NonZeroU32;
use std::time::Duration;

use crate::model::{Seed, mix, sort, sort_by_cached_key};

/// A seed for the hash of shards. It differs from the seeds of random orders, which are small numbers, so that shard
/// and order are independent.
const HASH_SEED: Seed = Seed(0x7368_6172_6420_6279);

/// The shard of a test, counted from 1. It depends only on the name, so that added and removed tests do not move other
/// tests.
#[must_use]
pub(crate) fn shard_by_hash(name: &str, count: NonZeroU32) -> u32 {
    let shard = mix(HASH_SEED, name) % u64::from(count.get());
    u32::try_from(shard).unwrap_or_default() + 1
}

/// A test and its past duration, if it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TimedTest<'n> {
    /// The name of the test.
    pub(crate) name: &'n str,
    /// The duration in past runs.
    pub(crate) duration: Option<Duration>,
}

/// The shard of each test, counted from 1, such that all shards take about the same time.
///
/// Tests are assigned from the longest to the shortest, each to the shard with the smallest load so far (Graham:
/// "Bounds on multiprocessing timing anomalies", SIAM J. Appl. Math. 1969). Tests of equal length are ordered by name.
/// A test of unknown duration counts as the median of the known ones. The result does not depend on the order of the
/// input.
#[must_use]
pub(crate) fn shards_by_durations(all: &[TimedTest<'_>], count: NonZeroU32) -> Vec<u32> {
    let median = median(all.iter().filter_map(|test| test.duration).collect());
    // Starting a test takes time even if its duration is zero: a minimum of one microsecond spreads such tests over the
    // shards.
    let weight = |test: &TimedTest<'_>| test.duration.unwrap_or(median).as_micros().max(1);
    let mut heaviest: Vec<usize> = (0..all.len()).collect();
    sort_by_cached_key(&mut heaviest, |position| (Reverse(weight(&all[*position])), all[*position].name));
    // The first shards get the first tests, so shards beyond the number of tests stay empty and need no load entry.
    let mut loads: Vec<u128> = vec![0; all.len().min(count.get() as usize)];
    let mut shards = vec![1; all.len()];
    for position in heaviest {
        let least = (1..).zip(&mut loads).min_by_key(|(shard, load)| (**load, *shard));
        if let Some((shard, load)) = least {
            *load += weight(&all[position]);
            shards[position] = shard;
        }
    }
    shards
}

fn median(mut known: Vec<Duration>) -> Duration {
    sort(&mut known);
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
        fn every_test_is_in_one_shard(names in proptest::collection::btree_set("[a-z:]{1,12}", 0..80), number in 1_u32..12) {
            let mut seen = BTreeSet::new();
            for shard in 1..=number {
                for name in names.iter().filter(|name| shard_by_hash(name, count(number)) == shard) {
                    prop_assert!(seen.insert(name), "{name} is in two shards");
                }
            }
            prop_assert_eq!(seen.len(), names.len());
        }

        #[test]
        fn shards_by_duration_are_disjoint_and_equal_on_every_machine(
            lengths in proptest::collection::btree_map("[a-z:]{1,12}", proptest::option::of(0_u64..1 << 40), 0..80),
            number in 1_u32..12,
            rotation in 0_usize..80,
        ) {
            let all: Vec<_> = lengths
                .iter()
                .map(|(name, micros)| TimedTest { name, duration: micros.map(Duration::from_micros) })
                .collect();
            let shards = shards_by_durations(&all, count(number));
            prop_assert_eq!(shards.len(), all.len());
            prop_assert!(shards.iter().all(|shard| (1..=number).contains(shard)));
            let mut rotated = all.clone();
            rotated.rotate_left(rotation.min(all.len()));
            let again = shards_by_durations(&rotated, count(number));
            let by_name = |all: &[TimedTest<'_>], shards: &[u32]| -> BTreeMap<String, u32> {
                all.iter().map(|test| test.name.to_owned()).zip(shards.iter().copied()).collect()
            };
            prop_assert_eq!(by_name(&all, &shards), by_name(&rotated, &again));
        }

        /// Before the shard with the largest load got its last test, it had the smallest load.
        #[test]
        fn no_shard_exceeds_the_mean_by_more_than_one_test(
            lengths in proptest::collection::vec(1_u64..1 << 30, 1..200), number in 1_u32..12,
        ) {
            let names: Vec<_> = (0..lengths.len()).map(|at| format!("test_{at}")).collect();
            let all: Vec<_> = names
                .iter()
                .zip(&lengths)
                .map(|(name, micros)| TimedTest { name, duration: Some(Duration::from_micros(*micros)) })
                .collect();
            let loads = loads(&all, number);
            let mean = lengths.iter().sum::<u64>() / u64::from(number);
            let longest = *lengths.iter().max().unwrap();
            prop_assert!(*loads.iter().max().unwrap() <= mean + longest);
        }
    }

    fn loads(all: &[TimedTest<'_>], number: u32) -> Vec<u64> {
        let mut loads = vec![0; number as usize];
        for (test, shard) in all.iter().zip(shards_by_durations(all, count(number))) {
            loads[shard as usize - 1] += u64::try_from(test.duration.unwrap_or_default().as_micros()).unwrap();
        }
        loads
    }

    #[test]
    fn memory_is_bounded_by_tests_and_not_by_shards() {
        let all = ["a", "b", "c"].map(|name| TimedTest { name, duration: None });
        let mut shards = shards_by_durations(&all, NonZeroU32::MAX);
        shards.sort_unstable();
        assert_eq!(shards, [1, 2, 3]);
    }

    /// A duration distributed like those of real tests: most are short, a few are a hundred times as long.
    fn length(random: &mut ChaCha8Rng) -> Duration {
        let uniform = (f64::from(random.next_u32()) + 1.0) / (f64::from(u32::MAX) + 2.0);
        // Pareto with shape 1.3, from a millisecond to ten seconds.
        Duration::from_secs_f64((0.001 / uniform.powf(1.0 / 1.3)).min(10.0))
    }

    #[test]
    fn shards_take_at_most_five_percent_longer_than_the_ideal() {
        let mut worst = (0.0_f64, 0, 0);
        for seed in 0..20 {
            let mut random = ChaCha8Rng::seed_from_u64(seed);
            for (tests, number) in [(100, 2), (100, 4), (200, 8), (500, 3), (1_000, 8), (1_000, 16), (5_000, 32)] {
                let names: Vec<_> = (0..tests).map(|at| format!("module::test_{at}")).collect();
                let all: Vec<_> =
                    names.iter().map(|name| TimedTest { name, duration: Some(length(&mut random)) }).collect();
                let loads = loads(&all, number);
                #[expect(clippy::cast_precision_loss, reason = "some minutes in microseconds")]
                let seconds = |micros: u64| micros as f64 / 1e6;
                let longest = all.iter().filter_map(|test| test.duration).max().unwrap_or_default().as_secs_f64();
                // A shard takes at least as long as its longest test.
                let ideal = (seconds(loads.iter().sum()) / f64::from(number)).max(longest);
                let above = seconds(*loads.iter().max().unwrap()) / ideal - 1.0;
                if above > worst.0 {
                    worst = (above, tests, number);
                }
            }
        }
        println!(
            "the worst split is {:.2} % above the ideal: {} tests in {} shards",
            worst.0 * 100.0,
            worst.1,
            worst.2
        );
        assert!(worst.0 <= 0.05, "{worst:?}");
    }

    #[test]
    fn test_of_unknown_duration_counts_as_the_median() {
        let seconds = |seconds| Some(Duration::from_secs(seconds));
        let timed = |name, duration| TimedTest { name, duration };
        let all = [
            timed("a", seconds(9)),
            timed("b", seconds(5)),
            timed("c", seconds(1)),
            timed("new", None),
            timed("newer", None),
        ];
        // 9, 5, 5, 5, 1 in two shards: 9 + 5 and 5 + 5 + 1.
        assert_eq!(shards_by_durations(&all, count(2)), [1, 2, 2, 2, 1]);
    }

    #[test]
    fn shard_of_a_name_never_changes() {
        // The machines of one run may use different builds of itest; they must agree on the shards.
        assert_eq!(
            ["a", "orders::pay", "orders::cards::visa"].map(|name| shard_by_hash(name, count(1_000))),
            [458, 920, 598]
        );
    }

    #[test]
    fn shards_by_hash_have_about_equal_size() {
        for number in [2_u32, 3, 5, 7, 8, 12] {
            let mut sizes = vec![0_u32; number as usize];
            for test in 0..number * 1_000 {
                sizes[shard_by_hash(&format!("orders::test_{test}"), count(number)) as usize - 1] += 1;
            }
            assert!(sizes.iter().all(|size| (880..1_120).contains(size)), "{sizes:?}");
        }
    }
}
