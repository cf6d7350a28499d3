//! Wrong input of every kind gets one clear message and the documented exit code, and nothing is left behind.

use std::os::unix::fs::{PermissionsExt, symlink};
use std::process::Stdio;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite};

const SELECTION: &str = env!("CARGO_BIN_EXE_suite-selection");

/// Asserts that the suite printed this message, ran no test and left nothing behind.
fn assert_refused(finished: &Finished, code: i32, message: &str) {
    let stderr = finished.stderr();
    assert_eq!(finished.code(), Some(code), "{stderr}");
    assert!(stderr.contains(message), "{stderr}");
    assert_eq!(finished.test_lines(), [""; 0]);
    finished.assert_nothing_left();
}

#[integration_test(tags("input"))]
#[case::no_jobs(&["--jobs", "0"], "--jobs 0: expected a whole number from 1")]
#[case::no_threads(&["--test-threads", "0"], "--test-threads 0: expected a whole number from 1")]
#[case::bad_seed(&["--seed", "banana"], "--seed banana: expected a whole number")]
#[case::unknown_flag(&["--jbos", "2"], "unexpected argument '--jbos'")]
#[case::misspelt_flag(&["--retrie", "2"], "--retries")]
#[case::bad_order(&["--order", "revers"], "did you mean `reverse`?")]
#[case::bad_duration(&["--timeout", "10"], "--timeout 10: expected a length of time with its unit")]
#[case::bad_tag(&["--tag", "a &"], "--tag a &: expected a tag, `!` or `(` at column 4, found the end")]
#[case::contradiction(&["--jobs", "2", "--test-threads", "3"], "--test-threads 3: contradicts --jobs 2")]
#[case::contradicting_seeds(&["--seed", "2", "--shuffle-seed", "3"], "contradicts --seed 2")]
#[case::in_process_in_parallel(&["--in-process", "--jobs", "2"], "contradicts --in-process")]
#[case::two_searches(&["--detect", "--bisect", "first"], "--bisect: contradicts --detect; give one of them")]
#[case::search_in_lanes(&["--detect", "--lane", "first"], "--lane: contradicts --detect")]
#[case::order_of_lanes(&["--lane", "pays", "--order", "declared"], "--order declared: has no effect with --lane")]
#[case::workers_of_a_record(&["--replay", "last", "--jobs", "3"], "--jobs 3: has no effect with --replay")]
#[case::filter_of_a_report(&["--report", "last", "pays"], "pays: has no effect with --report")]
#[case::lane_in_quotes(&["--lane", "it's"], r"--lane 'it'\''s'")]
#[case::search_in_the_past(&["--detect", "--report", "last"], "--detect: contradicts --report")]
#[case::no_failures(&["--fail-fast=0"], "--fail-fast 0: expected a whole number from 1")]
#[case::unknown_profile(&["--profile", "nightly"], "--profile nightly: unknown profile `nightly`")]
#[case::missing_config(&["--config", "nowhere.toml"], "nowhere.toml: cannot be read")]
#[case::unwritable_logfile(&["--logfile", "/nowhere/log"], "--logfile /nowhere/log: No such file or directory")]
fn invalid_flag_is_named_in_the_error(#[case] arguments: &[&str], #[case] message: &str, dir: &TempDir) -> Result<()> {
    let finished = Suite::new(SELECTION, dir).args(arguments).run()?;
    assert_refused(&finished, 2, message);
    Ok(())
}

#[integration_test(tags("input"))]
#[case::jobs("ITEST_JOBS", "many", "ITEST_JOBS=many: expected a whole number from 1")]
#[case::seed("ITEST_SEED", "-1", "ITEST_SEED=-1: expected a whole number")]
#[case::format("ITEST_FORMAT", "xml", "ITEST_FORMAT=xml: expected pretty, terse, json")]
#[case::threads("RUST_TEST_THREADS", "0", "RUST_TEST_THREADS=0: expected a whole number from 1")]
#[case::profile("ITEST_PROFILE", "night", "ITEST_PROFILE=night: unknown profile")]
fn invalid_environment_variable_is_named_in_the_error(
    #[case] name: &str,
    #[case] value: &str,
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    let finished = Suite::new(SELECTION, dir).env(name, value).run()?;
    assert_refused(&finished, 2, message);
    Ok(())
}

#[integration_test(tags("input"))]
fn misspelt_environment_variable_is_warned_about(dir: &TempDir) -> Result<()> {
    let finished = Suite::new(SELECTION, dir).env("ITEST_JOB", "2").run()?;
    assert_eq!(finished.code(), Some(0));
    assert!(
        finished.stderr().contains("ITEST_JOB is not known to itest; did you mean ITEST_JOBS?"),
        "{}",
        finished.stderr()
    );
    Ok(())
}

