//! Reports for programs.

use std::fs;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;
use roxmltree::{Document, Node};

const OUTCOMES: &str = env!("CARGO_BIN_EXE_suite-outcomes");

/// What stands in the element of a case.
fn elements(document: &Document<'_>, id: &str) -> Vec<String> {
    let case = document.descendants().find(|node| node.attribute("name") == Some(id) && node.has_tag_name("testcase"));
    let inside = case.into_iter().flat_map(|case| case.children().filter(Node::is_element));
    inside.map(|element| element.tag_name().name().to_owned()).filter(|name| name != "properties").collect()
}

#[integration_test(tags("reports"))]
fn a_junit_report_tells_failures_from_errors_and_names_every_attempt(dir: &TempDir) -> Result<()> {
    #[arrange]
    let path = dir.join("reports/junit.xml");
    let arguments = [
        "--junit",
        &path.display().to_string(),
        "--setup-timeout",
        "300ms",
        "--teardown-timeout",
        "200ms",
        "--retries",
        "1",
    ];

    #[act]
    let events = Suite::new(OUTCOMES, dir).events(&arguments)?;

    #[assert("it says what the events say")]
    let text = fs::read_to_string(&path)?;
    let document = Document::parse(&text)?;
    let outcomes = events.outcomes();
    assert!(outcomes.len() > 20, "{outcomes:?}");
    for (id, outcome) in &outcomes {
        let found = elements(&document, id);
        let first = found.first().map(String::as_str);
        let expected: &[Option<&str>] = match outcome.as_str() {
            "passed" => &[None, Some("system-out"), Some("system-err")],
            "flaky" => &[Some("flakyFailure"), Some("flakyError")],
            "skipped" => &[Some("skipped")],
            "failed" => &[Some("failure")],
            "errored" | "crashed" => &[Some("error")],
            _ => &[Some("failure"), Some("error")],
        };
        assert!(expected.contains(&first), "{id} {outcome}: {found:?}");
        let reruns = found.iter().filter(|name| name.starts_with("rerun")).count();
        assert_eq!(
            reruns,
            usize::from(expected.contains(&Some("failure")) || expected.contains(&Some("error"))),
            "{id}"
        );
    }
    let suite = document.descendants().find(|node| node.has_tag_name("testsuite")).ok_or("no suite")?;
    let counted = |name: &str| suite.attribute(name).and_then(|text| text.parse::<usize>().ok());
    let ignored = events.named("case_ignored").len();
    assert_eq!(counted("tests"), Some(outcomes.len() + ignored));
    assert!(text.contains("name=\"seed\"") && text.contains("assert_us"), "seed and phases are properties");
    Ok(())
}

#[integration_test(tags("reports"))]
fn a_report_that_cannot_be_written_is_told_before_anything_runs(dir: &TempDir) -> Result<()> {
    fs::write(dir.join("file"), "in the way")?;
    let path = dir.join("file/junit.xml").display().to_string();
    let finished = Suite::new(OUTCOMES, dir).args(&["--junit", &path]).run()?;
    assert_eq!((finished.code(), finished.stdout().as_str()), (Some(2), ""));
    assert!(finished.stderr().contains(&format!("--junit {path}: ")), "{}", finished.stderr());
    Ok(())
}
