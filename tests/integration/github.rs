//! Annotations and step summaries for GitHub Actions.

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

/// The properties and the message of each workflow command of this kind.
fn commands(text: &str, kind: &str) -> Vec<(String, String)> {
    let lines = text.lines().filter_map(|line| line.strip_prefix(&format!("::{kind} ")));
    lines
        .filter_map(|line| line.split_once("::"))
        .map(|(properties, message)| (properties.to_owned(), message.to_owned()))
        .collect()
}

#[integration_test(tags("reports"))]
fn failure_becomes_an_error_annotation_at_its_line(dir: &TempDir) -> Result<()> {
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
    assert!(
        lines[..result].iter().all(|line| !line.starts_with("::")),
        "the annotation comes after the report: {text}"
    );
    Ok(())
}

#[integration_test(tags("reports"))]
fn at_most_ten_annotations_of_each_kind_are_written(dir: &TempDir) -> Result<()> {
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
fn leak_becomes_a_warning_annotation(dir: &TempDir) -> Result<()> {
    let finished = in_job(env!("CARGO_BIN_EXE_suite-leaks"), dir)?.args(&["--exact", "leaves_a_thread"]).run()?;
    let warnings = commands(&finished.stdout(), "warning");
    assert!(warnings[0].0.ends_with("title=leaves_a_thread left something behind"), "{warnings:?}");
    assert!(warnings[0].1.contains("thread"), "{warnings:?}");
    Ok(())
}

#[integration_test(tags("reports"))]
fn output_of_a_test_is_never_a_workflow_command(dir: &TempDir) -> Result<()> {
    let arguments = ["prints_what_reports_must_escape", "--ignored", "--retries", "0"];
    let finished = in_job(env!("CARGO_BIN_EXE_suite-hostile"), dir)?.args(&arguments).run()?;
    let text = finished.stdout();
    let errors = commands(&text, "error");
    assert_eq!(errors.len(), 1, "{text}");
    assert!(errors[0].1.contains("100%25%0D%0A::error::no"), "{errors:?}");
    // The runner of GitHub trims a line before it parses it.
    let obeyed = text.split(['\n', '\r']).filter(|line| line.trim_start().starts_with("::"));
    assert_eq!(obeyed.count(), 1, "{text}");
    assert!(text.contains("  | ::error::no"), "{text}");
    Ok(())
}

#[integration_test(tags("reports"))]
fn step_summary_has_a_table_for_each_run(dir: &TempDir) -> Result<()> {
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
#[case::flag(&["--annotations", "github"], &[("GITHUB_ACTIONS", "")], 1)]
#[case::not_wanted(&["--annotations", "none"], &[], 0)]
fn annotations_follow_the_flag_and_the_environment(
    #[case] arguments: &[&str],
    #[case] variables: &[(&str, &str)],
    #[case] annotations: usize,
    dir: &TempDir,
) -> Result<()> {
    let mut suite = in_job(OUTCOMES, dir)?.args(&["fails_in_assert"]).args(arguments);
    for (name, value) in variables {
        suite = suite.env(name, *value);
    }
    assert_eq!(commands(&suite.run()?.stdout(), "error").len(), annotations);
    assert_eq!(fs::exists(summary(dir))?, annotations > 0);
    Ok(())
}

/// The JSON on stdout stays readable for programs.
#[integration_test(tags("reports"))]
fn commands_go_to_stderr_when_stdout_is_json(dir: &TempDir) -> Result<()> {
    let events = in_job(OUTCOMES, dir)?.events(&["fails_in_assert"])?;
    assert_eq!(events.outcomes().len(), 1);
    assert_eq!(commands(&events.finished.stderr(), "error").len(), 1);
    Ok(())
}

#[integration_test(tags("reports"))]
fn unwritable_step_summary_is_only_a_warning(dir: &TempDir) -> Result<()> {
    let suite = in_job(OUTCOMES, dir)?.env("GITHUB_STEP_SUMMARY", "/nowhere/at/all").args(&["--exact", "passes"]);
    let finished: Finished = suite.run()?;
    assert_eq!(finished.code(), Some(0));
    let message = "the summary of this step is not written: GITHUB_STEP_SUMMARY=/nowhere/at/all: ";
    assert!(finished.stderr().contains(message), "{}", finished.stderr());
    Ok(())
}
