//! What tests of servers under faults have in common: how their suites are run, killed, and judged.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use itest::prelude::*;
use itest_tests::{Events, Suite};

/// All in one worker, in the order in which they stand in the suite.
pub(crate) const ONE_BY_ONE: [&str; 4] = ["--order", "declared", "--jobs", "1"];

/// What was told of a test that did not pass.
pub(crate) fn failure(events: &Events, id: &str) -> String {
    events.case(id)["failures"].to_string().replace("\\\"", "\"")
}

#[track_caller]
pub(crate) fn assert_told(told: &str, words: &[&str]) {
    for word in words {
        assert!(told.contains(word), "no `{word}` in: {told}");
    }
}

/// The names of the tests that passed, and of those that did not.
pub(crate) fn passed_and_others(events: &Events) -> (Vec<String>, Vec<String>) {
    let (passed, others): (Vec<_>, Vec<_>) =
        events.outcomes().into_iter().partition(|(_, outcome)| outcome == "passed");
    let names = |cases: Vec<(String, String)>| cases.into_iter().map(|(id, _)| id).collect();
    (names(passed), names(others))
}

/// Starts a test that waits for ever, and waits until it says that it has its databases.
pub(crate) fn begin(suite: &Suite<'_>) -> Result<Child> {
    let mut child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.contains("ready") {
            // Whoever writes on must be heard, or it blocks.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(child);
        }
    }
    Err("the suite ended before its test was ready".into())
}

/// Kills all processes of a suite, and waits until they are gone: what is dying still holds its locks.
pub(crate) async fn kill(suite: &Suite<'_>, child: &mut Child) -> Result<()> {
    suite.kill_everything();
    child.wait()?;
    eventually(async || suite.traces().process_ids()).equals(Vec::new()).await?;
    Ok(())
}
