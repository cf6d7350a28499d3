//! Tests that fail now and then, whatever runs before and beside them.

use std::collections::HashMap;
use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::hint::black_box;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use itest::prelude::*;

/// What a service does that nobody can foresee: below the limit, so often in a hundred.
fn happens(percent: u64) -> bool {
    RandomState::new().hash_one(Instant::now()) % 100 < percent
}

fn microseconds() -> Result<u128> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_micros())
}

/// Seven in sixteen: a `HashMap` has no first entry, and of two in four places the one that came first is there a bit more often.
#[integration_test]
fn the_first_colour_is_red() {
    let colours = HashMap::from([("red", 1), ("blue", 2)]);
    assert_eq!(colours.keys().next(), Some(&"red"));
}

/// One in two: the balancer goes by the clock.
#[integration_test]
fn the_first_server_answers() -> Result<()> {
    let server = 1 + microseconds()? % 2;
    assert_eq!(server, 1);
    Ok(())
}

/// Three in ten: what was written to the primary is not at the replica yet.
#[integration_test]
fn the_replica_knows_what_was_written() {
    let is_late = happens(30);
    assert!(!is_late, "the row is not there");
}

/// Three in ten: how long something takes is noise, and here it decides.
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

/// Hardly one in four: five reviewers in a `HashMap`, and the author is one of them.
#[integration_test]
fn the_first_reviewer_is_not_the_author() {
    let reviewers: HashMap<_, _> = ["ada", "grace", "edith", "mary", "joan"].into_iter().zip(0..).collect();
    assert_ne!(reviewers.keys().next(), Some(&"ada"));
}

/// One in five.
#[integration_test]
fn the_gateway_answers_at_once() {
    let is_slow = happens(20);
    assert!(!is_slow, "no answer within a second");
}

/// One in ten: a zero at the end of a fraction is not written.
#[integration_test]
fn a_time_stamp_has_six_digits() -> Result<()> {
    let fraction = format!("{:06}", microseconds()? % 1_000_000);
    assert_eq!(fraction.trim_end_matches('0').len(), 6);
    Ok(())
}

/// One in ten.
#[integration_test]
fn the_mail_is_delivered() {
    let is_lost = happens(10);
    assert!(!is_lost, "the mail is not there");
}

/// One in twenty.
#[integration_test]
fn the_queue_keeps_its_order() {
    let is_mixed = happens(5);
    assert!(!is_mixed, "the second message came first");
}

/// One in twenty: the job is done by the clock.
#[integration_test]
fn the_job_does_not_run_now() -> Result<()> {
    assert_ne!(microseconds()? % 20, 0);
    Ok(())
}

/// One in fifty.
#[integration_test]
fn the_connection_is_kept() {
    let is_reset = happens(2);
    assert!(!is_reset, "connection reset by peer");
}

/// One in a hundred.
#[integration_test]
fn the_ids_are_unique() {
    let is_taken = happens(1);
    assert!(!is_taken, "the id is taken");
}
