//! Checks of runs on which no action was performed.

use serde_json::Value;

/// The tests of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expected {
    /// All tests: the red ones fail, and the green ones must pass.
    GreenAndRed,
    /// Only green tests, which must pass.
    Green,
}

/// The failures of a run under cargo test that should not have happened.
pub(crate) fn harm(events: &[Value], expected: Expected) -> Vec<String> {
    let named = |name: &'static str| events.iter().filter(move |event| event["event"] == name);
    let mut harm: Vec<String> = named("case_finished")
        .filter(|case| case["id"].as_str().is_some_and(|id| id.starts_with("green::")) && case["outcome"] != "passed")
        .map(|case| format!("{} {}: {}", case["id"], case["outcome"], case["failures"]))
        .collect();
    match named("run_finished").next() {
        None => harm.push("the run was not finished".to_owned()),
        Some(end) => {
            let problems = end["problems"].as_array().cloned().unwrap_or_default();
            harm.extend(problems.iter().map(ToString::to_string));
            let swept = end["swept"]["recovered"]["problems"].as_array().cloned().unwrap_or_default();
            harm.extend(swept.iter().map(|problem| format!("of an earlier run: {problem}")));
            if expected == Expected::Green && end["success"] != true {
                harm.push("the run was not green".to_owned());
            }
            if end["not_run"] != 0 {
                harm.push(format!("{} tests were not run", end["not_run"]));
            }
        }
    }
    harm
}

/// The failures of a run under cargo-nextest that should not have happened, from its output.
pub(crate) fn harm_under_nextest(output: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let is_bad = |line: &&str| {
        let words = words(line);
        let is_green = words.last().is_some_and(|test| test.starts_with("green::"));
        let verdict = words.first().is_some_and(|word| word == "FAIL" || word == "TIMEOUT" || word.starts_with("SIG"));
        is_green && verdict && words.contains(&"suite".to_owned())
    };
    let mut harm: Vec<String> = output.lines().filter(is_bad).map(|line| line.trim().to_owned()).collect();
    if !output.contains(" tests run: ") {
        harm.push("the run was not finished".to_owned());
    }
    harm
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_failures_of_green_tests_are_reported() {
        let case = |id: &str, outcome: &str| json!({"event": "case_finished", "id": id, "outcome": outcome});
        let end = json!({"event": "run_finished", "success": false, "problems": [], "not_run": 0});
        let events = [case("red::fails", "failed"), case("green::passes", "passed"), end.clone()];
        assert_eq!(harm(&events, Expected::GreenAndRed), Vec::<String>::new());
        assert_eq!(harm(&events, Expected::Green), ["the run was not green"]);
        let events = [case("green::passes", "flaky"), end];
        assert_eq!(harm(&events, Expected::GreenAndRed).len(), 1);
        assert_eq!(harm(&[], Expected::GreenAndRed), ["the run was not finished"]);
    }

    #[test]
    fn failures_are_read_from_the_output_of_nextest() {
        let output = "  PASS [ 0.1s] (1/3) suite green::passes\n  SIGABRT [ 0.1s] (2/3) suite red::aborts\n\
                      Summary [ 1s] 3 tests run: 1 passed, 2 failed\n  FAIL [ 0.1s] (3/3) suite green::fails\n";
        assert_eq!(harm_under_nextest(output), ["FAIL [ 0.1s] (3/3) suite green::fails"]);
        assert_eq!(harm_under_nextest(""), ["the run was not finished"]);
    }
}
