//! From `main` to the exit code.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::contract::CommandLine;
use super::environment::Environment;
use super::listing::list;
use super::print_config::print_config;
use super::resolve::{Resolved, resolve};
use super::selection::{Selected, select};
use crate::engine::{Run, WORKER_FLAG, signal_number, supervise, work_as_child};
use crate::inject::{Candidate, Registry};
use crate::model::{Capture, Color, Event, ExitStatus, Format, HarnessError, NoTests, RunConfig, Summary, UsageError};
use crate::plan::{Named, by_name, ordered};
use crate::report::{ColorMode, Console, Json, Look, Repeat, Reporter, Terse, TimeColumn, swept_in_words};
use crate::session::{RECOVER_FLAG, SESSION_FLAG, recover_as_child, roots, serve_session, sweep};

/// Which suite this binary is; `itest::main!()` fills it in.
#[derive(Debug, Clone, Copy)]
pub struct Identity {
    /// The package's name.
    pub package: Option<&'static str>,
    /// The test target's name.
    pub target: Option<&'static str>,
}

/// Why there is no summary.
#[derive(Debug)]
enum Refusal {
    Usage(UsageError),
    NothingMatched(UsageError),
    Harness(HarnessError),
}

impl From<UsageError> for Refusal {
    fn from(error: UsageError) -> Self {
        Self::Usage(error)
    }
}

impl From<HarnessError> for Refusal {
    fn from(error: HarnessError) -> Self {
        Self::Harness(error)
    }
}

/// Runs this binary as whatever it was started as: supervisor, worker, or list of tests.
#[must_use]
pub fn main(identity: Identity) -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let part = arguments.get(1).and_then(|argument| argument.to_str());
    let played = match part {
        Some(WORKER_FLAG) => Some(work_as_child(&Registry::collect())),
        Some(SESSION_FLAG) => {
            Some(serve_session(&Registry::collect(), arguments.get(2).map(PathBuf::from).unwrap_or_default()))
        }
        Some(RECOVER_FLAG) => Some(recover_as_child(&arguments[2..])),
        _ => None,
    };
    let status = match played {
        Some(played) => played.map(|()| ExitStatus::Passed).map_err(Refusal::from),
        None => serve(identity, arguments),
    };
    let status = status.unwrap_or_else(|refusal| {
        let (status, message) = match refusal {
            Refusal::Usage(error) => (ExitStatus::Usage, error.to_string()),
            Refusal::NothingMatched(error) => (ExitStatus::NothingMatched, error.to_string()),
            Refusal::Harness(error) => (ExitStatus::Harness, error.chain()),
        };
        complain(&format!("error: {message}"));
        status
    });
    ExitCode::from(status.code())
}

fn serve(identity: Identity, arguments: Vec<OsString>) -> Result<ExitStatus, Refusal> {
    let given: Vec<String> = arguments.iter().skip(1).map(|argument| argument.to_string_lossy().into_owned()).collect();
    let line = match CommandLine::parse(arguments) {
        Ok(line) => line,
        Err(error) => {
            // A request for help is answered on stdout, a mistake on stderr; a closed stream changes neither.
            let _ = error.print();
            return Ok(if error.use_stderr() { ExitStatus::Usage } else { ExitStatus::Passed });
        }
    };
    let environment = Environment::read()?;
    let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let resolved = resolve(&line, &environment, &folder)?;
    for (name, likely) in environment.misspelt() {
        complain(&format!("warning: the variable {name} means nothing; did you mean {likely}?"));
    }
    if line.print_config {
        return Ok(print(|out| out.write_all(print_config(&resolved).as_bytes())));
    }
    if line.sweep {
        return sweep_up(&resolved.config);
    }
    let registry = Registry::collect();
    let Resolved { mut config, .. } = resolved;
    if line.lists() {
        config.no_tests = NoTests::Pass;
        let Selected { mut cases, ignored, .. } = choose(&registry, &line, &config)?;
        cases.extend(ignored);
        let sorted = by_name(&named(&cases))?;
        return Ok(print(|out| list(sorted.iter().map(|position| &*cases[*position].name), config.format, out)));
    }
    registry.check()?;
    let selected = choose(&registry, &line, &config)?;
    run(identity, &line, given, config, selected, registry, &environment)
}

/// Gives back what dead runs left, and does nothing else.
fn sweep_up(config: &RunConfig) -> Result<ExitStatus, Refusal> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(HarnessError::io("start an event loop"))?;
    let swept = runtime.block_on(sweep(&roots(config)));
    for problem in &swept.recovered.problems {
        complain(&format!("error: what a dead run left cannot be given back: {problem}"));
    }
    let told = print(|out| writeln!(out, "{}", swept_in_words(&swept)));
    Ok(if swept.recovered.problems.is_empty() { told } else { ExitStatus::Harness })
}

fn choose(registry: &Registry, line: &CommandLine, config: &RunConfig) -> Result<Selected, Refusal> {
    select(registry, line, config).map_err(|nothing| Refusal::NothingMatched(nothing.to_usage_error()))
}

/// What their order depends on.
fn named(cases: &[Candidate]) -> Vec<Named<'_>> {
    cases.iter().map(|case| Named { name: &case.name, location: case.entry().location, row: case.row() }).collect()
}

