//! Lying tests of each kind, with honest tests between them. The suite is small enough for a detection in seconds.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use itest::prelude::*;

itest::main!();

static LEFT_BEHIND: AtomicU32 = AtomicU32::new(0);
static PREPARED: AtomicU32 = AtomicU32::new(0);
static TIMES: AtomicU32 = AtomicU32::new(0);

#[integration_test]
fn leaves_a_number() {
    LEFT_BEHIND.store(1, Ordering::Relaxed);
}

#[integration_test]
fn expects_no_number() {
    assert_eq!(LEFT_BEHIND.load(Ordering::Relaxed), 0, "another test left a number");
}

#[integration_test]
fn needs_a_prepared_number() {
    assert_eq!(PREPARED.load(Ordering::Relaxed), 1, "no test prepared a number");
}

#[integration_test]
fn prepares_a_number() {
    PREPARED.store(1, Ordering::Relaxed);
}

#[integration_test]
fn counts_from_zero() {
    assert_eq!(TIMES.fetch_add(1, Ordering::Relaxed), 0, "the counter was used before");
}

fn shared_file() -> PathBuf {
    std::env::temp_dir().join("shared")
}

/// Writes to a shared file, waits, and expects its own text.
#[integration_test]
async fn writes_into_a_shared_file() -> Result<()> {
    std::fs::write(shared_file(), "mine")?;
    tokio::time::sleep(Duration::from_millis(8)).await;
    assert_eq!(std::fs::read_to_string(shared_file())?, "mine");
    Ok(())
}

#[integration_test]
async fn writes_into_the_same_file() -> Result<()> {
    for _ in 0..4 {
        std::fs::write(shared_file(), "theirs")?;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    Ok(())
}

#[integration_test]
fn is_wrong() {
    assert_eq!(2 + 2, 5);
}

/// A new `RandomState` is the source of randomness in the standard library.
#[integration_test]
fn is_decided_by_a_coin() {
    use std::hash::{BuildHasher, RandomState};
    assert!(RandomState::new().hash_one("coin") % 5 > 1, "tails");
}

struct Gone;

#[fixture]
fn gone() -> Result<Gone> {
    Err(itest::Error::new("no server listens on port 4711"))
}

#[integration_test]
fn needs_a_missing_service(_gone: &Gone) {}

#[integration_test]
fn needs_the_missing_service_too(_gone: &Gone) {}

#[integration_test]
fn is_honest(dir: TempDir, #[values(0, 1, 2, 3, 4, 5, 6, 7)] number: u32) -> Result<()> {
    std::fs::write(dir.join("own"), number.to_string())?;
    assert_eq!(std::fs::read_to_string(dir.join("own"))?, number.to_string());
    Ok(())
}
