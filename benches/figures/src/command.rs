//! Runs a command and measures its time.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::{Context, Failure};

/// The time from the start to the end of a command without input.
///
/// # Errors
///
/// When the command cannot be started or fails. The message contains its output.
pub fn timed(command: &mut Command) -> Result<Duration, Failure> {
    let since = Instant::now();
    let output = command.stdin(Stdio::null()).output().context(|| format!("running {command:?}"))?;
    let time = since.elapsed();
    if output.status.success() {
        return Ok(time);
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    Err(Failure::new(format!("{command:?} failed:\n{stdout}\n{}", String::from_utf8_lossy(&output.stderr))))
}
