//! The JSON format of libtest, compared with the output of libtest itself.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::process::Command;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::Suite;
use serde_json::Value;

/// A suite of libtest with a passing, a failing and an ignored test.
const LIBTEST: &str = r#"
#[test] fn passes() { println!("hello"); }
#[test] fn fails() { println!("before"); panic!("plainly"); }
#[test] #[ignore = "takes a week"] fn is_ignored() {}
"#;

const FLAGS: [&str; 4] = ["--format", "json", "-Z", "unstable-options"];

fn lines(text: &str) -> Result<Vec<Value>> {
    Ok(text.lines().map(serde_json::from_str).collect::<std::result::Result<_, _>>()?)
}

/// Compiles and runs the suite of libtest, and returns its JSON lines.
fn of_libtest(dir: &TempDir, arguments: &[&str]) -> Result<Vec<Value>> {
    let (source, program) = (dir.join("suite.rs"), dir.join("suite"));
    fs::write(&source, LIBTEST)?;
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let compiled = Command::new(rustc).arg("--test").arg(&source).arg("-o").arg(&program).output()?;
    assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
    // Without this variable, a stable libtest refuses unstable options.
    let output = Command::new(program).args(FLAGS).args(arguments).env("RUSTC_BOOTSTRAP", "1").output()?;
    lines(&String::from_utf8(output.stdout)?)
}

/// The fields of each kind of line, with the types of their values.
fn shapes(lines: &[Value]) -> BTreeMap<String, BTreeSet<String>> {
    let mut shapes: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in lines {
        let kind = format!("{} {}", line["type"], line["event"]);
        for (name, value) in line.as_object().into_iter().flatten() {
            let of = match value {
                Value::Number(_) => "number",
                Value::String(_) => "text",
                Value::Bool(_) => "yes or no",
                _ => "something else",
            };
            shapes.entry(kind.clone()).or_default().insert(format!("{name}: {of}"));
        }
    }
    shapes
}

#[integration_test(tags("reports"))]
#[case::run(&["--shuffle"])]
#[case::times_and_output(&["--shuffle", "--report-time", "--show-output"])]
#[case::list(&["--list"])]
fn json_lines_have_the_fields_of_libtest(#[case] arguments: &[&str], dir: &TempDir) -> Result<()> {
    #[arrange]
    let theirs = of_libtest(dir, arguments)?;

    #[act]
    let tests = ["passes_at_last", "fails_in_assert", "is_ignored"];
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir);
    let finished = suite.args(&FLAGS).args(arguments).args(&tests).run()?;

    #[assert]
    let ours = lines(&finished.stdout())?;
    let (mut theirs, mut ours) = (shapes(&theirs), shapes(&ours));
    // itest adds a message to a flaky test. It is a text, like the messages that libtest writes elsewhere.
    for shapes in [&mut theirs, &mut ours] {
        shapes.entry("\"test\" \"ok\"".to_owned()).or_default().remove("message: text");
    }
    assert_eq!(ours, theirs, "{}", finished.stderr());
    Ok(())
}

#[integration_test(tags("reports"))]
fn each_outcome_maps_to_a_libtest_event(dir: &TempDir) -> Result<()> {
    #[arrange]
    let limits = ["--setup-timeout", "300ms", "--teardown-timeout", "200ms", "--slow", "50ms"];
    let outcomes = Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir).events(&limits)?;
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir);

    #[act]
    let finished = suite.args(&FLAGS).args(&limits).run()?;

    #[assert]
    let lines = lines(&finished.stdout())?;
    let of = |event: &str| -> BTreeSet<&str> {
        let tests = lines.iter().filter(|line| line["type"] == "test" && line["event"] == event);
        tests.filter_map(|line| line["name"].as_str()).collect()
    };
    let expected = |words: &[&str]| -> BTreeSet<String> {
        let all = outcomes.outcomes().into_iter();
        all.filter(|(_, outcome)| words.contains(&outcome.as_str())).map(|(id, _)| id).collect()
    };
    let owned = |set: BTreeSet<&str>| -> BTreeSet<String> { set.into_iter().map(str::to_owned).collect() };
    assert_eq!(owned(of("ok")), expected(&["passed", "flaky"]));
    assert_eq!(owned(of("failed")), expected(&["failed", "errored", "timed_out", "crashed"]));
    assert!(of("ignored").contains("is_ignored") && of("ignored").contains("skips"));
    // On a busy machine a test may end before the supervisor checks for slow tests.
    let slow = of("timeout");
    assert!(slow.iter().any(|name| name.starts_with("times_out")), "slow tests are reported as in libtest: {slow:?}");
    let ends = of("ok").len() + of("failed").len() + of("ignored").len();
    assert_eq!(of("started").len(), ends);
    let end = lines.last().ok_or("no lines")?;
    assert_eq!((end["event"].as_str(), end["failed"].as_u64()), (Some("failed"), Some(of("failed").len() as u64)));
    let failed = lines.iter().find(|line| line["name"] == "fails_in_assert" && line["event"] == "failed");
    let text = failed.and_then(|line| line["stdout"].as_str()).unwrap_or_default();
    assert!(text.contains("assertion `left == right` failed: arithmetic\n  left: 2\n right: 3"), "{text}");
    Ok(())
}

#[integration_test(tags("reports"))]
fn json_without_unstable_options_is_the_format_of_itest(dir: &TempDir) -> Result<()> {
    let events = Suite::new(env!("CARGO_BIN_EXE_suite-selection"), dir).events(&["pay"])?;
    assert_eq!(events.named("run_started").len(), 1);
    Ok(())
}
