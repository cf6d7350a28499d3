//! Programs are started, judged, and ended, however they behave.

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Finished, Suite};

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-programs"), dir)
}

/// The messages of a test's failures.
fn messages(events: &Events, test: &str) -> Vec<String> {
    let failures = events.case(test)["failures"].as_array().cloned().unwrap_or_default();
    failures.iter().map(|failure| failure["message"].as_str().unwrap_or_default().to_owned()).collect()
}

#[integration_test(tags("programs"))]
#[case::ready("ready", 7)]
#[case::control("control", 7)]
#[case::observed_ends("passes", 4)]
#[case::port_conflict("conflict", 1)]
fn program_behaves_as_defined(
    #[case] tag: &str,
    #[case] count: u64,
    #[values("--jobs=2", "--in-process")] isolation: &str,
    dir: &TempDir,
) -> Result<()> {
    let suite = suite(dir).env("LLVM_PROFILE_FILE", "/tmp/itest-%p.profraw");
    let finished = suite.args(&["--leaks", "fail", "--tag", tag, isolation]).run()?;
    let output = finished.stdout();
    assert_eq!(finished.code(), Some(0), "{output}");
    assert!(output.contains(&format!("test result: ok. {count} passed; 0 failed")), "{output}");
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"))]
#[case::zero("zero", &["sh has ended before it was ready: the process exited with code 0", "| bye", "in the foreground"])]
#[case::code("code", &["the process exited with code 3", "| password=***\n| the settings are wrong"])]
#[case::signal("signal", &["ended by SIGSEGV", "it has written nothing"])]
#[case::fork("fork", &["the process exited with code 0", "| started", "without a fork"])]
#[case::port_in_use("port_in_use", &["the process exited with code 1", "| bind: Address already in use"])]
fn early_end_is_reported_at_once_with_the_last_output(
    #[case] case: &str,
    #[case] expected: &[&str],
    dir: &TempDir,
) -> Result<()> {
    let test = format!("program_ends_before_it_is_ready::{case}");
    let events = suite(dir).events(&["--exact", &test])?;
    let [message] = <[String; 1]>::try_from(messages(&events, &test)).map_err(|all| format!("{all:?}"))?;
    for part in expected {
        assert!(message.contains(part), "{message}");
    }
    let restarts = events.case(&test)["stderr"].as_str().unwrap_or_default().matches("started again").count();
    assert_eq!(restarts, if case == "port_in_use" { 4 } else { 0 });
    // The startup timeout is 30 seconds.
    assert!(events.case(&test)["elapsed_us"].as_u64().is_some_and(|elapsed| elapsed < 15_000_000));
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"))]
#[case::port("port", "port `PORT` accepts connections (cannot connect to 127.0.0.1:")]
#[case::http("http", "GET /health is answered with a status of 2xx (cannot connect to 127.0.0.1:")]
#[case::log_line("log_line", "a line of its output contains `listening`\n")]
#[case::file("file", "the file /no/such/file is written (/no/such/file does not exist)")]
#[case::command("command", "the command `false` exits with code 0 (false ended with exit status: 1)")]
fn condition_that_does_not_hold_is_named(#[case] case: &str, #[case] condition: &str, dir: &TempDir) -> Result<()> {
    let test = format!("program_is_never_ready::{case}");
    let events = suite(dir).events(&["--exact", &test])?;
    let message = messages(&events, &test).join("\n");
    let expected = format!("sh was not ready within 300ms: it runs, but this does not hold: {condition}");
    assert!(message.starts_with(&expected) && message.ends_with("it has written last:\n| waiting"), "{message}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"))]
#[case::no_binary("mistake_in_a_definition::number_0", "cargo has built no binary `no-such-binary`: ")]
#[case::no_program("mistake_in_a_definition::number_1", "cannot start /no/such/program: No such file")]
#[case::no_folder("mistake_in_a_definition::number_2", "its working directory /no/such/folder is no directory")]
#[case::placeholder("mistake_in_a_definition::number_3", "the program has no port `http`; its only port is `PORT`")]
#[case::no_port("mistake_in_a_definition::number_4", "declare one with `.port(\"PORT\")`")]
#[case::log_pattern("mistake_in_a_definition::number_5", "the text `listening on` of `port_from_log` needs `{port}`")]
#[case::several_ports("mistake_in_a_definition::number_6", "its ports are `PORT`, `ADMIN`")]
#[case::missing_command("program_is_never_ready::missing_command", "cannot start no-such-command: No such file")]
#[case::closed_port("program_closes_its_port", "port `PORT` accepts connections (cannot connect to 127.0.0.1:")]
#[case::port_of_another_program("listener_of_another_program_is_not_ready", ", which the program has not started)")]
fn wrong_program_fails_the_test_with_one_message(
    #[case] test: &str,
    #[case] expected: &str,
    dir: &TempDir,
) -> Result<()> {
    let events = suite(dir).events(&["--exact", test])?;
    let [message] = <[String; 1]>::try_from(messages(&events, test)).map_err(|all| format!("{all:?}"))?;
    assert!(message.contains(expected), "{message}");
    assert_eq!(events.case(test)["outcome"], "failed");
    let place = events.case(test)["failures"][0]["location"].to_string();
    assert!(place.contains("tests/suites/programs.rs:"), "{place}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"))]
