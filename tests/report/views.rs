//! What the views show of real runs.

use std::fs;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;
use serde_json::Value;

use crate::browser::{Appearance, Browser};
use crate::records::{OUTCOMES, STAND_INS, report_of, run_with_report};

#[integration_test]
async fn first_view_shows_the_outcome_and_each_cause_once(browser: &Browser, dir: &TempDir) -> Result<()> {
    #[arrange]
    let report = report_of(OUTCOMES, dir, &["--tag", "unreachable"])?;

    #[act]
    browser.set_appearance(Appearance::WIDE).await?;
    browser.open(&report, "").await?;
    let (verdict, causes) = (browser.text("h1").await?, browser.text(".causes").await?);

    #[assert]
    assert_eq!(verdict, "All 2 tests failed for 1 reason");
    assert_eq!(causes.matches("no route to host").count(), 1, "{causes}");
    assert!(causes.contains("2 tests") && causes.contains("same fixture and message"), "{causes}");
    assert!(causes.contains("needs_the_unreachable_too"), "{causes}");
    assert_eq!(browser.text("[data-view=overview]").await?, "Overview");
    assert_eq!(
        browser.run("return document.title").await?,
        "All 2 tests failed for 1 reason · itest-tests::suite_outcomes"
    );
    Ok(())
}

#[integration_test]
async fn green_run_is_green(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(OUTCOMES, dir, &["--exact", "passes", "passes_in_phases"])?;
    browser.open(&report, "").await?;
    assert_eq!(browser.text("h1").await?, "All 2 tests passed");
    assert_eq!(browser.run("return document.querySelector('.verdict').className").await?, "verdict passed");
    assert_eq!(browser.run("return document.querySelector('.causes')").await?, Value::Null);
    Ok(())
}

