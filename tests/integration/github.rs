//! What GitHub Actions is told.

use std::fs;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite};

const OUTCOMES: &str = env!("CARGO_BIN_EXE_suite-outcomes");

/// A suite in a job of GitHub Actions, whose workspace is a folder of the repository.
fn in_job<'t>(program: &str, dir: &'t TempDir) -> Result<Suite<'t>> {
    fs::write(dir.join("Cargo.lock"), "")?;
    let repository = dir.path().parent().ok_or("a temp dir is in a folder")?;
    Ok(Suite::new(program, dir)
        .env("GITHUB_ACTIONS", "true")
        .env("GITHUB_WORKSPACE", repository.display().to_string())
        .env("GITHUB_STEP_SUMMARY", summary(dir)))
}

fn summary(dir: &TempDir) -> String {
    dir.join("summary.md").display().to_string()
}

/// The properties and the message of each command of a kind.
fn commands(text: &str, kind: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(&format!("::{kind} ")));
    lines
        .filter_map(|line| line.split_once("::"))
        .map(|(properties, message)| (properties.to_owned(), message.to_owned()))
        .collect()
}

#[integration_test(tags("reports"))]
fn a_failure_is_shown_at_its_line(dir: &TempDir) -> Result<()> {
    let finished = in_job(OUTCOMES, dir)?.args(&["fails_in_assert", "passes"]).run()?;
    let text = finished.stdout();
    let errors = commands(&text, "error");
    let folder = dir.path().file_name().ok_or("a temp dir has a name")?.to_string_lossy().into_owned();
    let (properties, message) = errors.first().ok_or("no error")?;
    assert!(properties.starts_with(&format!("file={folder}/tests/suites/outcomes.rs,line=")), "{text}");
    assert!(properties.ends_with(",title=fails_in_assert failed in assert"), "{text}");
    assert_eq!(message, "assertion `left == right` failed: arithmetic%0A  left: 2%0A right: 3");
    assert_eq!(errors.len(), 1);
    let lines: Vec<_> = text.lines().collect();
    let result = lines.iter().position(|line| line.starts_with("test result")).ok_or("no result")?;
    assert!(lines[..result].iter().all(|line| !line.starts_with("::")), "it stands behind the report: {text}");
    Ok(())
}

#[integration_test(tags("reports"))]
fn there_are_at_most_ten_of_a_kind(dir: &TempDir) -> Result<()> {
    let limits = ["--setup-timeout", "300ms", "--teardown-timeout", "200ms"];
    let finished = in_job(OUTCOMES, dir)?.args(&limits).run()?;
    let text = finished.stdout();
    let counts = text.lines().find(|line| line.starts_with("test result")).unwrap_or_default();
    let failed = counts.split("; ").find_map(|part| part.strip_suffix(" failed")).ok_or("no count")?;
    let failed: usize = failed.parse()?;
    assert_eq!(commands(&text, "error").len(), 10);
    let notices = commands(&text, "notice");
    let more = format!("{} more failures; GitHub shows 10 of a kind, the log has all", failed - 10);
    assert_eq!(notices, [("title=itest".to_owned(), more)]);
    let warnings = commands(&text, "warning");
    assert!(warnings.iter().any(|(properties, _)| properties.ends_with("title=passes_at_last flaky")), "{warnings:?}");
    Ok(())
}

#[integration_test(tags("reports"))]
fn a_leak_is_a_warning(dir: &TempDir) -> Result<()> {
    let finished = in_job(env!("CARGO_BIN_EXE_suite-leaks"), dir)?.args(&["--exact", "leaves_a_thread"]).run()?;
    let warnings = commands(&finished.stdout(), "warning");
    assert!(warnings[0].0.ends_with("title=leaves_a_thread left something behind"), "{warnings:?}");
    assert!(warnings[0].1.contains("thread"), "{warnings:?}");
    Ok(())
}

#[integration_test(tags("reports"))]
fn what_a_test_says_is_no_command(dir: &TempDir) -> Result<()> {
    let arguments = ["says_what_a_report_cannot", "--ignored", "--retries", "0"];
    let finished = in_job(env!("CARGO_BIN_EXE_suite-hostile"), dir)?.args(&arguments).run()?;
    let text = finished.stdout();
    let errors = commands(&text, "error");
    assert_eq!(errors.len(), 1, "{text}");
    assert!(errors[0].1.contains("100%25%0D%0A::error::no"), "{errors:?}");
    // The runner trims a line before it looks at it.
    let obeyed = text.split(['\n', '\r']).filter(|line| line.trim_start().starts_with("::"));
    assert_eq!(obeyed.count(), 1, "{text}");
    assert!(text.contains("  | ::error::no"), "{text}");
    Ok(())
}

#[integration_test(tags("reports"))]
fn the_summary_of_the_step_has_a_table_of_each_suite(dir: &TempDir) -> Result<()> {
    fs::write(summary(dir), "# Before\n")?;
    for _ in 0..2 {
        in_job(OUTCOMES, dir)?.args(&["fails_in_assert", "passes_at_last", "passes", "--retries", "0"]).run()?;
    }
    let page = fs::read_to_string(summary(dir))?;
    assert!(page.starts_with("# Before\n### "), "{page}");
    assert_eq!(page.matches("| test | outcome | where | what |\n|---|---|---|---|\n| ").count(), 2, "{page}");
    assert!(page.contains("| fails\\_in\\_assert | failed in assert | "), "{page}");
    assert!(page.contains("<br>  left: 2<br> right: 3 |\n"), "{page}");
    assert!(page.contains("| passes\\_at\\_last | flaky | "), "{page}");
    assert!(page.contains("1 flaky, 1 failed"), "{page}");
    Ok(())
}

#[integration_test(tags("reports"))]
#[case::elsewhere(&[], &[("GITHUB_ACTIONS", "")], 0)]
#[case::asked_for(&["--annotations", "github"], &[("GITHUB_ACTIONS", "")], 1)]
#[case::not_wanted(&["--annotations", "none"], &[], 0)]
fn who_is_told_can_be_said(
    #[case] arguments: &[&str],
    #[case] variables: &[(&str, &str)],
    #[case] told: usize,
    dir: &TempDir,
) -> Result<()> {
    let mut suite = in_job(OUTCOMES, dir)?.args(&["fails_in_assert"]).args(arguments);
    for (name, value) in variables {
        suite = suite.env(name, *value);
    }
    assert_eq!(commands(&suite.run()?.stdout(), "error").len(), told);
    assert_eq!(fs::exists(summary(dir))?, told > 0);
    Ok(())
}

/// What a program reads stays as it expects it.
#[integration_test(tags("reports"))]
fn beside_json_the_commands_go_to_stderr(dir: &TempDir) -> Result<()> {
    let events = in_job(OUTCOMES, dir)?.events(&["fails_in_assert"])?;
    assert_eq!(events.outcomes().len(), 1);
    assert_eq!(commands(&events.finished.stderr(), "error").len(), 1);
    Ok(())
}

#[integration_test(tags("reports"))]
fn a_summary_that_cannot_be_written_is_told_and_nothing_else(dir: &TempDir) -> Result<()> {
    let suite = in_job(OUTCOMES, dir)?.env("GITHUB_STEP_SUMMARY", "/nowhere/at/all").args(&["--exact", "passes"]);
    let finished: Finished = suite.run()?;
    assert_eq!(finished.code(), Some(0));
    let message = "the summary of this step is not written: GITHUB_STEP_SUMMARY=/nowhere/at/all: ";
    assert!(finished.stderr().contains(message), "{}", finished.stderr());
    Ok(())
}
