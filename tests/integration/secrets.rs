//! No report, record or message contains a secret that itest can recognize. The output of a test itself is not changed.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;

/// The secrets in the failure of the suite's test.
const SECRETS: [&str; 2] = ["hunter2", "eyJhbGciOiJIUzI1NiJ9"];

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-output"), dir)
}

/// The text without the secret that the test itself printed.
fn without_output(text: &str) -> String {
    text.replace("printed password=hunter2", "printed")
}

fn assert_no_secret(text: &str) {
    let text = without_output(text);
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} is in:\n{text}");
    }
}

#[integration_test(tags("secrets"))]
#[case::pretty(&["--format", "pretty"])]
#[case::terse(&["--format", "terse"])]
#[case::json(&["--format", "json"])]
#[case::libtest(&["--format", "json", "-Z", "unstable-options"])]
#[case::github(&["--annotations", "github"])]
fn failure_is_reported_without_secrets(#[case] arguments: &[&str], dir: &TempDir) -> Result<()> {
    #[arrange]
    let page = dir.join("summary.md");
    let files = ["--ctrf", "report.json", "--junit", "report.xml", "--record", "own.itest"];
    let suite = || suite(dir).env("GITHUB_STEP_SUMMARY", page.display().to_string()).env("GITHUB_TOKEN", "hunter2");

    #[act]
    let finished = suite().args(&["fails_with_secrets", "--include-ignored"]).args(&files).args(arguments).run()?;
    let report = suite().args(&["--report", "own.itest"]).args(arguments).run()?;
    let ignored = suite().args(&["fails_with_secrets"]).args(arguments).run()?;

    #[assert]
    for shown in [&finished, &report, &ignored] {
        assert_no_secret(&shown.stdout());
        assert_no_secret(&shown.stderr());
    }
    for file in ["report.json", "report.xml", "own.itest", "summary.md"] {
        let text = std::fs::read(dir.join(file)).unwrap_or_default();
        assert_no_secret(&String::from_utf8_lossy(&text));
    }
    let record = String::from_utf8_lossy(&std::fs::read(dir.join("own.itest"))?).into_owned();
    assert!(record.contains("printed password=hunter2"), "the output of a test is not changed: {record}");
    assert!(record.contains(r#"refused {\"user\": \"ann\", \"apiKey\": \"***\"} with ***"#), "{record}");
    Ok(())
}

#[integration_test(tags("secrets"))]
fn secret_in_an_old_record_is_masked_in_report_and_history(dir: &TempDir) -> Result<()> {
    #[arrange]
    suite(dir).args(&["fails_with_secrets", "--include-ignored"]).run()?;
    let folder = dir.join("records/itest-tests-suite_output");
    let path = std::fs::read_dir(&folder)?.find_map(|entry| Some(entry.ok()?.path())).ok_or("no record")?;
    let text = String::from_utf8(std::fs::read(&path)?)?;
    let token = "with eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjMifQ.dBjftJeZ4CVP:";
    let text = text.replace("with ***:", token).replace("***", "hunter2");
    std::fs::write(&path, text.replace("\"arguments\":[", "\"arguments\":[\"--token=hunter2\","))?;

    #[act]
    let report = suite(dir).args(&["--report", "last"]).run()?;
    let history = suite(dir).args(&["--history"]).run()?;

    #[assert]
    assert!(report.stdout().contains("FAILED") && history.stdout().contains("last failed"), "{}", history.stdout());
    for shown in [report.stdout(), report.stderr(), history.stdout(), history.stderr()] {
        assert_no_secret(&shown);
    }
    Ok(())
}

#[integration_test(tags("secrets"))]
#[case::flag(&["--history-url", "mysql://ann:hunter2@db/shop"])]
#[case::format(&["--format", "postgres://ann:hunter2@db/shop"])]
#[case::filter(&["https://ann:hunter2@db/?token=hunter2"])]
#[case::file(&["--config", "/nowhere/password=hunter2"])]
#[case::record(&["--report", "/nowhere/token=hunter2"])]
fn invalid_argument_is_refused_without_showing_its_secret(#[case] arguments: &[&str], dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(arguments).run()?;
    assert!([Some(2), Some(4)].contains(&finished.code()), "{}", finished.stdout());
    assert_no_secret(&(finished.stdout() + &finished.stderr()));
    Ok(())
}
