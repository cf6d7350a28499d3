//! Tests that end in every way a test can end.

use std::time::Duration;

use itest::prelude::*;

itest::main!();

/// A fixture that cannot be made.
struct Refused;

#[fixture]
fn refused() -> Result<Refused> {
    Err("the licence has expired")?;
    Ok(Refused)
}

/// A fixture that panics in its setup, after it has registered a teardown step.
struct Fragile;

#[fixture]
async fn fragile(teardown: &Teardown) -> Fragile {
    teardown.defer("give back what was taken", async { println!("given back") });
    assert!(std::hint::black_box(false), "dropped it");
    Fragile
}

/// A worker fixture that cannot be made. Its setup runs once, and every test that needs it gets the same error.
struct Unreachable;

#[fixture(scope = "worker")]
fn unreachable() -> Result<Unreachable, String> {
    println!("trying once");
    Err("no route to host".to_owned())
}

/// A fixture that is never ready.
struct Endless;

#[fixture]
async fn endless() -> Endless {
    std::future::pending().await
}

#[integration_test]
fn passes() {}

#[integration_test]
async fn passes_in_phases() {
    #[arrange]
    let basket = [1, 2];
    #[act("adds up")]
    let sum: i32 = basket.iter().sum();
    #[assert]
    assert_eq!(sum, 3);
}

#[integration_test]
async fn fails_in_assert() {
    #[act("adds up")]
    let sum = 1 + 1;
    #[assert]
    assert_eq!(sum, 3, "arithmetic");
}

#[integration_test]
async fn fails_in_act() -> Result {
    #[act]
    let port: u16 = "http".parse()?;
    #[assert]
    assert_eq!(port, 80);
    Ok(())
}

#[integration_test]
fn errors_in_arrange() -> Result {
    #[arrange]
    let port: u16 = "http".parse()?;
    #[act]
    let next = port + 1;
    #[assert]
    assert_eq!(next, 81);
    Ok(())
}

#[integration_test]
fn fails_without_phases() {
    panic!("plainly");
}

#[integration_test]
fn errors_in_setup(_refused: Refused) {}

#[integration_test]
fn panics_in_setup(_fragile: &Fragile) {}

#[integration_test(tags("unreachable"))]
fn needs_the_unreachable(_unreachable: &Unreachable) {}

#[integration_test(tags("unreachable"))]
fn needs_the_unreachable_too(_unreachable: &Unreachable) {}

#[integration_test]
fn times_out_in_setup(_endless: Endless) {}

#[integration_test(timeout = "100ms")]
async fn times_out_awaiting(teardown: &Teardown) {
    teardown.defer("tidy up", async { println!("tidied up") });
    #[act("waits for ever")]
    std::future::pending::<()>().await;
    #[assert]
    println!("never reached");
}

#[integration_test(timeout = "100ms")]
fn times_out_blocking() {
    #[act("sleeps like a stone")]
    std::thread::park_timeout(Duration::from_mins(10));
    #[assert]
    println!("never reached");
}

#[integration_test]
fn aborts() {
    #[act("gives up")]
    if std::hint::black_box(true) {
        std::process::abort();
    }
    #[assert]
    println!("never reached");
}

#[integration_test]
fn exits() {
    std::process::exit(0);
}

#[integration_test]
#[expect(unsafe_code, reason = "the test crashes its process")]
fn reads_invalid_memory() {
    // SAFETY: this is unsound on purpose: the invalid read ends the process.
    let value = unsafe { std::ptr::without_provenance::<u8>(16).read_volatile() };
    println!("never reached: {value}");
}

#[integration_test]
fn overflows_its_stack() {
    #[expect(unconditional_recursion, reason = "the stack is to overflow")]
    fn deeper(from: &[u8; 1024]) -> u8 {
        let mut copy = *from;
        copy[0] = copy[0].wrapping_add(1);
        deeper(&copy).wrapping_add(copy[1])
    }
    std::process::exit(i32::from(deeper(&[0; 1024])));
}

#[integration_test]
fn skips() {
    itest::skip!("no {} today", "luck");
}

#[integration_test]
fn misses_a_service() {
    itest::unavailable!("a quantum computer", "buy {}", "one");
}

#[integration_test(ignore = "takes a week")]
fn is_ignored() {}

#[integration_test]
fn overruns_its_budget() {
    #[act("thinks", within = "1ms")]
    std::thread::park_timeout(Duration::from_millis(30));
    #[assert]
    println!("the rest of the test still runs");
}

#[integration_test]
fn errors_in_teardown(teardown: &Teardown) {
    teardown.defer("return the key", async { println!("returned") });
    teardown.defer("close the door", async { Err::<(), _>("it is stuck") });
}

#[integration_test]
fn fails_and_errors_in_teardown(teardown: &Teardown) {
    teardown.defer("close the door", async { Err::<(), _>("it is stuck") });
    panic!("the real reason");
}

#[integration_test]
fn hangs_in_teardown(teardown: &Teardown) {
    teardown.defer("return the key", async { println!("returned") });
    teardown.defer("wait for the landlord", std::future::pending::<()>());
}

#[integration_test(retries = 2)]
fn passes_at_last() -> Result {
    let path = std::env::temp_dir().join("passes-at-last");
    let attempt = std::fs::read_to_string(&path).map_or(0, |text| text.len());
    std::fs::write(&path, "x".repeat(attempt + 1))?;
    println!("attempt {attempt} in process {}", std::process::id());
    assert_eq!(attempt, 2);
    std::fs::remove_file(&path)?;
    Ok(())
}
