//! Programs that tests start can use the terminal as under libtest, and a stopped program is reported as stopped.

use std::process::{Command, Stdio};
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite, with_default_signals};

const PROGRAM: &str = env!("CARGO_BIN_EXE_suite-terminal");

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(PROGRAM, dir).env("JOURNAL", dir.join("journal").display().to_string())
}

/// The command, in the foreground of a terminal of its own.
fn in_terminal(suite: &Suite<'_>, keys: Stdio) -> Result<Command> {
    let command = suite.command()?;
    let arguments: Vec<_> = command.get_args().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let mut script = Command::new("script");
    with_default_signals(&mut script);
    script.args(["-qec", &format!("{PROGRAM} {}", arguments.join(" ")), "/dev/null"]);
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => script.env(name, value),
            None => script.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        script.current_dir(folder);
    }
    script.stdin(keys).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(script)
}

fn unavailable() -> ! {
    itest::unavailable!("script", "apt-get install bsdutils")
}

#[integration_test(tags("terminal"), timeout = "90s")]
fn programs_of_tests_read_and_set_the_terminal(
    dir: &TempDir,
    #[values("--jobs 1", "--jobs 4", "--in-process")] mode: &str,
) -> Result<()> {
    let suite = suite(dir).args(&mode.split(' ').collect::<Vec<_>>());
    let Ok(script) = in_terminal(&suite, Stdio::null())?.spawn() else { unavailable() };
    let finished = suite.wait_for(script)?;
    let text = finished.stdout();
    assert!(text.contains("10 passed; 0 failed"), "{text}");
    finished.assert_nothing_left();
    Ok(())
}

/// The worker with the terminal is its foreground process group, so only that worker gets the Ctrl-C.
#[integration_test(tags("terminal"), timeout = "60s")]
async fn ctrl_c_ends_the_run_while_a_test_has_the_terminal(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = suite(dir).args(&["--tag", "interrupt", "--ignored", "--color", "never"]);
    let Ok(mut child) = in_terminal(&suite, Stdio::piped())?.spawn() else { unavailable() };
    let mut keys = child.stdin.take().ok_or("no keyboard")?;
    let journal = dir.join("journal");
    eventually(|| async { journal.exists() }).within(Duration::from_secs(20)).equals(true).await?;

    #[act("presses Ctrl-C")]
    std::io::Write::write_all(&mut keys, b"\x03")?;
    let finished = Finished::of(child.wait_with_output()?, &suite);

    #[assert]
    let text = finished.stdout();
    assert!(text.contains("SIGINT: no more tests are started"), "{text}");
    assert!(text.contains("test waits_with_the_terminal ... interrupted"), "{text}");
    assert_eq!(finished.code(), Some(130), "{text}");
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("terminal"))]
#[case::blocking("waits_for_a_stopped_program", "--jobs=1")]
#[case::awaiting("awaits_a_stopped_program", "--jobs=1")]
#[case::awaiting_in_process("awaits_a_stopped_program", "--in-process")]
fn stopped_program_is_named_when_its_test_times_out(
    #[case] test: &str,
    #[case] mode: &str,
    dir: &TempDir,
) -> Result<()> {
    let events = suite(dir).events(&["--exact", test, "--ignored", mode])?;
    let case = events.case(test);
    assert_eq!(case["outcome"], "timed_out", "{case:#}");
    let message = case["failures"][0]["message"].as_str().unwrap_or_default();
    assert!(message.contains("stopped processes: ") && message.contains("(sh -c kill -STOP"), "{message}");
    events.finished.assert_nothing_left();
    Ok(())
}