#[integration_test(tags("input"))]
#[case::unknown_key("[profile.default]\n\njbos = 2\n", "itest.toml:3: unknown setting `jbos`; did you mean `jobs`?")]
#[case::bad_value("[profile.default]\njobs = 0\n", "itest.toml:2: jobs: expected a whole number from 1")]
#[case::no_toml("[profile.default\n", "itest.toml:1: ")]
#[case::no_profile("jobs = 2\n", "settings belong under [profile.default]")]
fn invalid_config_file_is_reported_with_its_line(
    #[case] text: &str,
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    std::fs::write(dir.join("itest.toml"), text)?;
    let finished = Suite::new(SELECTION, dir).run()?;
    assert_refused(&finished, 2, message);
    Ok(())
}

#[integration_test(tags("input"))]
fn unreadable_config_file_is_reported(dir: &TempDir) -> Result<()> {
    // A folder cannot be read as a file, not even by root.
    std::fs::create_dir(dir.join("itest.toml"))?;
    assert_refused(&Suite::new(SELECTION, dir).run()?, 2, "itest.toml: cannot be read");
    Ok(())
}

#[integration_test(tags("config"))]
fn command_line_overrides_environment_and_environment_overrides_file(dir: &TempDir) -> Result<()> {
    #[arrange]
    std::fs::write(
        dir.join("itest.toml"),
        "[profile.default]\njobs = 3\nslow = \"1s\"\nseed = 1\n[profile.ci]\nretries = 2\n",
    )?;

    #[act]
    let suite = Suite::new(SELECTION, dir).env("ITEST_JOBS", "4").env("ITEST_SEED", "2").env("CI", "true");
    let finished = suite.args(&["--seed", "3", "--print-config"]).run()?;

    #[assert]
    let text = finished.stdout();
    let line = |key: &str| text.lines().find(|line| line.starts_with(key)).unwrap_or_default().to_owned();
    let words = |key: &str| line(key).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.starts_with("[profile.ci]\n"), "{text}");
    assert_eq!(words("seed"), "seed = 3 # --seed 3");
    assert_eq!(words("jobs"), "jobs = 4 # ITEST_JOBS=4");
    assert!(words("slow").contains("itest.toml:3: slow"));
    assert!(words("retries").contains("itest.toml:6: retries"));
    assert_eq!(words("order"), "order = \"random\" # default");
    // The printed configuration is itself a valid configuration file.
    std::fs::write(dir.join("itest.toml"), &text)?;
    let again = Suite::new(SELECTION, dir).args(&["--profile", "ci", "--print-config"]).run()?;
    assert_eq!(again.code(), Some(0), "{}", again.stderr());
    Ok(())
}

#[integration_test(tags("input"))]
#[case::filter(&["nonsense"], "no test has a name that contains `nonsense`")]
#[case::one_of_two(&["pay", "refnud"], "no test has a name that contains `refnud`")]
#[case::exact(&["--exact", "orders::pya"], "no test is named `orders::pya`; did you mean `orders::pay`?")]
#[case::part_is_not_exact(&["--exact", "pay"], "no test is named `pay`")]
#[case::tag(&["--tag", "paymets"], "no test has the tag `paymets`; did you mean `payments`?")]
#[case::tags_apart(&["--tag", "fast & slow"], "no test passes all of the filters")]
#[case::all_skipped(&["pay", "--skip", "pay"], "nothing matched")]
#[case::quotes(&["it's \"quoted\""], "contains `it\\'s \\\"quoted\\\"`")]
#[case::newline(&["two\nlines"], "contains `two\\nlines`")]
fn filter_without_a_match_fails_the_run(
    #[case] arguments: &[&str],
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    let finished = Suite::new(SELECTION, dir).args(arguments).run()?;
    assert_refused(&finished, 4, message);
    let allowed = Suite::new(SELECTION, dir).args(arguments).args(&["--no-tests", "pass"]).run()?;
    assert_eq!(allowed.code(), Some(0), "{}", allowed.stderr());
    Ok(())
}

#[integration_test(tags("input"))]
fn filter_of_ten_kilobytes_gives_a_short_message(dir: &TempDir) -> Result<()> {
    let finished = Suite::new(SELECTION, dir).args(&[&"x".repeat(10_000)]).run()?;
    assert_refused(&finished, 4, "nothing matched");
    assert!(finished.stderr().len() < 500);
    let finished = Suite::new(SELECTION, dir).args(&["--tag", &"(".repeat(10_000)]).run()?;
    assert_eq!(finished.code(), Some(2));
    Ok(())
}

#[integration_test(tags("input"))]
#[case::duplicates(env!("CARGO_BIN_EXE_suite-duplicates"), 3, "two tests are named `twin`: at tests/suites/duplicates.rs:")]
#[case::circle(env!("CARGO_BIN_EXE_suite-circle"), 3, "Egg -> Hen -> Egg")]
#[case::empty(env!("CARGO_BIN_EXE_suite-empty"), 4, "is a `mod` line missing")]
fn invalid_suite_is_refused_before_any_test_runs(
    #[case] program: &str,
    #[case] code: i32,
    #[case] message: &str,
    dir: &TempDir,
) -> Result<()> {
    assert_refused(&Suite::new(program, dir).run()?, code, message);
    Ok(())
}