#[integration_test]
async fn failures_that_the_last_run_did_not_have_are_new(browser: &Browser, dir: &TempDir) -> Result<()> {
    #[arrange]
    let tests = ["--exact", "fails_in_act", "fails_in_assert"];
    let earlier = Suite::new(OUTCOMES, dir).args(&tests).run()?.stdout();
    let line = earlier.lines().find_map(|line| line.strip_prefix("record: ")).ok_or("no record is named")?;
    let record = line.split(';').next().unwrap_or_default();
    // In the earlier run, one of the tests passed.
    let events = fs::read_to_string(record)?;
    let change = |line: &str| {
        let is_changed = line.contains(r#""id":"fails_in_act""#);
        if is_changed { line.replacen(r#""outcome":"failed""#, r#""outcome":"passed""#, 1) } else { line.to_owned() }
    };
    fs::write(record, events.lines().map(change).collect::<Vec<_>>().join("\n") + "\n")?;

    #[act]
    let report = report_of(OUTCOMES, dir, &[&tests[..], &["passes"]].concat())?;
    browser.set_appearance(Appearance::WIDE).await?;
    browser.open(&report, "").await?;

    #[assert]
    let since = browser.text(".since").await?;
    assert!(since.contains("1 fails now and passed before\nfails_in_act"), "{since}");
    assert!(since.contains("1 failed before, too\nfails_in_assert"), "{since}");
    assert!(since.contains("1 was not in that run\npasses"), "{since}");
    browser.click(".news.failed > a").await?;
    browser.wait_for("document.querySelectorAll('.row').length === 1").await?;
    assert!(browser.text(".row").await?.contains("fails_in_act"));
    Ok(())
}

#[integration_test]
async fn view_of_a_test_shows_its_failure_phases_output_and_command(browser: &Browser, dir: &TempDir) -> Result<()> {
    #[arrange]
    let (report, finished) = run_with_report(OUTCOMES, dir, &["--exact", "fails_in_assert", "--seed", "7"])?;
    let stdout = finished.stdout();
    let repeat = stdout.lines().find_map(|line| line.strip_prefix("  repeat: ")).ok_or("no command is given")?;

    #[act]
    browser.set_appearance(Appearance::WIDE).await?;
    browser.open(&report, "").await?;
    browser.click(".cause .test-name").await?;
    browser.wait_for("document.querySelector('.view.test') !== null").await?;

    #[assert]
    assert_eq!(browser.run("return location.hash").await?, "#/test/fails_in_assert");
    assert_eq!(browser.text(".command").await?, repeat);
    let problem = browser.text(".problem").await?;
    assert!(problem.starts_with("Failed in assert\nat tests/suites/outcomes.rs:"), "{problem}");
    assert_eq!(browser.text(".is-left").await?, "left\n2");
    assert_eq!(browser.text(".is-right").await?, "right\n3");
    let phases = browser.text(".phases").await?;
    assert!(phases.contains("act, “adds up”") && phases.contains("assert"), "{phases}");
    assert!(browser.text(".test-facts").await?.contains("tests/suites/outcomes.rs:"));
    browser.click("[aria-label='Copy the command']").await?;
    browser.wait_for("document.querySelector('#announcement').textContent === 'Copied'").await?;
    Ok(())
}

#[integration_test]
async fn attempts_are_side_by_side(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(OUTCOMES, dir, &["--exact", "passes_at_last", "passes", "--retries", "2"])?;
    browser.open(&report, "").await?;
    let flaky = browser.text("section.flaky").await?;
    assert!(flaky.contains("passes_at_last"), "{flaky}");
    browser.click("section.flaky .test-name").await?;
    browser.wait_for("document.querySelectorAll('.attempt').length > 1").await?;
    let attempts = browser.text(".attempts").await?;
    assert!(attempts.contains("Attempt 1") && attempts.contains("failed") && attempts.contains("flaky"), "{attempts}");
    browser.click(".attempts li:first-child a").await?;
    browser.wait_for("location.hash.endsWith('?attempt=1') && document.querySelector('.problem') !== null").await?;
    Ok(())
}

#[integration_test]
async fn exchanges_are_on_the_timeline_with_their_bodies(browser: &Browser, dir: &TempDir) -> Result<()> {
    let report = report_of(STAND_INS, dir, &["--exact", "unanswered_request"])?;
    browser.set_appearance(Appearance::WIDE).await?;
    browser.open(&report, "#/test/unanswered_request").await?;
    let exchanges = browser.text(".exchanges").await?;
    assert!(exchanges.contains("no stub matches"), "{exchanges}");
    assert_ne!(browser.run("return document.querySelectorAll('.tick').length").await?, 0);
    browser.click(".exchange summary").await?;
    browser.wait_for("document.querySelector('.exchange details').open").await?;
    Ok(())
}

#[integration_test]
async fn run_view_has_a_lane_for_each_worker_and_says_where_the_time_went(
    browser: &Browser,
    dir: &TempDir,
) -> Result<()> {
    let tests = ["--exact", "passes", "passes_in_phases", "fails_in_act", "times_out_awaiting", "--jobs", "2"];
    let report = report_of(OUTCOMES, dir, &tests)?;
    browser.set_appearance(Appearance::WIDE).await?;
    browser.open(&report, "#/run").await?;
    let view = browser.text(".view.run").await?;
    assert!(view.contains("2 workers, "), "{view}");
    assert!(view.contains("teardown") && view.contains("idle"), "{view}");
    assert!(view.contains("itest-tests-suite_outcomes"), "{view}");
    // Not a single colour: the lanes were drawn.
    let colors = "const c = document.querySelector('canvas'); const d = c.getContext('2d').getImageData(0, 0, c.width, c.height).data; \
                  const s = new Set(); for (let i = 0; i < d.length; i += 4) s.add(d[i] * 65536 + d[i + 1] * 256 + d[i + 2]); return s.size;";
    assert!(browser.run(colors).await?.as_u64() > Some(4));
    Ok(())
}

#[integration_test]
async fn filters_have_addresses_that_open_the_same_list(browser: &Browser, dir: &TempDir) -> Result<()> {
    #[arrange]
    let report = report_of(OUTCOMES, dir, &["--exact", "passes", "fails_in_act", "needs_the_unreachable"])?;
    browser.set_appearance(Appearance::WIDE).await?;
    let rows = "return [...document.querySelectorAll('.row .test-name')].map((row) => row.textContent)";

    #[act]
    browser.open(&report, "#/tests").await?;
    browser.run("const s = document.getElementById('filter-outcome'); s.value = 'failing'; s.dispatchEvent(new Event('change'));").await?;
    browser.wait_for("document.querySelectorAll('.row').length === 2").await?;
    let address = browser.run("return location.hash").await?;

    #[assert]
    assert_eq!(address, "#/tests?outcome=failing");
    for (fragment, expected) in [
        ("#/tests?outcome=failing", vec!["fails_in_act", "needs_the_unreachable"]),
        ("#/tests?tag=unreachable", vec!["needs_the_unreachable"]),
        ("#/tests?text=ROUTE+host", vec!["needs_the_unreachable"]),
        ("#/tests?sort=name", vec!["fails_in_act", "needs_the_unreachable", "passes"]),
        ("#/tests?min=10000", vec![]),
    ] {
        browser.open(&report, fragment).await?;
        assert_eq!(browser.run(rows).await?, serde_json::to_value(&expected)?, "{fragment}");
    }
    Ok(())
}
