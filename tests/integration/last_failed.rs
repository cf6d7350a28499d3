//! `--last-failed` and `--failed-first`.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Suite};

fn run(dir: &TempDir, arguments: &[&str]) -> Result<Events> {
    Ok(Suite::new(env!("CARGO_BIN_EXE_suite-order"), dir).events(&[&["--jobs", "1"], arguments].concat())?)
}

#[integration_test(tags("last_failed"))]
fn last_failed_runs_only_the_failed_tests(dir: &TempDir) -> Result<()> {
    #[arrange]
    let first = run(dir, &["plain", "fails::number_3", "fails::number_5"])?;
    assert_eq!(first.summary()["failed"], 2);

    #[act]
    let again = run(dir, &["--last-failed"])?;

    #[assert]
    assert_eq!(again.outcomes().into_keys().collect::<Vec<_>>(), ["fails::number_3", "fails::number_5"]);
    assert_eq!(
        run(dir, &["plain", "--last-failed", "--no-tests", "pass"])?.order().len(),
        0,
        "a filter narrows it further"
    );
    Ok(())
}

#[integration_test(tags("last_failed"))]
fn failed_first_runs_the_failed_tests_first(dir: &TempDir) -> Result<()> {
    run(dir, &["fails::number_3", "fails::number_5"])?;
    let order = run(dir, &["plain", "fails", "--failed-first"])?.order();
    assert_eq!(order.len(), 20);
    let mut first = order[..2].to_vec();
    first.sort();
    assert_eq!(first, ["fails::number_3", "fails::number_5"]);
    Ok(())
}

#[integration_test(tags("last_failed"))]
fn last_failed_runs_all_tests_after_a_green_run(dir: &TempDir) -> Result<()> {
    assert_eq!(run(dir, &["plain", "--last-failed"])?.order().len(), 12);
    assert!(!dir.join("last-failed").exists(), "a green run leaves no file");
    run(dir, &["fails::number_3"])?;
    assert!(dir.join("last-failed").exists());
    Ok(())
}
