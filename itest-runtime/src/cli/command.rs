//! From `main` to the exit code.

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use super::call::Call;
use super::contract::CommandLine;
use super::detection::{bisection, detection};
use super::environment::Environment;
#[cfg(feature = "history")]
use super::history::history;
use super::identity::Identity;
use super::idle::refuse_idle_words;
use super::listing::{discover, list};
use super::outlet::{complain, print};
use super::print_config::print_config;
use super::refusal::Refusal;
use super::report::report;
use super::resolve::resolve;
use super::run::{choose, named, run};
use super::selection::Selected;
use super::share::share;
use super::stack::on_stack_of_tests;
use crate::engine::{WORKER_FLAG, work_as_child};
use crate::inject::Registry;
use crate::model::{ExitStatus, Format, HarnessError, NoTests, RunConfig, UsageError, redacted};
use crate::plan::by_name;
use crate::process::{MIN_OPEN_FILES, clear_inherited_signals, open_files_limit};
use crate::report::swept_in_words;
use crate::session::{RECOVER_FLAG, SESSION_FLAG, recover_as_child, roots, serve_session, sweep};

/// Runs this binary as whatever it was started as: supervisor, worker, or list of tests.
#[must_use]
pub fn main(identity: Identity) -> ExitCode {
    clear_inherited_signals();
    let arguments: Vec<OsString> = std::env::args_os().collect();
    let part = arguments.get(1).and_then(|argument| argument.to_str());
    let played = match part {
        Some(WORKER_FLAG) => Some(on_stack_of_tests(|| work_as_child(&Registry::collect()))),
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
    let given: Vec<String> =
        arguments.iter().skip(1).map(|argument| redacted(&argument.to_string_lossy()).into_owned()).collect();
    let line = match CommandLine::parse(arguments) {
        Ok(line) => line,
        Err(error) => {
            // A mistake may repeat what was given.
            let text = redacted(&error.render().to_string()).into_owned();
            if error.use_stderr() {
                // A closed stream changes nothing.
                let _ = std::io::stderr().write_all(text.as_bytes());
                return Ok(ExitStatus::Usage);
            }
            return Ok(print(|out| out.write_all(text.as_bytes())));
        }
    };
    let environment = Environment::read()?;
    let call = Call { identity, line, given, environment };
    let folder = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("."));
    let resolved = resolve(&call.line, &call.environment, &folder)?;
    for (name, likely) in call.environment.misspelt() {
        complain(&format!("warning: the variable {name} means nothing; did you mean {likely}?"));
    }
    let asked = &call.line.asked;
    if asked.print_config {
        return Ok(print(|out| out.write_all(print_config(&resolved).as_bytes())));
    }
    if let Some((one, other)) = asked.contradiction() {
        return Err(UsageError::new(other, format!("contradicts {one}; give one of them")).into());
    }
    refuse_idle_words(&call.line)?;
    let limit = open_files_limit();
    if limit < MIN_OPEN_FILES && !call.line.lists() {
        return Err(HarnessError::FewOpenFiles { limit, needed: MIN_OPEN_FILES }.into());
    }
    if asked.sweep {
        return sweep_up(&resolved.config);
    }
    let registry = Registry::collect();
    if call.line.lists() {
        return list_tests(&call, resolved.config, &registry);
    }
    if !asked.report.is_empty() {
        return report(&call, &resolved.config, &registry);
    }
    if asked.history {
        return history(&call, resolved.config, &registry);
    }
    registry.check()?;
    if asked.detect {
        return detection(&call, &resolved.config, registry);
    }
    if let Some(test) = &asked.bisect {
        return bisection(&call, &resolved.config, registry, test);
    }
    run(&call, resolved, registry)
}

#[cfg(not(feature = "history"))]
fn history(_: &Call, _: RunConfig, _: &Registry) -> Result<ExitStatus, Refusal> {
    let what = "this suite is built without it; add the feature `history` to itest in its Cargo.toml";
    Err(UsageError::new("--history", what).into())
}

fn list_tests(call: &Call, config: RunConfig, registry: &Registry) -> Result<ExitStatus, Refusal> {
    let config = RunConfig { no_tests: NoTests::Pass, ..config };
    let mut selected = choose(registry, call, &config, &mut Vec::new())?;
    share(&mut selected, call, &config, "")?;
    let Selected { mut cases, ignored, .. } = selected;
    cases.extend(ignored);
    let sorted = by_name(&named(&cases))?;
    if config.format == Format::LibtestJson {
        return Ok(print(|out| discover(sorted.iter().map(|position| &cases[*position]), out)));
    }
    Ok(print(|out| list(sorted.iter().map(|position| &*cases[*position].name), config.format, out)))
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
