//! Reports and records that are files.

use std::fs;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

const OUTCOMES: &str = env!("CARGO_BIN_EXE_suite-outcomes");

#[integration_test(tags("reports"))]
fn a_report_that_cannot_be_written_is_told_before_anything_runs(dir: &TempDir) -> Result<()> {
    fs::write(dir.join("file"), "in the way")?;
    let path = dir.join("file/junit.xml").display().to_string();
    let finished = Suite::new(OUTCOMES, dir).args(&["--junit", &path]).run()?;
    assert_eq!((finished.code(), finished.stdout().as_str()), (Some(2), ""));
    assert!(finished.stderr().contains(&format!("--junit {path}: ")), "{}", finished.stderr());
    Ok(())
}
