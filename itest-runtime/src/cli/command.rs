//! The entry point of a test binary: it runs as a supervisor, a worker or a session server, and returns the exit code.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::call::Call;
use super::command_line::{CommandLine, WRAPPED_FLAG};
use super::detection::{bisection, detection};
use super::environment::Environment;
use super::faults::{explore_faults, with_fault};
use super::fixture_settings::fixture_settings;
#[cfg(feature = "history")]
use super::history::history;
use super::identity::Identity;
use super::listing::{discover, list};
use super::mode::Mode;
use super::output::{print_to_stderr, print_to_stdout};
use super::print_config::print_config;
use super::refusal::Refusal;
use super::report::report;
use super::resolve::resolve;
use super::run::{named_cases, run, select_cases};
use super::selection::SelectedCases;
use super::shard::keep_own_shard;
use super::stack::on_test_stack;
use super::without_effect::refuse_words_without_effect;
use super::wrapper::become_wrapper;
use crate::engine::{WORKER_FLAG, work_as_child};
use crate::inject::{Registry, block_on, give_fixture_settings};
use crate::model::{ExitStatus, Format, HarnessError, NoTests, RunConfig, redacted};
use crate::plan::by_name;
use crate::process::{MIN_OPEN_FILES, clear_inherited_signals, open_files_limit};
use crate::report::{ended_services_in_words, swept_in_words};
use crate::session::{RECOVER_FLAG, SESSION_FLAG, end_kept_services, recover_as_child, roots, serve_session, sweep};

/// Runs this binary in the role that its arguments request: as the supervisor that the user starts, a worker, a session server,
/// or a process that recovers resources.
#[must_use]
pub fn main(identity: Identity) -> ExitCode {
    clear_inherited_signals();
    identity.make_current();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let role = arguments.get(1).and_then(|argument| argument.to_str());
    let result = match role {
        Some(WORKER_FLAG) => Some(on_test_stack(work_as_child)),
        Some(SESSION_FLAG) => {
            Some(serve_session(&Registry::of_session(), arguments.get(2).map(PathBuf::from).unwrap_or_default()))
        }
        Some(RECOVER_FLAG) => Some(recover_as_child(&arguments[2..])),
        _ => None,
    };
    let status = match result {
        Some(result) => result.map(|()| ExitStatus::Passed).map_err(Refusal::from),
        None => run_command(identity, arguments),
    };
    let status = status.unwrap_or_else(|refusal| {
        let (status, message) = match refusal {
            Refusal::Usage(error) => (ExitStatus::Usage, error.to_string()),
            Refusal::NothingMatched(error) => (ExitStatus::NothingMatched, error.to_string()),
            Refusal::Harness(error) => (ExitStatus::Harness, error.chain()),
        };
        print_to_stderr(&format!("error: {message}"));
        status
    });
    ExitCode::from(status.code())
}

/// Runs the command that the user has started.
fn run_command(identity: Identity, arguments: Vec<OsString>) -> Result<ExitStatus, Refusal> {
    let of_user = arguments.iter().skip(1).filter(|argument| *argument != WRAPPED_FLAG);
    let shown_arguments: Vec<String> =
        of_user.map(|argument| redacted(&argument.to_string_lossy()).into_owned()).collect();
    let line = match CommandLine::parse(arguments) {
        Ok(line) => line,
        Err(error) => {
            // The message may repeat an argument with a secret in it.
            let text = redacted(&error.render().to_string()).into_owned();
            if error.use_stderr() {
                // If stderr is closed, the exit code still tells the user of the mistake.
                let _ = std::io::stderr().write_all(text.as_bytes());
                return Ok(ExitStatus::Usage);
            }
            return Ok(print_to_stdout(|out| out.write_all(text.as_bytes())));
        }
    };
    let environment = Environment::read()?;
    let call = Call { identity, line, arguments: shown_arguments, environment };
    let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let resolved = resolve(&call.line, &call.environment, &folder)?;
    for warning in &resolved.warnings {
        print_to_stderr(&format!("warning: {warning}"));
    }
    for (name, likely) in call.environment.misspelt() {
        print_to_stderr(&format!("warning: the variable {name} is not known to itest; did you mean {likely}?"));
    }
    refuse_words_without_effect(&call.line)?;
    become_wrapper(&call.line, &resolved)?;
    let config = &resolved.config;
    give_fixture_settings(fixture_settings(config, &call.environment));
    match &call.line.mode {
        Mode::PrintConfig => Ok(print_to_stdout(|out| out.write_all(print_config(&resolved).as_bytes()))),
        Mode::List => list_tests(&call, resolved.config, &Registry::collect()?),
        Mode::Sweep => check_open_files().and_then(|()| sweep_leftovers(config)),
        Mode::Report { records } => report(&call, records, config, &available_registry()),
        Mode::History => history(&call, resolved.config, &available_registry()),
        Mode::Detect => detection(&call, config, checked_registry()?),
        Mode::Faults => explore_faults(&call, config, checked_registry()?),
        Mode::Fault(fault) => run(&call, with_fault(resolved, fault)?, checked_registry()?),
        Mode::Bisect { test, record } => bisection(&call, config, checked_registry()?, test, record.as_deref()),
        Mode::Run | Mode::Lanes(_) | Mode::Replay { .. } => run(&call, resolved, checked_registry()?),
    }
}

