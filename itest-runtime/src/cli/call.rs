//! The call of this process: its suite, its arguments and its environment.

use std::io::{self, IsTerminal};

use super::command_line::CommandLine;
use super::environment::Environment;
use super::identity::Identity;
use super::invocation::{Consequence, consequence};
use super::refusal::Refusal;
use super::selection::NothingMatched;
use crate::model::{Capture, Color, Format, RunConfig, Sharding};
use crate::report::{ColorMode, Repeat, ReportOptions, TimeColumn};

/// The suite, and the arguments and the environment that it was started with.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) identity: Identity,
    pub(super) line: CommandLine,
    /// The arguments as the user wrote them, without secrets.
    pub(super) arguments: Vec<String>,
    pub(super) environment: Environment,
}

impl Call {
    /// The name of the suite. None if cargo did not build it.
    pub(super) fn suite(&self) -> Option<String> {
        Some(format!("{}-{}", self.identity.package?, self.identity.target?))
    }

    /// The command that starts this suite, without arguments.
    pub(super) fn program(&self) -> String {
        self.identity.program()
    }

    /// Handles a selection that matches no test, as `--no-tests` says. Returns the notice to print, if there is one.
    ///
    /// # Errors
    ///
    /// When a selection without a match is an error.
    pub(super) fn handle_no_match(
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

    /// The command that runs tests of this suite again. The report adds the seed.
    pub(super) fn repeat(&self) -> Repeat {
        Repeat {
            program: self.program(),
            arguments: without_flags(&["--seed", "--shuffle-seed"], self.arguments.clone()),
            of_one_test: self.line.arguments_for_one_test(),
        }
    }

    /// The command that repeats this run. It names the shard, because the variables of the CI system may be missing then.
    fn repeat_of_run(&self, config: &RunConfig) -> Repeat {
        let mut repeat = self.repeat();
        if let Sharding::Part(shard) = config.shard {
            repeat.arguments = without_flags(&["--shard"], repeat.arguments);
            repeat.arguments.extend(["--shard".to_owned(), shard.to_string()]);
        }
        repeat
    }

    /// The command that repeats a reported run: a replay of its record, or the arguments of the run if there is no single record.
    pub(super) fn repeat_of_report(&self, recorded: &[String], config: &RunConfig) -> Repeat {
        let record = match self.line.mode.reported_records() {
            [only] => Some(only.clone()),
            _ => config.record.as_ref().map(|path| path.display().to_string()),
        };
        let arguments = match record {
            Some(record) => vec!["--replay".to_owned(), record],
            None => without_flags(
                &[
                    "--seed",
                    "--shuffle-seed",
                    "--shard",
                    "--record",
                    "--junit",
                    "--ctrf",
                    "--html",
                    "--trace",
                    "--logfile",
                ],
                recorded.to_vec(),
            ),
        };
        Repeat { arguments, ..self.repeat() }
    }

    /// The options of the reports for people.
    pub(super) fn report_options(&self, config: &RunConfig) -> ReportOptions {
        let to_terminal = self.line.logfile().is_none()
            && io::stdout().is_terminal()
            && self.environment.find("TERM") != Some("dumb");
        let colored = match config.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => to_terminal && self.environment.find("NO_COLOR").is_none(),
        };
        // A live line would overwrite output that the tests write directly to the terminal.
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
            repeat: self.repeat_of_run(config),
            record: None,
        }
    }
}

/// The arguments without these flags and their values, for a command that sets these flags itself.
fn without_flags(flags: &[&str], arguments: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if flags.contains(&argument.as_str()) {
            arguments.next();
        } else if !argument.split_once('=').is_some_and(|(flag, _)| flags.contains(&flag)) {
            kept.push(argument);
        }
    }
    kept
}
