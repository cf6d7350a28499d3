//! Quarantine: known failures are reported, and do not fail a run until a given day.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite};

const ORDER: &str = env!("CARGO_BIN_EXE_suite-order");

/// An entry of `itest.toml`.
fn entry(test: &str, until: &str) -> String {
    format!(
        "[[quarantine]]\ntest = \"{test}\"\nowner = \"shop team\"\nreason = \"the sandbox is down\"\nuntil = {until}\n"
    )
}

/// A suite with an `itest.toml` of this text.
fn suite<'t>(dir: &'t TempDir, text: &str, arguments: &[&str]) -> Result<Suite<'t>> {
    std::fs::write(dir.join("itest.toml"), text)?;
    Ok(Suite::new(ORDER, dir).args(&["--jobs", "1"]).args(arguments))
}

fn run(dir: &TempDir, text: &str, arguments: &[&str]) -> Result<Finished> {
    Ok(suite(dir, text, arguments)?.run()?)
}

#[integration_test(tags("quarantine"))]
fn quarantined_failure_is_reported_and_does_not_fail_the_run(dir: &TempDir) -> Result<()> {
    #[act]
    let finished = run(dir, &entry("fails::number_3", "\"2999-12-31\""), &["fails::number_3", "plain"])?;

    #[assert]
    let text = finished.stdout();
    assert_eq!(finished.code(), Some(0), "{text}");
    let line = "test fails::number_3 ... ignored, quarantined (failed in test body; \
                until 2999-12-31, owner shop team: the sandbox is down)";
    for part in [
        line,
        "failures in quarantine:\n\n---- fails::number_3 ----",
        "failure 3",
        "1 failure in quarantine, counted as ignored; --quarantine ignore makes them count",
        "test result: ok. 12 passed; 0 failed; 1 ignored;",
    ] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
    assert!(!dir.join("last-failed").exists(), "--last-failed would run it again");
    Ok(())
}

#[integration_test(tags("quarantine"))]
fn machine_readable_reports_mark_quarantined_failures(dir: &TempDir) -> Result<()> {
    let junit = dir.join("report.xml").display().to_string();
    let arguments = ["fails::number_3", "fails::number_4", "--junit", &junit];
    let text = entry("fails::*", "2999-12-31");
    let events = suite(dir, &text, &[])?.events(&arguments)?;
    let case = events.case("fails::number_3");
    assert_eq!((&case["outcome"], &case["quarantine"]["owner"]), (&"failed".into(), &"shop team".into()));
    assert_eq!(case["quarantine"]["until"], "2999-12-31");
    let summary = events.summary();
    assert_eq!(
        (&summary["success"], &summary["quarantined"], &summary["failed"]),
        (&true.into(), &2.into(), &0.into())
    );

    let xml = std::fs::read_to_string(junit)?;
    let document = roxmltree::Document::parse(&xml)?;
    let skipped: Vec<_> = document.descendants().filter(|node| node.has_tag_name("skipped")).collect();
    assert_eq!(skipped.len(), 2, "{xml}");
    let message = skipped[0].attribute("message").unwrap_or_default();
    let expected = "quarantined (failed in test body; until 2999-12-31, owner shop team: the sandbox is down)";
    assert_eq!(message, expected);
    assert!(skipped[0].text().unwrap_or_default().contains("failure "), "{xml}");
    let property = |name: &str| document.descendants().any(|node| node.attribute("name") == Some(name));
    assert!(property("quarantine_owner") && property("quarantine_until"), "{xml}");
    assert!(!document.descendants().any(|node| node.has_tag_name("failure")), "{xml}");

    // A report from the record shows the quarantine, too.
    let again = suite(dir, "", &["--report", "last"])?.run()?;
    assert_eq!(again.code(), Some(0));
    assert!(again.stdout().contains("fails::number_3 ... ignored, quarantined"), "{}", again.stdout());
    Ok(())
}

#[integration_test(tags("quarantine"))]
fn quarantined_failure_does_not_trigger_fail_fast(dir: &TempDir) -> Result<()> {
    let text = entry("fails::number_3", "\"2999-12-31\"");
    let arguments = ["--exact", "fails::number_3", "fails::number_5", "--order", "declared", "--fail-fast"];
    let events = suite(dir, &text, &[])?.events(&arguments)?;
    assert_eq!(events.order(), ["fails::number_3", "fails::number_5"]);
    assert_eq!(events.finished.code(), Some(101), "the other one counts");
    Ok(())
}

/// nextest runs each test in a process of its own and only reads the exit code.
#[integration_test(tags("quarantine"))]
fn quarantined_failure_exits_with_success_under_nextest(dir: &TempDir) -> Result<()> {
    let text = entry("fails::number_3", "\"2999-12-31\"") + &entry("gone", "\"2999-12-31\"");
    for (test, code) in [("fails::number_3", 0), ("fails::number_5", 101)] {
        let suite = suite(dir, &text, &["--exact", test, "--nocapture"])?
            .env("NEXTEST", "1")
            .env("NEXTEST_RUN_ID", "a run")
            .env("NEXTEST_EXECUTION_MODE", "process-per-test");
        let finished = suite.run()?;
        assert_eq!(finished.code(), Some(code), "{}", finished.stdout());
        assert!(!finished.stdout().contains("gone"), "not each process repeats the warning: {}", finished.stdout());
    }
    Ok(())
}

