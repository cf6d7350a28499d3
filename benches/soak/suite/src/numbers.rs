//! The suite for the numbers. Tests write their own measurements to the file that `SOAK_JOURNAL` names.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;
use std::time::Instant;

use itest::prelude::*;
use serde::{Deserialize, Serialize};

itest::main!();

#[derive(Debug, Serialize, Deserialize)]
struct Trivial {
    process: u32,
}

#[fixture(scope = "session")]
fn trivial() -> Trivial {
    Trivial { process: std::process::id() }
}

#[integration_test]
fn needs_the_session(trivial: &Trivial) {
    assert_ne!(trivial.process, std::process::id());
}

/// Changes the working directory, so that itest replaces the worker for the next test.
#[integration_test]
fn needs_the_session_in_a_new_worker(
    trivial: &Trivial,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] _n: u32,
    #[values(0, 1, 2, 3)] _m: u32,
) -> Result<()> {
    assert_ne!(trivial.process, std::process::id());
    std::env::set_current_dir("/")?;
    Ok(())
}

#[teardown]
fn give_nothing_back(_number: u32) {}

/// The ledger of this process, which exists after its first durable step.
fn ledger() -> Result<PathBuf> {
    let sessions = PathBuf::from(std::env::var("ITEST_SESSION_DIR")?);
    let beginning = format!("ledger-{}-", std::process::id());
    for session in fs::read_dir(sessions)? {
        for entry in fs::read_dir(session?.path())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(&beginning) {
                return Ok(entry.path());
            }
        }
    }
    Err("there is no ledger".into())
}

/// Measures an entry of the ledger and a line of the same length that is synced to the same disk, alternately.
#[integration_test]
fn registers_many_durable_steps(teardown: &Teardown) -> Result<()> {
    teardown.durable(give_nothing_back, 100)?;
    let ledger = ledger()?;
    let before = fs::metadata(&ledger)?.len();
    teardown.durable(give_nothing_back, 100)?;
    let line = vec![b'x'; usize::try_from(fs::metadata(&ledger)?.len() - before)?];
    let beside = ledger.with_file_name("beside");
    let mut file = OpenOptions::new().create(true).append(true).open(&beside)?;
    let mut journal = Vec::new();
    for _ in 0..300 {
        let began = Instant::now();
        teardown.durable(give_nothing_back, 100)?;
        let entry = began.elapsed();
        let began = Instant::now();
        file.write_all(&line)?;
        file.sync_data()?;
        writeln!(journal, "{} {}", entry.as_nanos(), began.elapsed().as_nanos())?;
    }
    fs::remove_file(beside)?;
    fs::write(std::env::var("SOAK_JOURNAL")?, journal)?;
    Ok(())
}
