//! What searches over many executions of the selected tests have in common: `--detect`, `--bisect` and `--faults`.

use std::path::Path;

use super::call::Call;
use super::output::{Sink, print_to_stderr};
use super::refusal::Refusal;
use super::run::{named_cases, select_cases};
use super::selection::SelectedCases;
use crate::engine::{StopReason, signal_number};
use crate::inject::{Candidate, Registry};
use crate::model::{ExitStatus, HarnessError, Isolation, NoTests, Order, RunConfig, UsageError};
use crate::plan::ordered;

/// The selected tests. `None` if there is none and that is no error.
///
/// # Errors
///
/// When nothing is selected, when the tests cannot run in processes, or when the budget is too small to run each of them once.
pub(super) fn cases_to_search(
    flag: &str,
    call: &Call,
    config: &RunConfig,
    registry: &Registry,
) -> Result<Option<Vec<Candidate>>, Refusal> {
    require_processes(flag, config)?;
    let mut notices = Vec::new();
    let SelectedCases { cases, .. } = select_cases(registry, call, config, &mut notices)?;
    for notice in &notices {
        print_to_stderr(notice);
    }
    if cases.is_empty() && !notices.is_empty() {
        return Ok(None);
    }
    let cases = in_declared_order(&cases, config)?;
    if cases.is_empty() && config.no_tests != NoTests::Pass {
        return Err(Refusal::NothingMatched(UsageError::new("nothing matched", "there is no test to examine")));
    }
    if let Some(most) = config.budget.executions
        && most < cases.len()
    {
        let what = format!(
            "too small: to run all {} tests once takes that many executions; give a larger budget, or a filter",
            cases.len()
        );
        return Err(UsageError::new(format!("--budget {most}"), what).into());
    }
    Ok(Some(cases))
}

/// Where the report of the search is written.
///
/// # Errors
///
/// When the file of `--logfile` cannot be written.
pub(super) fn sink(call: &Call) -> Result<Sink, Refusal> {
    match call.line.logfile() {
        None => Ok(Sink::stdout()),
        Some(path) => Ok(Sink::file("--logfile", Path::new(path))?),
    }
}

/// The reason why a search ended early.
pub(super) fn in_words(reason: &StopReason) -> String {
    match reason {
        StopReason::BudgetUsedUp => "the budget is used up".to_owned(),
        StopReason::Signal(signal) => format!("ended by {signal}"),
        StopReason::HarnessFailed(error) => error.chain(),
    }
}

/// The exit status of a search whose result has this status.
///
/// # Errors
///
/// When the harness has failed.
pub(super) fn status_of(stopped: Option<StopReason>, result: ExitStatus) -> Result<ExitStatus, Refusal> {
    match stopped {
        Some(StopReason::HarnessFailed(error)) => Err(HarnessError::into(error)),
        Some(StopReason::Signal(signal)) => Ok(ExitStatus::Signal(signal_number(&signal))),
        Some(StopReason::BudgetUsedUp) | None => Ok(result),
    }
}

/// Refuses a run without worker processes, because each probe needs new processes.
pub(super) fn require_processes(flag: &str, config: &RunConfig) -> Result<(), UsageError> {
    if config.session.nextest.is_some() {
        return Err(UsageError::new(flag, "does not work under cargo-nextest, which starts a process for each test"));
    }
    if config.isolation == Isolation::InProcess {
        return Err(UsageError::new(
            flag,
            "needs worker processes, so it works neither with --in-process nor under a debugger",
        ));
    }
    Ok(())
}

pub(super) fn in_declared_order(cases: &[Candidate], config: &RunConfig) -> Result<Vec<Candidate>, HarnessError> {
    let order = ordered(&named_cases(cases), Order::Declared, config.seed)?;
    Ok(order.into_iter().map(|position| cases[position].clone()).collect())
}
