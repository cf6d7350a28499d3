//! `--faults` finds what goes wrong when a call of the code under test fails, and `--fault` repeats it.

use std::collections::BTreeSet;
use std::process::Stdio;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Finished, Suite};
use rustix::process::Signal;
use serde_json::Value;

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-weaknesses"), dir)
}

fn run(dir: &TempDir, arguments: &[&str]) -> Result<Finished> {
    Ok(suite(dir).args(arguments).run()?)
}

fn explore(dir: &TempDir, arguments: &[&str]) -> Result<Events> {
    Ok(suite(dir).args(&["--faults"]).events(arguments)?)
}

/// The faults of a request that a finding names.
fn faults(finding: &Value) -> Vec<&str> {
    finding["faults"].as_array().map(|faults| faults.iter().filter_map(Value::as_str).collect()).unwrap_or_default()
}

const ALL: [&str; 8] = [
    "reset-during",
    "status-503",
    "timeout",
    "empty-object",
    "malformed",
    "reset-before",
    "rate-limited-1s",
    "status-500",
];

#[integration_test(timeout = "2m")]
fn each_weakness_is_named_with_its_call_and_faults_and_nothing_else_is_accused(dir: &TempDir) -> Result<()> {
    let events = explore(dir, &[])?;
    let reported: BTreeSet<(&str, &str)> = events
        .named("fault_finding")
        .into_iter()
        .filter_map(|finding| Some((finding["id"].as_str()?, finding["verdict"].as_str()?)))
        .collect();
    let expected = BTreeSet::from([
        ("waits_without_a_limit", "hangs"),
        ("waits_without_a_limit", "false_success"),
        ("ignores_the_error", "false_success"),
        ("counts_a_payment_without_a_charge", "breaks_invariant"),
        ("leaves_a_task_behind", "leaks"),
    ]);
    assert_eq!(reported, expected);
    for finding in events.named("fault_finding") {
        assert_eq!(finding["call"], "payments POST /charge #1");
        let expected: &[&str] = match (finding["id"].as_str(), finding["verdict"].as_str()) {
            (Some("waits_without_a_limit"), Some("hangs")) => &["timeout"],
            // With the other faults, the service has processed the request.
            (Some("waits_without_a_limit"), _) => &["status-503", "reset-before", "rate-limited-1s", "status-500"],
            (Some("ignores_the_error"), _) => {
                &["status-503", "timeout", "reset-before", "rate-limited-1s", "status-500"]
            }
            _ => &ALL,
        };
        let named: BTreeSet<&str> = faults(finding).into_iter().collect();
        assert_eq!(named, expected.iter().copied().collect(), "{finding:#}");
    }
    let end = events.named("faults_finished")[0];
    assert_eq!((&end["complete"], &end["silent"], &end["failed"]), (&true.into(), &2.into(), &0.into()), "{end:#}");
    assert_eq!(end["verdicts"]["not_reached"], Value::Null, "{end:#}");
    assert_eq!(events.finished.code(), Some(101));
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn tests_without_a_weakness_pass(dir: &TempDir) -> Result<()> {
    let filters = [
        "tries_again",
        "returns_an_error",
        "makes_no_call",
        "sends_other_requests",
        "injects_a_fault",
        "asserts_in_a_task",
        "leaves_a_file",
    ];
    let arguments: Vec<&str> = ["--include-ignored"].into_iter().chain(filters).collect();
    let events = explore(dir, &arguments)?;
    assert_eq!(events.named("fault_finding"), Vec::<&Value>::new());
    assert_eq!(events.finished.code(), Some(0), "{}", events.finished.stderr());
    Ok(())
}

#[integration_test]
fn process_that_dies_is_a_panic(dir: &TempDir) -> Result<()> {
    let events = explore(dir, &["--ignored", "--exact", "dies"])?;
    let finding = events.named("fault_finding")[0];
    let evidence = finding["evidence"].as_str().unwrap_or_default();
    assert!(finding["verdict"] == "panics" && evidence.contains("SIGABRT"), "{finding:#}");
    Ok(())
}

#[integration_test]
fn test_that_fails_without_a_fault_is_named_and_fails_the_exploration(dir: &TempDir) -> Result<()> {
    let finished = run(dir, &["--faults", "--ignored", "fails_without_a_fault", "is_skipped"])?;
    let stdout = finished.stdout();
    for expected in [
        "fails without a fault fails_without_a_fault",
        "failure: it is paid",
        "faults result: FAILED. 0 weaknesses in 2 tests",
        "1 test failed without a fault",
        "1 test skipped, without a result",
    ] {
        assert!(stdout.contains(expected), "{expected}: {stdout}");
    }
    assert_eq!(finished.code(), Some(101));
    Ok(())
}

#[integration_test]
fn test_that_fails_before_its_fault_is_no_success(dir: &TempDir) -> Result<()> {
    let finished = run(dir, &["--faults", "--ignored", "--exact", "passes_only_once"])?;
    let stdout = finished.stdout();
    for expected in [
        "faults result: FAILED. 0 weaknesses in 1 test\n8 executions with a fault: 8 failed before the fault\n",
        "executions failed before their fault, so they say nothing about the code under test; the first one: passes_only_once: ",
    ] {
        assert!(stdout.contains(expected), "{expected}: {stdout}");
    }
    assert_eq!(finished.code(), Some(101));
    Ok(())
}

#[integration_test(timeout = "2m")]
fn report_for_people_names_the_cause_once_and_a_command_that_repeats_it(dir: &TempDir) -> Result<()> {
    let finished = run(dir, &["--faults", "--seed", "7"])?;
    let stdout = finished.stdout();
    for expected in [
        "looking for weaknesses under faults in 11 tests, seed 7, at most 10m",
        "10 calls; 80 executions with a fault follow\n",
        "\nhangs: payments POST /charge\n  it did not end within 1.0s, and was in the body of the test\n  exchange: +",
        "\nfalse success: payments POST /charge\n  the test passed although no call of the stub for POST /charge at tests/suites/weaknesses.rs:",
        "\n  in: ignores_the_error, waits_without_a_limit\n",
        "\nbreaks an invariant: payments POST /charge\n  each_payment_is_a_charge: 0 charges, and 1 payments\n",
        "\nleaks: payments POST /charge\n  left behind: a running task\n",
        "--exact waits_without_a_limit --seed 7 --timeout 1000ms --leaks fail --fault 'payments POST /charge #1 = timeout'\n",
        "faults result: FAILED. 4 weaknesses in 11 tests\n",
        "2 tests without a call that a stand-in or a proxy has seen\n91 executions, finished in ",
    ] {
        assert!(stdout.contains(expected), "{expected}: {stdout}");
    }
    Ok(())
}

#[integration_test]
#[case::hangs("waits_without_a_limit", "timeout", "did not end within 1s")]
#[case::dies("dies", "status-503", "SIGABRT")]
#[case::false_success(
    "ignores_the_error",
    "reset-before",
    "a false success: the test passed although no call of the stub for POST /charge"
)]
#[case::breaks_an_invariant("counts_a_payment_without_a_charge", "reset-during", "0 charges, and 1 payments")]
fn named_fault_fails_the_test_that_has_the_weakness(
    #[case] test: &str,
    #[case] fault: &str,
    #[case] expected: &str,
    dir: &TempDir,
) -> Result<()> {
    let fault = format!("payments POST /charge #1 = {fault}");
    let finished = run(dir, &["--exact", test, "--include-ignored", "--timeout", "1s", "--fault", &fault])?;
    assert!(finished.stdout().contains(expected), "{}", finished.stdout());
    assert_eq!(finished.code(), Some(101));
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn named_fault_leaves_the_leak_again(dir: &TempDir) -> Result<()> {
    let fault = "payments POST /charge = status-500";
    let finished = run(dir, &["--exact", "leaves_a_task_behind", "--leaks", "fail", "--fault", fault])?;
    assert!(finished.stdout().contains("left behind: a running task"), "{}", finished.stdout());
    Ok(())
}

#[integration_test]
fn named_fault_that_no_call_gets_fails_the_test_and_names_its_calls(dir: &TempDir) -> Result<()> {
    let finished = run(dir, &["--exact", "tries_again", "--fault", "payments POST /charge #3 = timeout"])?;
    let expected =
        "no call got the fault `payments POST /charge #3 = timeout`; the test's calls are: payments POST /charge #1";
    assert!(finished.stdout().contains(expected), "{}", finished.stdout());
    assert_eq!(finished.code(), Some(101));
    let tolerated = run(dir, &["--exact", "tries_again", "--fault", "payments POST /charge #1 = timeout"])?;
    assert_eq!(tolerated.code(), Some(0), "{}", tolerated.stdout());
    Ok(())
}

#[integration_test]
#[case::form("payments = timeout", "is no call with a fault; it looks like")]
#[case::fault("payments POST /charge = slow", "faults are timeout, reset-before")]
#[case::fault_of_a_request_on_a_connection("redis connection #1 = timeout", "faults are reset-on-connect")]
fn text_that_names_no_fault_is_refused(#[case] text: &str, #[case] expected: &str, dir: &TempDir) -> Result<()> {
    let finished = run(dir, &["--fault", text])?;
    assert!(finished.stderr().contains(expected), "{}", finished.stderr());
    assert_eq!(finished.code(), Some(2));
    Ok(())
}

#[integration_test]
#[case::two_modes(&["--faults", "--detect"], 2, "contradicts")]
#[case::tried_again(&["--faults", "--retries", "1"], 2, "--retries 1: has no effect with --faults")]
#[case::with_leaks_ignored(&["--faults", "--leaks", "ignore"], 2, "--leaks ignore: has no effect with --faults")]
#[case::in_process(&["--faults", "--in-process"], 2, "--faults: needs worker processes")]
#[case::small_budget(&["--faults", "--budget", "3"], 2, "--budget 3: too small")]
#[case::nothing(&["--faults", "no_such_test"], 4, "no_such_test")]
fn exploration_that_cannot_run_is_refused(
    #[case] arguments: &[&str],
    #[case] code: i32,
    #[case] expected: &str,
    dir: &TempDir,
) -> Result<()> {
    let finished = run(dir, arguments)?;
    assert!(finished.stderr().contains(expected), "{}", finished.stderr());
    assert_eq!(finished.code(), Some(code));
    Ok(())
}

#[integration_test]
fn exploration_ends_with_its_budget_and_tells_what_it_knows(dir: &TempDir) -> Result<()> {
    let events = explore(dir, &["--budget", "21"])?;
    let end = events.named("faults_finished")[0];
    assert_eq!((&end["complete"], &end["executions"]), (&false.into(), &21.into()), "{end:#}");
    // Each call gets its first fault before any gets its second.
    let tests: BTreeSet<_> = events.named("fault_cell").into_iter().map(|cell| cell["id"].to_string()).collect();
    assert_eq!(tests.len(), 9, "{tests:?}");
    Ok(())
}

#[integration_test]
fn exploration_that_ends_before_its_first_fault_is_no_success(dir: &TempDir) -> Result<()> {
    let finished = run(dir, &["--faults", "--budget", "1", "--exact", "tries_again"])?;
    let stdout = finished.stdout();
    assert!(
        stdout.contains("faults result: incomplete. 0 weaknesses in 1 test\n0 of 8 executions with a fault"),
        "{stdout}"
    );
    assert_eq!(finished.code(), Some(101));
    Ok(())
}

#[integration_test]
async fn interrupted_exploration_tells_what_it_knows_and_leaves_nothing(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = suite(dir).args(&["--faults", "waits_without_a_limit", "--format", "json"]);
    let child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    let id = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw).ok_or("it has a pid")?;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;

    #[act]
    rustix::process::kill_process(id, Signal::INT)?;
    let events = Events::of(suite.wait_for(child)?)?;

    #[assert]
    let end = events.named("faults_finished")[0];
    assert_eq!(end["stopped_by"], "ended by SIGINT", "{end:#}");
    assert_eq!(events.finished.code(), Some(130));
    events.finished.assert_nothing_left();
    Ok(())
}
