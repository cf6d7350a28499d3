//! `--wrapper`: runs this binary again under another program, such as a debugger, a tracer or a profiler.

use std::io;
use std::os::unix::process::CommandExt;
use std::process::{Command, Output};

use super::command_line::{CommandLine, WRAPPED_FLAG};
use super::mode::Mode;
use super::output::print_to_stderr;
use super::refusal::Refusal;
use super::resolve::Resolved;
use crate::model::{HarnessError, UsageError};

/// Replaces this process by the wrapper, if one is given and it has not started this process. The wrapper runs this binary with the same arguments.
///
/// # Errors
///
/// When the wrapper cannot be started.
pub(super) fn become_wrapper(line: &CommandLine, resolved: &Resolved) -> Result<(), Refusal> {
    let Some(wrapper) = resolved.config.wrapper.as_ref().filter(|_| !line.is_wrapped && runs_tests(&line.mode)) else {
        return Ok(());
    };
    let place = || resolved.sources.get("wrapper").cloned().unwrap_or_default();
    check(wrapper).map_err(|what| UsageError::new(place(), what))?;
    let binary = std::env::current_exe().map_err(HarnessError::io("find the test binary"))?;
    print_to_stderr(&format!("the tests run under `{wrapper}`, one by one in its process and without time limits"));
    // The shell splits the command into words, as it does on the command line.
    let mut command = Command::new("sh");
    command.args(["-c", &format!("exec {wrapper} \"$@\""), "sh"]).arg(binary).arg(WRAPPED_FLAG);
    let error = command.args(std::env::args_os().skip(1)).exec();
    Err(UsageError::new(place(), not_started(&error)).into())
}

/// Whether the mode runs tests once, for a person to watch. A search starts many processes, which no person can watch.
fn runs_tests(mode: &Mode) -> bool {
    matches!(mode, Mode::Run | Mode::Lanes(_) | Mode::Replay { .. } | Mode::Fault(_))
}

/// Checks whether the shell can read the command and finds its program.
///
/// # Errors
///
/// The reason why the wrapper cannot be started.
fn check(wrapper: &str) -> Result<(), String> {
    let script = format!("set -- {wrapper}\ncommand -v \"$1\" || {{ echo \"there is no program '$1'\" >&2; exit 1; }}");
    let output = Command::new("sh").args(["-c", &script]).output();
    let Output { status, stderr, .. } = output.map_err(|error| not_started(&error))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("the shell cannot start this command: {}", String::from_utf8_lossy(&stderr).trim()))
}

fn not_started(error: &io::Error) -> String {
    format!("the shell that runs this command cannot be started: {error}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_is_split_into_words_as_in_a_shell() {
        assert_eq!(check("env 'A=b c' nice -n 1"), Ok(()));
        assert!(check("no-such-debugger --args").unwrap_err().ends_with("there is no program 'no-such-debugger'"));
        assert!(check("echo 'a").is_err(), "the quote is not closed");
    }
}
