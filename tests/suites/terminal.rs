//! Tests whose programs read and set the terminal.

use std::process::{Command, Stdio};
use std::time::Duration;

use itest::prelude::*;

itest::main!();

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]);
    command
}

/// An interactive shell makes itself the foreground process group of the terminal.
#[integration_test(timeout = "20s")]
fn interactive_shell_prints_hello(#[values(0, 1, 2)] _turn: u8) -> Result<()> {
    let output = Command::new("bash").args(["-ic", "echo hello"]).output()?;
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "hello");
    Ok(())
}

#[integration_test(timeout = "20s")]
fn terminal_is_set(#[values(0, 1, 2)] _turn: u8) -> Result<()> {
    assert!(shell("stty -F /dev/tty -echo && stty -F /dev/tty echo").status()?.success());
    Ok(())
}

/// Other tests that need the terminal wait while this test has it.
#[integration_test(timeout = "20s")]
async fn holds_the_terminal_for_a_while() -> Result<()> {
    assert!(shell("stty -F /dev/tty echo").status()?.success());
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(shell("stty -F /dev/tty echo").status()?.success());
    Ok(())
}

#[integration_test]
fn needs_no_terminal(#[values(0, 1, 2)] _turn: u8) {}

#[integration_test(timeout = "20s", tags("interrupt"), ignore = "for Ctrl-C")]
fn waits_with_the_terminal(teardown: &Teardown) -> Result<()> {
    teardown.defer("leave", async {});
    assert!(shell("stty -F /dev/tty echo").status()?.success());
    eprintln!("waiting");
    std::fs::write(std::env::var("JOURNAL")?, "waiting")?;
    std::thread::sleep(Duration::from_secs(15));
    Ok(())
}

#[integration_test(timeout = "500ms", tags("stopped"), ignore = "hangs")]
fn waits_for_a_stopped_program() -> Result<()> {
    shell("kill -STOP $$; exit").stdin(Stdio::null()).status()?;
    Ok(())
}

#[integration_test(timeout = "500ms", tags("stopped"), ignore = "hangs")]
async fn awaits_a_stopped_program() -> Result<()> {
    let mut program = tokio::process::Command::from(shell("kill -STOP $$; exit"));
    program.kill_on_drop(true).status().await?;
    Ok(())
}
