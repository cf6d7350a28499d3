//! Random data that repeats with the run's seed, and claims that hold for every value.

use itest::prelude::*;

#[integration_test]
fn sorting_keeps_everything(mut random: TestRng, #[values(0, 1, 2, 3, 5, 8, 13, 21, 34, 55)] length: u64) {
    let mut numbers: Vec<u64> = (0..length).map(|_| random.within(0..=99)).collect();
    let sum: u64 = numbers.iter().sum();
    numbers.sort_unstable();
    assert!(numbers.is_sorted());
    assert_eq!(numbers.iter().sum::<u64>(), sum);
}

#[integration_test]
fn words_have_the_requested_length(mut random: TestRng, #[values(0, 1, 2, 4, 8, 16, 32, 64)] length: usize) {
    assert_eq!(random.word(length).len(), length);
}

#[integration_test]
fn numbers_keep_to_their_range(mut random: TestRng, #[values(1, 10, 100, 1000)] high: u64, #[values(0, 1)] low: u64) {
    assert!((0..100).all(|_| (low..=high).contains(&random.within(low..=high))));
}

/// Two words are the same with a probability of 36^-20.
#[integration_test]
fn names_are_unique(mut random: TestRng, #[values(0, 1, 2, 3, 4, 5)] _n: u32) {
    assert_ne!(random.word(20), random.word(20));
}