#[integration_test(tags("quarantine"))]
#[case::flag(&["--quarantine", "ignore"])]
#[case::setting(&["--profile", "strict"])]
fn quarantine_ignore_makes_failures_count(#[case] arguments: &[&str], dir: &TempDir) -> Result<()> {
    let text = entry("fails::number_3", "\"2999-12-31\"") + "[profile.strict]\nquarantine = \"ignore\"\n";
    let finished = run(dir, &text, &[&["fails::number_3"], arguments].concat())?;
    assert_eq!(finished.code(), Some(101));
    assert!(finished.stdout().contains("test fails::number_3 ... FAILED"), "{}", finished.stdout());
    Ok(())
}

#[integration_test(tags("quarantine"))]
fn expired_entry_is_reported_and_no_longer_applies(dir: &TempDir) -> Result<()> {
    let finished = run(dir, &entry("fails::number_3", "\"2020-02-29\""), &["fails::number_3"])?;
    let text = finished.stdout();
    assert_eq!(finished.code(), Some(101));
    let warning =
        "warning: the quarantine of `fails::number_3` ended on 2020-02-29: its failures count again; owner shop team";
    assert!(text.contains(warning) && text.contains("itest.toml:1)"), "{text}");
    Ok(())
}

#[integration_test(tags("quarantine"))]
fn entry_that_matches_no_test_is_reported(dir: &TempDir) -> Result<()> {
    let elsewhere = entry("others::pay", "\"2999-12-31\"") + "suite = \"other-integration\"\n";
    let finished = run(dir, &(entry("fails::numbr_3", "\"2999-12-31\"") + &elsewhere), &["plain"])?;
    let text = finished.stdout();
    assert_eq!(finished.code(), Some(0), "{text}");
    assert!(text.contains("itest.toml:1: no test is named `fails::numbr_3`"), "{text}");
    assert!(text.contains("did you mean `fails::number_3`?"), "{text}");
    assert!(!text.contains("others::pay"), "entries of another suite are not checked: {text}");
    Ok(())
}

#[integration_test(tags("quarantine"))]
fn entry_without_recent_failures_is_reported(dir: &TempDir) -> Result<()> {
    let text = entry("draws::*", "\"2999-12-31\"") + &entry("fails::number_3", "\"2999-12-31\"");
    let hint = "the quarantine of `draws::*` may no longer be needed: 0 failures in the last 20 recorded attempts";
    let tests = ["draws", "fails::number_3"];
    let first = run(dir, &text, &[&tests[..], &["--repeat", "19"]].concat())?;
    assert_eq!(first.code(), Some(0), "{}", first.stdout());
    let early = run(dir, &text, &tests)?;
    assert!(!early.stdout().contains("no longer be needed"), "19 are not enough: {}", early.stdout());
    let output = run(dir, &text, &tests)?.stdout();
    assert!(output.contains(hint), "{output}");
    assert_eq!(
        output.matches("no longer be needed").count(),
        1,
        "the entry of a failing test is still needed: {output}"
    );
    Ok(())
}

#[integration_test(tags("quarantine"))]
#[case::no_owner(
    "[[quarantine]]\ntest = \"a\"\nreason = \"b\"\nuntil = \"2026-12-31\"\n",
    "itest.toml:1: a [[quarantine]] needs `owner`: who looks after it"
)]
#[case::no_day(
    "[[quarantine]]\ntest = \"a\"\nowner = \"o\"\nreason = \"b\"\nuntil = \"soon\"\n",
    "itest.toml:5: until: expected a day such as 2026-12-31, found `soon`"
)]
#[case::no_such_day(
    "[[quarantine]]\ntest = \"a\"\nowner = \"o\"\nreason = \"b\"\nuntil = \"2026-02-30\"\n",
    "itest.toml:5: until: expected a day"
)]
#[case::empty("\n[[quarantine]]\ntest = \"a\"\nowner = \" \"\n", "itest.toml:4: `owner` takes a text")]
#[case::misspelt(
    "[[quarantine]]\ntests = \"a\"\n",
    "itest.toml:2: unknown key `tests` in a [[quarantine]]; did you mean `test`?"
)]
#[case::no_list("[quarantine]\ntest = \"a\"\n", "itest.toml:1: `quarantine` is no list; write [[quarantine]]")]
#[case::pattern(
    "[[quarantine]]\ntest = \"*pay\"\nowner = \"o\"\nreason = \"b\"\nuntil = \"2026-12-31\"\n",
    "itest.toml:1: `*pay` is no name"
)]
fn invalid_entry_is_reported_with_its_line(#[case] text: &str, #[case] message: &str, dir: &TempDir) -> Result<()> {
    let finished = run(dir, text, &[])?;
    assert_eq!(finished.code(), Some(2), "{}", finished.stdout());
    assert!(finished.stderr().contains(message), "{}", finished.stderr());
    Ok(())
}

#[integration_test(tags("quarantine"))]
fn duplicate_entry_is_refused(dir: &TempDir) -> Result<()> {
    let text = entry("fails::number_3", "2999-12-31") + &entry("fails::number_3", "2999-12-31");
    let finished = run(dir, &text, &[])?;
    assert_eq!(finished.code(), Some(2));
    assert!(
        finished.stderr().contains("itest.toml:6: `fails::number_3` is in quarantine already"),
        "{}",
        finished.stderr()
    );
    Ok(())
}
