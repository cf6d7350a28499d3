//! Where reports go: stdout, files, and stderr for what has no other place.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::model::{Event, ExitStatus, UsageError, redacted};
use crate::report::{CommandEscaper, Reporter};

/// A report and the place it goes to.
pub(super) struct Outlet {
    reporter: Box<dyn Reporter>,
    sink: Sink,
    flush: Flush,
    loss: Loss,
}

/// What it means that a report cannot be written to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    /// Somebody has asked for it and does not have it.
    Failure,
    /// Nobody has: a warning is enough.
    Bearable,
}

/// When what was written must be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flush {
    /// Somebody watches.
    EachEvent,
    /// Somebody may watch: a few times a second.
    Soon,
    /// At the end at the latest.
    AtTheEnd,
}

impl Outlet {
    pub(super) fn new(reporter: Box<dyn Reporter>, sink: Sink, flush: Flush) -> Self {
        Self { reporter, sink, flush, loss: Loss::Failure }
    }

    /// Nobody has asked for it.
    pub(super) fn unasked(self) -> Self {
        Self { loss: Loss::Bearable, ..self }
    }

    pub(super) fn event(&mut self, event: &Event) {
        let Self { reporter, sink, flush, .. } = self;
        sink.write(|out| {
            reporter.event(event, out)?;
            let is_due = match (&flush, event) {
                (Flush::EachEvent, _) | (_, Event::RunFinished(_)) => true,
                (Flush::Soon, event) => matches!(event, Event::Progress { .. }),
                (Flush::AtTheEnd, _) => false,
            };
            if is_due { out.flush() } else { Ok(()) }
        });
    }

    /// The file it goes to.
    pub(super) fn path(&self) -> &Path {
        &self.sink.name
    }

    /// The exit status, if it is not another one because of the report.
    pub(super) fn status(&self, status: ExitStatus) -> ExitStatus {
        match self.loss {
            Loss::Failure => self.sink.status(status),
            Loss::Bearable => status,
        }
    }
}

/// Where the report goes. When it cannot be written any more, the tests run on: their result is the exit code.
pub(super) struct Sink {
    out: Box<dyn Write>,
    name: PathBuf,
    broken: Option<io::Error>,
}

impl Sink {
    pub(super) fn stdout() -> Self {
        Self { out: Box::new(BufWriter::new(io::stdout())), name: "stdout".into(), broken: None }
    }

    /// With nothing in it that GitHub's runner would obey.
    pub(super) fn defused(self) -> Self {
        Self { out: Box::new(CommandEscaper::new(self.out)), ..self }
    }

    pub(super) fn stderr() -> Self {
        Self { out: Box::new(BufWriter::new(io::stderr())), name: "stderr".into(), broken: None }
    }

    /// The end of a file that others write to, too.
    ///
    /// # Errors
    ///
    /// When it cannot be opened; `name` is what named it.
    pub(super) fn end_of(name: &str, path: &Path) -> Result<Self, UsageError> {
        let refused = |error: io::Error| UsageError::new(format!("{name}={}", path.display()), error.to_string());
        let file = File::options().create(true).append(true).open(path).map_err(refused)?;
        Ok(Self { out: Box::new(BufWriter::new(file)), name: path.to_owned(), broken: None })
    }

    /// A new file.
    ///
    /// # Errors
    ///
    /// When it cannot be made; `flag` is what asked for it.
    pub(super) fn file(flag: &str, path: &Path) -> Result<Self, UsageError> {
        let refused = |error: io::Error| UsageError::new(format!("{flag} {}", path.display()), error.to_string());
        let file = File::create(path).map_err(refused)?;
        Ok(Self { out: Box::new(BufWriter::new(file)), name: path.to_owned(), broken: None })
    }

    pub(super) fn write(&mut self, text: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
        if self.broken.is_none()
            && let Err(error) = text(&mut *self.out)
        {
            complain(&format!("warning: the report is cut off, {} cannot be written: {error}", self.name.display()));
            self.broken = Some(error);
            // What is still buffered would be tried again when it is dropped.
            self.out = Box::new(io::sink());
        }
    }

    /// A report that was lost for want of space is a failure of the harness; a reader that left had seen enough.
    pub(super) fn status(&self, status: ExitStatus) -> ExitStatus {
        match &self.broken {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe && status == ExitStatus::Passed => {
                ExitStatus::Harness
            }
            _ => status,
        }
    }
}

/// Writes to stdout, and says how that went.
pub(super) fn print(text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> ExitStatus {
    let mut out = BufWriter::new(io::stdout());
    match text(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("error: stdout cannot be written: {error}"));
            ExitStatus::Harness
        }
        _ => ExitStatus::Passed,
    }
}

/// Writes one line to stderr, without secrets. If stderr is closed, there is no place left for it.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "itest: {}", redacted(line));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Json;

    #[test]
    fn a_lost_report_is_a_failure_only_if_somebody_asked_for_it() {
        let lost = || {
            let sink = Sink::file("--record", Path::new("/dev/full")).unwrap();
            let mut outlet = Outlet::new(Box::new(Json), sink, Flush::EachEvent);
            outlet.event(&Event::Warning("lost".to_owned()));
            outlet
        };
        assert_eq!(lost().status(ExitStatus::Passed), ExitStatus::Harness);
        assert_eq!(lost().unasked().status(ExitStatus::Passed), ExitStatus::Passed);
        assert_eq!(lost().unasked().status(ExitStatus::TestsFailed), ExitStatus::TestsFailed);
    }
}