/// The tests and fixtures of the suite, for a mode that runs tests.
///
/// # Errors
///
/// When a run would fail for lack of open files, when the cases of a test cannot be found, or when two tests or fixtures contradict each other.
fn checked_registry() -> Result<Registry, Refusal> {
    check_open_files()?;
    let registry = Registry::collect()?;
    registry.check()?;
    Ok(registry)
}

/// The tests of the suite, for a mode that reports past runs. A machine that only merges records may lack the files of some cases.
fn available_registry() -> Registry {
    let (registry, errors) = Registry::collect_available();
    for error in errors {
        print_to_stderr(&format!("warning: {}", error.chain()));
    }
    registry
}

fn check_open_files() -> Result<(), Refusal> {
    let limit = open_files_limit();
    if limit < MIN_OPEN_FILES {
        return Err(HarnessError::FewOpenFiles { limit, needed: MIN_OPEN_FILES }.into());
    }
    Ok(())
}

#[cfg(not(feature = "history"))]
fn history(_: &Call, _: RunConfig, _: &Registry) -> Result<ExitStatus, Refusal> {
    let what = "this suite is built without it; add the feature `history` to itest in its Cargo.toml";
    Err(crate::model::UsageError::new("--history", what).into())
}

fn list_tests(call: &Call, config: RunConfig, registry: &Registry) -> Result<ExitStatus, Refusal> {
    let config = RunConfig { no_tests: NoTests::Pass, ..config };
    let mut selected = select_cases(registry, call, &config, &mut Vec::new())?;
    keep_own_shard(&mut selected, call, &config, "")?;
    let SelectedCases { mut cases, ignored, .. } = selected;
    cases.extend(ignored);
    let sorted = by_name(&named_cases(&cases))?;
    if config.format == Format::LibtestJson {
        return Ok(print_to_stdout(|out| discover(sorted.iter().map(|position| &cases[*position]), out)));
    }
    Ok(print_to_stdout(|out| list(sorted.iter().map(|position| &*cases[*position].name), config.format, out)))
}

/// Gives back the leftovers of killed runs.
fn sweep_leftovers(config: &RunConfig) -> Result<ExitStatus, Refusal> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(HarnessError::io("start an event loop"))?;
    let (swept, services) = block_on(&runtime, async {
        let roots = roots(config);
        (sweep(&roots).await, end_kept_services(&roots).await)
    });
    for problem in swept.recovered.problems.iter().chain(&services.problems) {
        print_to_stderr(&format!("error: leftovers of a killed run cannot be given back: {problem}"));
    }
    let status = print_to_stdout(|out| {
        writeln!(out, "{}", swept_in_words(&swept))?;
        ended_services_in_words(services.ended, services.in_use).map_or(Ok(()), |text| writeln!(out, "{text}"))
    });
    let is_clean = swept.recovered.problems.is_empty() && services.problems.is_empty();
    Ok(if is_clean { status } else { ExitStatus::Harness })
}