#[integration_test]
#[case::deleted(false)]
#[case::replaced(true)]
fn run_continues_after_its_binary_is_deleted_or_replaced(#[case] replaced: bool, dir: &TempDir) -> Result<()> {
    #[arrange]
    let program = dir.join("suite");
    std::fs::copy(env!("CARGO_BIN_EXE_suite-order"), &program)?;
    let journal = dir.join("journal");
    let suite = Suite::new(&program.display().to_string(), dir).env("JOURNAL", journal.display().to_string());
    let mut command = suite.args(&["is_slow", "fails", "--retries", "2"]).command()?;

    #[act]
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    std::fs::remove_file(&program)?;
    if replaced {
        std::fs::write(&program, "#!/bin/sh\nexit 7\n")?;
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755))?;
    }
    let output = child.wait_with_output()?;

    #[assert]
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("1 passed; 8 failed"), "{stdout}{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[integration_test]
fn closed_stdout_does_not_stop_the_tests(dir: &TempDir) -> Result<()> {
    #[act("closes stdout before anything is written to it")]
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-outcomes"), dir).args(&["passes", "fails_in_assert"]);
    let mut child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    drop(child.stdout.take());
    let finished = Finished::of(child.wait_with_output()?, &suite);

    #[assert]
    assert_eq!(finished.code(), Some(101), "the exit code is the tests' own");
    assert!(finished.stderr().contains("the report is cut off, stdout cannot be written"), "{}", finished.stderr());
    Ok(())
}

#[integration_test]
fn unwritable_stdout_fails_the_run(dir: &TempDir) -> Result<()> {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full");
    let suite = Suite::new(SELECTION, dir);
    let status = suite.command()?.stdout(full()?).stderr(Stdio::null()).status()?;
    assert_eq!(status.code(), Some(3));
    let status = suite.args(&["--list"]).command()?.stdout(full()?).stderr(Stdio::null()).status()?;
    assert_eq!(status.code(), Some(3));
    Ok(())
}

#[integration_test]
fn list_ends_without_an_error_when_stdout_is_closed(dir: &TempDir) -> Result<()> {
    let suite = Suite::new(SELECTION, dir).args(&["--list"]);
    let mut child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    drop(child.stdout.take());
    let output = child.wait_with_output()?;
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    Ok(())
}

/// A temp dir that was not created needs no teardown, so the error of the setup is the only problem.
#[integration_test]
fn temp_dir_that_cannot_be_created_fails_only_the_setup(
    dir: &TempDir,
    #[values("nowhere", "file", "dangling_link", "loop", "long_name")] kind: &str,
) -> Result<()> {
    let place = match kind {
        "nowhere" => "/nowhere/at/all".into(),
        "long_name" => dir.join("long".repeat(100)),
        _ => dir.join(kind),
    };
    match kind {
        "file" => std::fs::write(&place, "in the way")?,
        "dangling_link" => symlink("/nowhere/at/all", &place)?,
        "loop" => symlink(&place, &place)?,
        _ => {}
    }
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-fixtures"), dir).env("TMPDIR", place.display().to_string());
    let events = suite.events(&["--tag", "files", "--jobs", "1"])?;
    let case = events.case("temp_dir_exists_and_is_empty");
    assert_eq!(case["outcome"], "errored");
    let message = case["failures"][0]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with(&format!("cannot make a temp dir in {}: ", place.display())), "{message}");
    assert_eq!(events.summary()["problems"].as_array().map(Vec::len), Some(0), "{:#}", events.summary());
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn replaced_temp_dir_is_removed_and_other_tests_keep_theirs(
    dir: &TempDir,
    #[values("1", "2")] jobs: &str,
) -> Result<()> {
    let suite = Suite::new(env!("CARGO_BIN_EXE_suite-fixtures"), dir);
    let precious = dir.join("precious");
    std::fs::create_dir(&precious)?;
    std::fs::write(precious.join("file"), "precious")?;
    let suite = suite.env("PRECIOUS", precious.display().to_string());
    let events = suite.events(&["--include-ignored", "--tag", "files", "--jobs", jobs])?;
    assert_eq!(events.finished.code(), Some(0), "{}", events.finished.stdout());
    assert_eq!(std::fs::read_to_string(precious.join("file"))?, "precious");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn worker_started_by_hand_is_refused(dir: &TempDir) -> Result<()> {
    let finished = Suite::new(SELECTION, dir).args(&["--itest-worker"]).run()?;
    assert_refused(&finished, 3, "workers are started by it, not by hand");
    Ok(())
}