#[case::passing("program_crashes_during_a_passing_test", &["the process exited with code 3"])]
#[case::failing("program_is_killed_during_a_failing_test", &["ended by SIGKILL", "the order was lost"])]
#[case::restarted("crash_before_a_restart_fails_the_test", &["the process exited with code 4"])]
#[case::stopped("crash_before_a_stop_fails_the_test", &["the process exited with code 4"])]
fn crash_during_a_test_fails_the_test(#[case] test: &str, #[case] expected: &[&str], dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", test])?;
    let messages = messages(&events, test);
    assert_eq!(messages.len(), expected.len(), "{messages:?}");
    assert!(messages.iter().zip(expected).all(|(message, part)| message.contains(part)), "{messages:?}");
    assert!(messages[0].starts_with("program-web has ended by itself: "), "{messages:?}");
    assert_eq!(events.case(test)["outcome"], "failed");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"))]
fn crash_of_a_worker_program_fails_its_test_and_replaces_the_worker(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--tag", "lost", "--jobs", "1", "--order", "declared"])?;
    let outcomes: Vec<_> = events.outcomes().into_iter().collect();
    let expected = [
        ("test_without_the_service_passes", "passed"),
        ("worker_service_crashes", "failed"),
        ("worker_service_works_in_the_next_test", "passed"),
    ];
    assert_eq!(outcomes, expected.map(|(test, outcome)| (test.to_owned(), outcome.to_owned())));
    let messages = messages(&events, "worker_service_crashes");
    assert!(messages[0].starts_with("program-web has ended by itself: the process exited with code 6"), "{messages:?}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"))]
fn kill_after_the_shutdown_timeout_is_a_note(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--exact", "program_ignores_sigterm"])?;
    let case = events.case("program_ignores_sigterm");
    let note = case["notes"][0]["text"].as_str().unwrap_or_default();
    assert!(note.starts_with("sh (process ") && note.ends_with("within 200ms after SIGTERM and was killed"), "{case}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"))]
fn output_of_a_program_belongs_to_its_test(dir: &TempDir) -> Result<()> {
    let test = "output_is_part_of_the_output_of_the_test";
    let events = suite(dir).events(&["--exact", test])?;
    assert_eq!(events.case(test)["stdout"], "to stdout\nlast words\n");
    assert_eq!(events.case(test)["stderr"], "to stderr\n");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"))]
fn output_of_a_worker_program_belongs_to_the_running_test(dir: &TempDir) -> Result<()> {
    let events = suite(dir).args(&["--leaks", "fail"]).events(&["--tag", "worker", "--jobs", "2"])?;
    assert_eq!(events.finished.code(), Some(0), "{:?}", events.outcomes());
    for case in events.named("case_finished") {
        let id = case["id"].as_str().unwrap_or_default();
        let stdout = case["stdout"].as_str().unwrap_or_default();
        let paths: Vec<&str> = stdout.lines().filter_map(|line| line.strip_prefix("request ")).collect();
        let paths: Vec<&str> = paths.into_iter().filter(|path| *path != "/health").collect();
        match id.strip_prefix("worker_service_is_shared::number_") {
            Some(number) => assert_eq!(paths, [format!("/number/{number}")], "{id}: {stdout}"),
            None => assert_eq!(paths, ["/"], "{id}: {stdout}"),
        }
    }
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"))]
fn session_program_runs_once_for_all_workers(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--tag", "session", "--jobs", "2"])?;
    assert_eq!(events.summary()["passed"], 4, "{:?}", events.outcomes());
    let mut processes: Vec<_> = events.named("case_finished").iter().map(|case| case["stdout"].to_string()).collect();
    processes.dedup();
    assert_eq!(processes.len(), 1, "{processes:?}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"))]
fn crash_of_a_session_program_fails_the_run(dir: &TempDir) -> Result<()> {
    let finished = suite(dir).args(&["--tag", "lost-session"]).run()?;
    let output = finished.stdout() + &finished.stderr();
    assert!(output.contains("program-web has ended by itself: the process exited with code 7"), "{output}");
    assert_ne!(finished.code(), Some(0), "{output}");
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"), timeout = "120s")]
fn hundreds_of_megabytes_of_output_are_shortened_in_the_middle(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--tag", "flood"])?;
    let case = events.case("hundreds_of_megabytes_block_neither_program_nor_test");
    assert_eq!(case["outcome"], "passed", "{}", case["failures"]);
    let stdout = case["stdout"].as_str().unwrap_or_default();
    assert!(stdout.len() < 10 << 20 && stdout.contains(" bytes left out here]\n"), "{} bytes", stdout.len());
    assert!(stdout.ends_with("\ndone\n"));
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("programs"), timeout = "2m")]
#[case::nextest_passes("restarted_program_has_the_same_address", 0)]
#[case::nextest_fails("program_crashes_during_a_passing_test", 100)]
fn program_is_judged_under_nextest(#[case] test: &str, #[case] code: i32, dir: &TempDir) -> Result<()> {
    let suite = suite(dir);
    let output = suite.nextest(&["run", "--no-fail-fast", test])?.output()?;
    let finished = Finished::of(output, &suite);
    assert_eq!(finished.code(), Some(code), "{}{}", finished.stdout(), finished.stderr());
    finished.assert_nothing_left();
    Ok(())
}
