//! The JSON lines of a detection or an exploration: of a run, or from a file.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::Stdio;

use crate::Problem;
use crate::suite::Target;

/// Where the lines come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A run of the suite, with this seed if there is one.
    Run(Option<u64>),
    /// A file with the output of an earlier run.
    File(PathBuf),
}

/// Calls `read_line` with each line of a source. The arguments go to the suite if it runs, and its messages to the standard error.
///
/// # Errors
///
/// When the file cannot be read, the suite cannot be started, or `read_line` returns an error.
pub fn read_report(
    source: &Source,
    target: Target,
    arguments: &[String],
    mut read_line: impl FnMut(&str) -> Result<(), Problem>,
) -> Result<(), Problem> {
    let seed = match source {
        Source::Run(seed) => *seed,
        Source::File(path) => {
            let text = fs::read_to_string(path)
                .map_err(|error| Problem::because(format!("cannot read {}", path.display()), error))?;
            return text.lines().try_for_each(read_line);
        }
    };
    let mut command = target.cargo_test();
    command.args(["--", target.mode(), "--format", "json"]).stdout(Stdio::piped());
    if let Some(seed) = seed {
        command.args(["--seed", &seed.to_string()]);
    }
    command.args(arguments);
    let failed = |error| Problem::because("cannot run `cargo test`", error);
    let mut child = command.spawn().map_err(failed)?;
    if let Some(lines) = child.stdout.take() {
        for line in BufReader::new(lines).lines() {
            read_line(&line.map_err(failed)?)?;
        }
    }
    // The exit code is ignored, because the run fails if it finds something. Its last line shows whether it finished.
    child.wait().map_err(failed)?;
    Ok(())
}
