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

#[integration_test(tags("reports"))]
fn a_failed_run_names_its_record(dir: &TempDir, #[values("", "own.itest")] file: &str) -> Result<()> {
    #[arrange]
    let own: &[&str] = if file.is_empty() { &[] } else { &["--record", file] };
    let suite = || Suite::new(OUTCOMES, dir).args(&["--exact", "fails_in_assert", "fails_in_act", "passes"]);
    let failed = suite().args(own).run()?.stdout();

    #[act]
    let line = failed.lines().find_map(|line| line.strip_prefix("record: ")).ok_or("no record is named")?;
    let (path, command) = line.split_once("; replay it with ").ok_or("no command is given")?;
    let replayed = Suite::new(OUTCOMES, dir).events(&["--replay", path])?;

    #[assert]
    assert!(path.starts_with('/') && command.ends_with(&format!("--replay {path}")), "{line}");
    assert_eq!(replayed.summary()["failed"], 2);
    let green = Suite::new(OUTCOMES, dir).args(&["--exact", "passes"]).run()?.stdout();
    assert!(!green.contains("record: "), "{green}");
    let none = suite().args(&["--records", "0"]).run()?.stdout();
    assert!(!none.contains("record: "), "{none}");
    Ok(())
}
