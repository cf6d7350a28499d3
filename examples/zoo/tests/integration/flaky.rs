//! Flaky tests: they fail at random, whatever runs before them or at the same time.

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::hint::black_box;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use itest::prelude::*;

/// Returns true with this probability in percent, like an unpredictable service.
fn happens(percent: u64) -> bool {
    RandomState::new().hash_one(Instant::now()) % 100 < percent
}

fn microseconds() -> Result<u128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())
}

/// Fails in 7 of 16 runs, because the order of a `HashMap` is random. With two entries in four buckets, the first inserted one comes
/// first slightly more often.
#[integration_test]
fn the_first_colour_is_red() {
    let colours = HashMap::from([("red", 1), ("blue", 2)]);
    assert_eq!(colours.keys().next(), Some(&"red"));
}

/// Fails in 1 of 2 runs, because the balancer uses the clock.
#[integration_test]
fn the_first_server_answers() -> Result<()> {
    let server = 1 + microseconds()? % 2;
    assert_eq!(server, 1);
    Ok(())
}

/// Fails in 3 of 10 runs, because the replica lags behind the primary.
#[integration_test]
fn the_replica_knows_what_was_written() {
    let is_late = happens(30);
    assert!(!is_late, "the row is not there");
}

/// Fails in 3 of 10 runs, because the result depends on measured durations.
#[integration_test]
fn the_fastest_lap_wins() {
    let mut noise = DefaultHasher::new();
    for _ in 0..50 {
        let start = Instant::now();
        black_box((0..black_box(200_u64)).sum::<u64>());
        start.elapsed().hash(&mut noise);
    }
    assert!(noise.finish() % 10 >= 3, "another lap was faster");
}

/// Fails in slightly less than 1 of 4 runs, because the author is one of five reviewers in a `HashMap`.
#[integration_test]
fn the_first_reviewer_is_not_the_author() {
    let reviewers: HashMap<_, _> = ["ada", "grace", "edith", "mary", "joan"].into_iter().zip(0..).collect();
    assert_ne!(reviewers.keys().next(), Some(&"ada"));
}

/// Fails in 1 of 5 runs.
#[integration_test]
fn the_gateway_answers_at_once() {
    let is_slow = happens(20);
    assert!(!is_slow, "no answer within a second");
}

/// Fails in 1 of 10 runs, because a zero at the end of a fraction is not printed.
#[integration_test]
fn a_time_stamp_has_six_digits() -> Result<()> {
    let fraction = format!("{:06}", microseconds()? % 1_000_000);
    assert_eq!(fraction.trim_end_matches('0').len(), 6);
    Ok(())
}

/// Fails in 1 of 10 runs.
#[integration_test]
fn the_mail_is_delivered() {
    let is_lost = happens(10);
    assert!(!is_lost, "the mail is not there");
}

/// Fails in 1 of 20 runs.
#[integration_test]
fn the_queue_keeps_its_order() {
    let is_mixed = happens(5);
    assert!(!is_mixed, "the second message came first");
}

/// Fails in 1 of 20 runs, because the job depends on the clock.
#[integration_test]
fn the_job_does_not_run_now() -> Result<()> {
    assert_ne!(microseconds()? % 20, 0);
    Ok(())
}

/// Fails in 1 of 50 runs.
#[integration_test]
fn the_connection_is_kept() {
    let is_reset = happens(2);
    assert!(!is_reset, "connection reset by peer");
}

/// Fails in 1 of 100 runs.
#[integration_test]
fn the_ids_are_unique() {
    let is_taken = happens(1);
    assert!(!is_taken, "the id is taken");
}
