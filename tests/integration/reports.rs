//! Reports and records in files.

use std::fs;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

const OUTCOMES: &str = env!("CARGO_BIN_EXE_suite-outcomes");

#[integration_test(tags("reports"))]
fn unwritable_report_file_is_refused_before_any_test_runs(dir: &TempDir) -> Result<()> {
    fs::write(dir.join("file"), "in the way")?;
    let path = dir.join("file/junit.xml").display().to_string();
    let finished = Suite::new(OUTCOMES, dir).args(&["--junit", &path]).run()?;
    assert_eq!((finished.code(), finished.stdout().as_str()), (Some(2), ""));
    assert!(finished.stderr().contains(&format!("--junit {path}: ")), "{}", finished.stderr());
    Ok(())
}

#[integration_test(tags("reports"))]
fn failed_run_prints_its_record_and_a_replay_command(
    dir: &TempDir,
    #[values("", "own.itest")] file: &str,
) -> Result<()> {
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

#[integration_test(tags("reports"))]
fn ctrf_report_has_the_outcome_of_each_test(dir: &TempDir) -> Result<()> {
    #[arrange]
    let file = dir.join("reports/ctrf.json");
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir);
    let tests =
        ["passes", "passes_at_last", "fails_in_assert", "errors_in_arrange", "aborts", "skips", "--retries", "1"];

    #[act]
    let finished = suite.args(&[&["--exact", "--ctrf", &file.display().to_string()], &tests[..]].concat()).run()?;

    #[assert]
    assert_eq!(finished.code(), Some(101), "{}", finished.stderr());
    let report: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
    assert_eq!((&report["reportFormat"], &report["results"]["tool"]["name"]), (&"CTRF".into(), &"itest".into()));
    let all = report["results"]["tests"].as_array().cloned().unwrap_or_default();
    let of = |name: &str| all.iter().find(|test| test["name"] == name).cloned().unwrap_or_default();
    let statuses = ["passes", "passes_at_last", "fails_in_assert", "errors_in_arrange", "aborts"]
        .map(|name| of(name)["status"].clone());
    assert_eq!(statuses, ["passed", "passed", "failed", "failed", "failed"]);
    assert_eq!((&of("passes_at_last")["flaky"], &of("passes_at_last")["retries"]), (&true.into(), &2.into()));
    assert_eq!(of("passes_at_last")["retryAttempts"][0]["status"], "failed");
    assert!(of("fails_in_assert")["message"].as_str().is_some_and(|message| message.starts_with("failed in assert: ")));
    assert!(
        of("fails_in_assert")["line"].as_u64() > Some(0)
            && of("fails_in_assert")["filePath"] == "tests/suites/outcomes.rs"
    );
    let summary = &report["results"]["summary"];
    assert_eq!((&summary["tests"], &summary["failed"]), (&all.len().into(), &3.into()));
    assert!(summary["start"].as_u64() <= summary["stop"].as_u64());
    Ok(())
}

#[integration_test(tags("reports"))]
fn trace_has_a_slice_for_each_attempt_and_its_phases(dir: &TempDir) -> Result<()> {
    #[arrange]
    let file = dir.join("trace.json").display().to_string();
    let tests = ["--exact", "unanswered_request", "exchanges_of_a_failed_test"];

    #[act]
    Suite::new(env!("CARGO_BIN_EXE_suite-stand-ins"), dir).args(&tests).args(&["--trace", &file]).run()?;

    #[assert]
    let trace: serde_json::Value = serde_json::from_str(&fs::read_to_string(&file)?)?;
    let events = trace["traceEvents"].as_array().cloned().unwrap_or_default();
    let of = |category: &str| events.iter().filter(|event| event["cat"] == category).cloned().collect::<Vec<_>>();
    let names: std::collections::BTreeSet<_> = of("test").iter().map(|event| event["name"].to_string()).collect();
    assert_eq!(names, ["\"exchanges_of_a_failed_test\"".to_owned(), "\"unanswered_request\"".to_owned()].into());
    let end =
        |slice: &serde_json::Value| slice["ts"].as_u64().zip(slice["dur"].as_u64()).map(|(from, length)| from + length);
    for phase in of("phase") {
        let is_inside = |test: &serde_json::Value| {
            test["tid"] == phase["tid"] && test["ts"].as_u64() <= phase["ts"].as_u64() && end(&phase) <= end(test)
        };
        assert!(of("test").iter().any(is_inside), "{phase} is in no test: {events:#?}");
    }
    let (begins, ends): (Vec<_>, Vec<_>) = of("exchange").into_iter().partition(|event| event["ph"] == "b");
    assert!(begins.len() > 2 && begins.len() == ends.len(), "{events:#?}");
    Ok(())
}
