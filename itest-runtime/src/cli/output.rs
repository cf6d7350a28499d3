//! The output of this process: reports to stdout and files, and messages to stderr.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::model::{Event, ExitStatus, UsageError, redacted};
use crate::report::{CommandEscaper, Reporter};

/// Writes one report to its destination.
pub(super) struct ReportWriter {
    reporter: Box<dyn Reporter>,
    sink: Sink,
    flush: Flush,
    on_error: OnWriteError,
}

/// The consequence of a report that cannot be written completely.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum OnWriteError {
    /// The run fails, because the user requested the report.
    FailRun,
    /// A warning is printed, because the report is optional.
    Warn,
}

/// When buffered output is flushed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flush {
    /// After each event, for a user who watches the terminal.
    EachEvent,
    /// A few times a second, for a user who may watch.
    Periodically,
    /// At the end of the run.
    AtEnd,
}

impl ReportWriter {
    pub(super) fn new(reporter: Box<dyn Reporter>, sink: Sink, flush: Flush) -> Self {
        Self { reporter, sink, flush, on_error: OnWriteError::FailRun }
    }

    /// Makes the report optional: an error while it is written does not fail the run.
    pub(super) fn optional(self) -> Self {
        Self { on_error: OnWriteError::Warn, ..self }
    }

    /// Writes the part of the report that follows from an event.
    pub(super) fn handle_event(&mut self, event: &Event) {
        let Self { reporter, sink, flush, .. } = self;
        sink.write(|out| {
            reporter.event(event, out)?;
            let is_due = match (&flush, event) {
                (Flush::EachEvent, _) | (_, Event::RunFinished(_)) => true,
                (Flush::Periodically, event) => matches!(event, Event::Progress { .. }),
                (Flush::AtEnd, _) => false,
            };
            if is_due { out.flush() } else { Ok(()) }
        });
    }

    /// The path of the file that the report is written to.
    pub(super) fn path(&self) -> &Path {
        &self.sink.name
    }

    /// The exit status of the run, after this report. A lost report turns success into a failure of the harness.
    pub(super) fn status(&self, status: ExitStatus) -> ExitStatus {
        match self.on_error {
            OnWriteError::FailRun => self.sink.status(status),
            OnWriteError::Warn => status,
        }
    }
}

/// A destination of reports. If it cannot be written any more, the tests still run, because their result is the exit code.
pub(super) struct Sink {
    out: Box<dyn Write>,
    name: PathBuf,
    error: Option<io::Error>,
}

impl Sink {
    pub(super) fn stdout() -> Self {
        Self { out: Box::new(BufWriter::new(io::stdout())), name: "stdout".into(), error: None }
    }

    /// Escapes the text that GitHub's runner would execute as a command.
    pub(super) fn with_escaped_commands(self) -> Self {
        Self { out: Box::new(CommandEscaper::new(self.out)), ..self }
    }

    pub(super) fn stderr() -> Self {
        Self { out: Box::new(BufWriter::new(io::stderr())), name: "stderr".into(), error: None }
    }

    /// Appends to a file that other programs also write to.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened. `name` is the variable that names it.
    pub(super) fn append_to(name: &str, path: &Path) -> Result<Self, UsageError> {
        let refused = |error: io::Error| UsageError::new(format!("{name}={}", path.display()), error.to_string());
        let file = File::options().create(true).append(true).open(path).map_err(refused)?;
        Ok(Self { out: Box::new(BufWriter::new(file)), name: path.to_owned(), error: None })
    }

    /// Creates a file.
    ///
    /// # Errors
    ///
    /// When the file cannot be created. `flag` is the flag that names it.
    pub(super) fn file(flag: &str, path: &Path) -> Result<Self, UsageError> {
        let refused = |error: io::Error| UsageError::new(format!("{flag} {}", path.display()), error.to_string());
        let file = File::create(path).map_err(refused)?;
        Ok(Self { out: Box::new(BufWriter::new(file)), name: path.to_owned(), error: None })
    }

    pub(super) fn write(&mut self, text: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.error.is_none()
            && let Err(error) = text(&mut *self.out)
        {
            print_to_stderr(&format!(
                "warning: the report is cut off, {} cannot be written: {error}",
                self.name.display()
            ));
            self.error = Some(error);
            // The buffer would otherwise write its content again when it is dropped.
            self.out = Box::new(io::sink());
        }
    }

    /// The exit status of the run. A report that could not be written is a failure of the harness, unless its reader has closed the pipe.
    pub(super) fn status(&self, status: ExitStatus) -> ExitStatus {
        match &self.error {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe && status == ExitStatus::Passed => {
                ExitStatus::Harness
            }
            _ => status,
        }
    }
}

/// Writes to stdout. Returns the exit status.
pub(super) fn print_to_stdout(text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> ExitStatus {
    let mut out = BufWriter::new(io::stdout());
    match text(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            print_to_stderr(&format!("error: stdout cannot be written: {error}"));
            ExitStatus::Harness
        }
        _ => ExitStatus::Passed,
    }
}

/// Writes one line to stderr, without secrets. If stderr is closed, the line is lost.
pub(super) fn print_to_stderr(line: &str) {
    let _ = writeln!(io::stderr(), "itest: {}", redacted(line));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Json;

    #[test]
    fn lost_report_fails_the_run_only_if_it_was_requested() {
        let lost_report = || {
            let sink = Sink::file("--record", Path::new("/dev/full")).unwrap();
            let mut writer = ReportWriter::new(Box::new(Json), sink, Flush::EachEvent);
            writer.handle_event(&Event::Warning("lost".to_owned()));
            writer
        };
        assert_eq!(lost_report().status(ExitStatus::Passed), ExitStatus::Harness);
        assert_eq!(lost_report().optional().status(ExitStatus::Passed), ExitStatus::Passed);
        assert_eq!(lost_report().optional().status(ExitStatus::TestsFailed), ExitStatus::TestsFailed);
    }
}
