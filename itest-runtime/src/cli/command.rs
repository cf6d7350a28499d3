//! From `main` to the exit code.

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use super::contract::CommandLine;
use super::environment::Environment;
use super::last_failed::LastFailed;
use super::listing::list;
use super::outlet::{Flush, Outlet, Sink, complain, print};
use super::print_config::print_config;
use super::resolve::{Resolved, resolve};
use super::selection::{Selected, select};
use crate::engine::{Run, WORKER_FLAG, signal_number, supervise, work_as_child};
use crate::inject::{Candidate, Registry};
use crate::model::{
    Capture, Color, Event, ExitStatus, Format, HarnessError, NoTests, Recall, RunConfig, Summary, UsageError,
};
use crate::plan::{Named, by_name, ordered};
#[cfg(feature = "junit")]
use crate::report::Junit;
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
    let mut last_failed = LastFailed::of(identity, &config);
    let Selected { mut cases, ignored, mut filtered_out } = selected;
    let recalled = last_failed.as_ref().filter(|last| config.recall != Recall::Nothing && !last.is_empty());
    if config.recall == Recall::OnlyFailed && recalled.is_none() {
        complain("nothing has failed that --last-failed could run again: everything runs");
    }
    if let Some(last) = recalled.filter(|_| config.recall == Recall::OnlyFailed) {
        filtered_out.extend(cases.extract_if(.., |case| !last.contains(&case.name)));
    }
    let ignored = ignored.iter().map(|case| (case.id(), case.entry().meta.ignore.unwrap_or_default())).collect();
    let look = look(identity, line, given, &config, environment);
    let is_watched = look.live_width.is_some();
    let flush = if is_watched || config.capture == Capture::Inherited { Flush::EachEvent } else { Flush::AtTheEnd };
    let mut outlets = outlets(identity, line, &config, look, flush)?;
    let mut order = ordered(&named(&cases), config.order, config.seed)?;
    if let Some(last) = recalled {
        order.sort_by_key(|position| !last.contains(&cases[*position].name));
    }
    let session_locks = registry.session_locks();
    let described = order.into_iter().map(|position| {
        let mut case = cases[position].describe();
        case.locks.extend(session_locks.of(cases[position].entry()));
        case
    });
    let cases = described.collect();
    let run = Run { config, cases, ignored, filtered_out: filtered_out.len(), is_watched };
    let summary = supervise(run, Arc::new(registry), &mut |event: Event| {
        if let Some(last) = &mut last_failed {
            last.event(&event);
        }
        for outlet in &mut outlets {
            outlet.event(&event);
        }
    })?;
    if let Some(Err(error)) = last_failed.map(|last| last.save()) {
        complain(&format!("warning: what failed cannot be kept for --last-failed: {error}"));
    }
    Ok(outlets.iter().fold(status(&summary), |status, outlet| outlet.status(status)))
}

/// The report on stdout, and others that were asked for.
#[cfg_attr(not(feature = "junit"), expect(unused_variables, reason = "only other reports are named after the suite"))]
fn outlets(
    identity: Identity,
    line: &CommandLine,
    config: &RunConfig,
    look: Look,
    flush: Flush,
) -> Result<Vec<Outlet>, UsageError> {
    let reporter: Box<dyn Reporter> = match config.format {
        Format::Pretty => Box::new(Console::new(look)),
        Format::Terse => Box::new(Terse::new(look)),
        Format::Json => Box::new(Json),
    };
    let sink = match line.logfile() {
        None => Sink::stdout(),
        Some(path) => Sink::file("--logfile", Path::new(path))?,
    };
    let outlets = vec![Outlet::new(reporter, sink, flush)];
    #[cfg(feature = "junit")]
    if let Some(path) = &config.junit {
        let name = [identity.package, identity.target].map(Option::unwrap_or_default).join("::");
        // Where it cannot be made, the file cannot, either, and that is told.
        let _ = path.parent().map(std::fs::create_dir_all);
        let report = Outlet::new(Box::new(Junit::new(&name)), Sink::file("--junit", path)?, Flush::AtTheEnd);
        return Ok(outlets.into_iter().chain([report]).collect());
    }
    Ok(outlets)
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
