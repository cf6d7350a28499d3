//! How this process was called: as which suite, with which arguments, in which environment.

use std::io::{self, IsTerminal};

use super::contract::CommandLine;
use super::environment::Environment;
use super::identity::Identity;
use super::invocation::{Consequence, consequence};
use super::refusal::Refusal;
use super::selection::NothingMatched;
use crate::model::{Capture, Color, Format, RunConfig, Sharding};
use crate::report::{ColorMode, Repeat, ReportOptions, TimeColumn};

/// The suite, and what was said to it.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) identity: Identity,
    pub(super) line: CommandLine,
    /// The arguments as they were given.
    pub(super) given: Vec<String>,
    pub(super) environment: Environment,
}

impl Call {
    /// The suite's name, where cargo gave it one.
    pub(super) fn suite(&self) -> Option<String> {
        Some(format!("{}-{}", self.identity.package?, self.identity.target?))
    }

    /// How the user starts this suite.
    pub(super) fn program(&self) -> String {
        match self.identity {
            Identity { package: Some(package), target: Some(target) } => {
                format!("cargo test -p {package} --test {target} --")
            }
            _ => std::env::args().next().unwrap_or_else(|| "the test binary".to_owned()),
        }
    }

    /// What is to be said where nothing matches a selection, and that is no error.
    ///
    /// # Errors
    ///
    /// That nothing matches, where this very suite was meant.
    pub(super) fn without_match(
        &self,
        nothing: &NothingMatched,
        config: &RunConfig,
    ) -> Result<Option<String>, Refusal> {
        match consequence(nothing, config, &self.environment) {
            Consequence::Error => Err(Refusal::NothingMatched(nothing.to_usage_error())),
            Consequence::Notice => Ok(Some(nothing.to_notice())),
            Consequence::Silence => Ok(None),
        }
    }

    /// How tests are run again.
    pub(super) fn repeat(&self) -> Repeat {
        Repeat {
            program: self.program(),
            arguments: without(&["--seed", "--shuffle-seed"], self.given.clone()),
            of_one_test: self.line.of_one_test(),
        }
    }

    /// How this very run is repeated, also where nobody says which part of the suite it is.
    fn repeat_of(&self, config: &RunConfig) -> Repeat {
        let mut repeat = self.repeat();
        if let Sharding::Part(shard) = config.shard {
            repeat.arguments = without(&["--shard"], repeat.arguments);
            repeat.arguments.extend(["--shard".to_owned(), shard.to_string()]);
        }
        repeat
    }

    /// How the run is repeated that is only reported: by its record, or else with the arguments that it was given.
    pub(super) fn repeat_of_report(&self, recorded: &[String], config: &RunConfig) -> Repeat {
        let record = match self.line.mode.reported_records() {
            [only] => Some(only.clone()),
            _ => config.record.as_ref().map(|path| path.display().to_string()),
        };
        let arguments = match record {
            Some(record) => vec!["--replay".to_owned(), record],
            None => without(
                &["--seed", "--shuffle-seed", "--shard", "--record", "--junit", "--ctrf", "--logfile"],
                recorded.to_vec(),
            ),
        };
        Repeat { arguments, ..self.repeat() }
    }

    /// What the report for people looks like.
    pub(super) fn look(&self, config: &RunConfig) -> ReportOptions {
        let to_terminal = self.line.logfile().is_none()
            && io::stdout().is_terminal()
            && self.environment.find("TERM") != Some("dumb");
        let colored = match config.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => to_terminal && self.environment.find("NO_COLOR").is_none(),
        };
        // With the tests' own output on the terminal, a line that is redrawn would only be in its way.
        let has_live_line = to_terminal && config.format == Format::Pretty && config.capture == Capture::Captured;
        let width = || match rustix::termios::tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col >= 20 => usize::from(size.ws_col),
            _ => 80,
        };
        ReportOptions {
            color: if colored { ColorMode::Colored } else { ColorMode::Plain },
            live_width: has_live_line.then(width),
            time: if config.report_time { TimeColumn::Shown } else { TimeColumn::Hidden },
            output: config.show_output,
            repeat: self.repeat_of(config),
            record: None,
        }
    }
}

/// Arguments without these flags and their values; what stands in for them is printed beside.
fn without(flags: &[&str], given: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut given = given.into_iter();
    while let Some(argument) = given.next() {
        if flags.contains(&argument.as_str()) {
            given.next();
        } else if !argument.split_once('=').is_some_and(|(flag, _)| flags.contains(&flag)) {
            kept.push(argument);
        }
    }
    kept
}
