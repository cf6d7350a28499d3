//! Helpers of the tests of servers under faults: they start suites, kill them, and read their failures.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use itest::prelude::*;
use itest_tests::{Events, Suite};

/// The arguments that run all tests in one worker, in the order of the suite's source.
pub(crate) const ONE_BY_ONE: [&str; 4] = ["--order", "declared", "--jobs", "1"];

/// The failures of a test, as text.
pub(crate) fn failure(events: &Events, id: &str) -> String {
    events.case(id)["failures"].to_string().replace("\\\"", "\"")
}

#[track_caller]
pub(crate) fn assert_contains(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no `{word}` in: {text}");
    }
}

/// The names of the tests that passed, and of those that did not.
pub(crate) fn passed_and_others(events: &Events) -> (Vec<String>, Vec<String>) {
    let (passed, others): (Vec<_>, Vec<_>) =
        events.outcomes().into_iter().partition(|(_, outcome)| outcome == "passed");
    let names = |cases: Vec<(String, String)>| cases.into_iter().map(|(id, _)| id).collect();
    (names(passed), names(others))
}

/// Starts a suite whose test waits forever, and returns when the test has printed that it has its databases.
pub(crate) fn begin(suite: &Suite<'_>) -> Result<Child> {
    let mut child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.contains("ready") {
            // The rest of the output must be read, because a full pipe would block the suite.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(child);
        }
    }
    Err("the suite ended before its test was ready".into())
}

/// Kills all processes of a suite, and waits until they are gone, because a dying process still holds its locks.
pub(crate) async fn kill(suite: &Suite<'_>, child: &mut Child) -> Result<()> {
    suite.kill_everything();
    child.wait()?;
    eventually(async || suite.traces().process_ids()).equals(Vec::new()).await?;
    Ok(())
}