fn run(
    identity: Identity,
    line: &CommandLine,
    given: Vec<String>,
    config: RunConfig,
    selected: Selected,
    registry: Registry,
    environment: &Environment,
) -> Result<ExitStatus, Refusal> {
    let Selected { cases, ignored, filtered_out } = selected;
    let ignored = ignored.iter().map(|case| (case.id(), case.entry().meta.ignore.unwrap_or_default())).collect();
    let look = look(identity, line, given, &config, environment);
    let is_watched = look.live_width.is_some();
    let mut reporter: Box<dyn Reporter> = match config.format {
        Format::Pretty => Box::new(Console::new(look)),
        Format::Terse => Box::new(Terse::new(look)),
        Format::Json => Box::new(Json),
    };
    let mut sink = Sink::open(line.logfile())?;
    let order = ordered(&named(&cases), config.order, config.seed)?;
    let session_locks = registry.session_locks();
    let described = order.into_iter().map(|position| {
        let mut case = cases[position].describe();
        case.locks.extend(session_locks.of(cases[position].entry()));
        case
    });
    let cases = described.collect();
    let flush_each = is_watched || config.capture == Capture::Inherited;
    let run = Run { config, cases, ignored, filtered_out: filtered_out.len(), is_watched };
    let summary = supervise(run, Arc::new(registry), &mut |event: Event| {
        sink.write(|out| {
            reporter.event(&event, out)?;
            if flush_each { out.flush() } else { Ok(()) }
        });
    })?;
    Ok(sink.status(status(&summary)))
}

fn status(summary: &Summary) -> ExitStatus {
    match summary.interrupted_by {
        Some(signal) => ExitStatus::Signal(signal_number(signal)),
        None if summary.is_success() => ExitStatus::Passed,
        None => ExitStatus::TestsFailed,
    }
}

fn look(
    identity: Identity,
    line: &CommandLine,
    given: Vec<String>,
    config: &RunConfig,
    environment: &Environment,
) -> Look {
    let to_terminal =
        line.logfile().is_none() && io::stdout().is_terminal() && environment.find("TERM") != Some("dumb");
    let colored = match config.color {
        Color::Always => true,
        Color::Never => false,
        Color::Auto => to_terminal && environment.find("NO_COLOR").is_none(),
    };
    // With the tests' own output on the terminal, a line that is redrawn would only be in its way.
    let has_live_line = to_terminal && config.format == Format::Pretty && config.capture == Capture::Captured;
    let width = || match rustix::termios::tcgetwinsize(io::stdout()) {
        Ok(size) if size.ws_col >= 20 => usize::from(size.ws_col),
        _ => 80,
    };
    Look {
        color: if colored { ColorMode::Colored } else { ColorMode::Plain },
        live_width: has_live_line.then(width),
        time: if config.report_time { TimeColumn::Shown } else { TimeColumn::Hidden },
        output: config.show_output,
        repeat: Repeat { program: program(identity), arguments: without_seed(given), of_one_test: line.of_one_test() },
    }
}

/// How the user starts this suite.
fn program(identity: Identity) -> String {
    match identity {
        Identity { package: Some(package), target: Some(target) } => {
            format!("cargo test -p {package} --test {target} --")
        }
        _ => std::env::args().next().unwrap_or_else(|| "the test binary".to_owned()),
    }
}

/// The arguments that fix a run, but for its seed, which is printed beside them.
fn without_seed(given: Vec<String>) -> Vec<String> {
    let mut kept = Vec::new();
    let mut given = given.into_iter();
    while let Some(argument) = given.next() {
        if argument == "--seed" || argument == "--shuffle-seed" {
            given.next();
        } else if !argument.starts_with("--seed=") && !argument.starts_with("--shuffle-seed=") {
            kept.push(argument);
        }
    }
    kept
}

/// Where the report goes. When it cannot be written any more, the tests run on: their result is the exit code.
struct Sink {
    out: Box<dyn Write>,
    name: PathBuf,
    broken: Option<io::Error>,
}

impl Sink {
    fn open(logfile: Option<&str>) -> Result<Self, UsageError> {
        let (out, name): (Box<dyn Write>, PathBuf) = match logfile {
            None => (Box::new(BufWriter::new(io::stdout())), "stdout".into()),
            Some(path) => {
                let file = File::create(Path::new(path))
                    .map_err(|error| UsageError::new(format!("--logfile {path}"), error.to_string()))?;
                (Box::new(BufWriter::new(file)), path.into())
            }
        };
        Ok(Self { out, name, broken: None })
    }

    fn write(&mut self, text: impl FnOnce(&mut dyn Write) -> io::Result<()>) {
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
    fn status(&self, status: ExitStatus) -> ExitStatus {
        match &self.broken {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe && status == ExitStatus::Passed => {
                ExitStatus::Harness
            }
            _ => status,
        }
    }
}

fn print(text: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> ExitStatus {
    let mut out = BufWriter::new(io::stdout());
    match text(&mut out).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            complain(&format!("error: stdout cannot be written: {error}"));
            ExitStatus::Harness
        }
        _ => ExitStatus::Passed,
    }
}

/// One line on stderr; if that is closed too, there is nobody to tell.
fn complain(line: &str) {
    let _ = writeln!(io::stderr(), "itest: {line}");
}
