//! Tests that note when they run in the file that `JOURNAL` names.

use std::fs::OpenOptions;
use std::io::Write;
use std::time::Duration;

use itest::prelude::*;

itest::main!();

fn note(words: &str) {
    let Ok(path) = std::env::var("JOURNAL") else { return };
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{words}\n").as_bytes())).expect("the journal can be written");
}

/// Takes long enough to overlap with tests that run at the same time.
fn take_time() {
    std::thread::park_timeout(Duration::from_millis(15));
}

#[integration_test]
fn plain(info: &TestInfo, #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)] _number: u32) {
    note(info.id().as_str());
}

#[integration_test(serial = "printer", tags("serial"))]
fn prints(#[values(0, 1, 2, 3, 4)] number: u32) {
    note(&format!("begin {number}"));
    take_time();
    note(&format!("end {number}"));
}

#[integration_test(tags("parallel"))]
fn meets(#[values(0, 1, 2, 3, 4, 5)] number: u32) {
    note(&format!("begin {number}"));
    take_time();
    note(&format!("end {number}"));
}

#[integration_test(tags("data"))]
fn draws(mut random: TestRng, #[values(0, 1, 2)] _number: u32, info: &TestInfo) {
    note(&format!("{} {}", info.id(), random.number()));
}

#[integration_test(tags("failing"))]
fn fails(#[values(0, 1, 2, 3, 4, 5, 6, 7)] number: u32) {
    panic!("failure {number}");
}

#[integration_test(tags("slow"))]
async fn is_slow() {
    #[act("sleeps")]
    tokio::time::sleep(Duration::from_millis(400)).await;
    #[assert]
    note("slow done");
}

#[integration_test(tags("patient"))]
async fn waits_to_be_interrupted(teardown: &Teardown) {
    teardown.defer("leave in good order", async { note("torn down") });
    note("waiting");
    tokio::time::sleep(Duration::from_mins(5)).await;
}

#[integration_test(tags("stubborn"))]
fn blocks_until_killed() {
    note("waiting");
    std::thread::park_timeout(Duration::from_mins(5));
}

#[integration_test(tags("child"))]
async fn starts_a_child_and_crashes() {
    let child = tokio::process::Command::new("sleep").arg("300").spawn().expect("every system has sleep");
    note(&format!("child {}", child.id().unwrap_or_default()));
    std::process::abort();
}

#[integration_test(ignore = "for a pause", tags("leisurely"), timeout = "1s")]
async fn takes_its_time() {
    note("waiting");
    tokio::time::sleep(Duration::from_millis(700)).await;
}

#[integration_test(ignore = "fails every fourth time", tags("flaky"))]
fn fails_every_fourth_time() {
    note("run");
    let journal = std::env::var("JOURNAL").expect("it is set");
    let runs = std::fs::read_to_string(journal).expect("it was written").lines().count();
    assert_ne!(runs % 4, 0, "this was the {runs}th time");
}

#[integration_test(ignore = "fails at its first attempt", serial = "rest", tags("resting"), retries = 3)]
fn fails_at_first(info: &TestInfo, #[values(0, 1)] _number: u32) {
    note(&format!("attempt of {}", info.id()));
    let journal = std::env::var("JOURNAL").expect("it is set");
    let text = std::fs::read_to_string(journal).expect("it was written");
    let attempts = text.lines().filter(|line| *line == format!("attempt of {}", info.id())).count();
    assert!(attempts > 1, "this was attempt {attempts}");
}

#[integration_test(ignore = "fails always", tags("hopeless"), retries = 3)]
fn fails_in_every_attempt() {
    note("attempt");
    panic!("as always");
}
