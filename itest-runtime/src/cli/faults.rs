//! `--faults` and `--fault`: searches for weaknesses of the code under test when its calls fail, and repeats one of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::call::Call;
use super::output::Sink;
use super::refusal::Refusal;
use super::resolve::Resolved;
use super::run::describe_cases;
use super::search::{cases_to_search, in_words, sink, status_of};
use crate::engine::FaultRunner;
use crate::faults::{Baseline, Cell, cells, findings, judge};
use crate::inject::Registry;
use crate::model::{
    CallPlan, Case, CaseReport, CellVerdict, ExitStatus, FaultExecution, FaultJudge, Outcome, RunCallPlan, RunConfig,
    UsageError, map_of,
};
use crate::report::{FaultReport, FaultSummary};

/// How often a report for people says how far the exploration is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(10);

/// The configuration of a run in which one call gets a fault.
///
/// # Errors
///
/// When the text names no call with a fault.
pub(super) fn with_fault(resolved: Resolved, text: &str) -> Result<Resolved, UsageError> {
    let fault = text.parse().map_err(|error| UsageError::new("--fault", format!("{error}")))?;
    let mut config = resolved.config;
    // A limit that the user gives replaces that of the test, as in the exploration.
    let limit = resolved.sources.contains_key("timeout").then_some(config.limits.test);
    let execution = FaultExecution { fault, limit, judged_by: FaultJudge::Report };
    config.calls = RunCallPlan::Same(CallPlan::Inject(execution));
    // The history of a test is that of its runs without unexpected faults.
    config.records = 0;
    Ok(Resolved { config, ..resolved })
}

/// Runs the selected tests, and then again with a fault of each of their calls.
///
/// # Errors
///
/// When nothing is selected, or tests cannot be run at all.
pub(super) fn explore_faults(call: &Call, config: &RunConfig, registry: Registry) -> Result<ExitStatus, Refusal> {
    let Some(cases) = cases_to_search("--faults", call, config, &registry)? else { return Ok(ExitStatus::Passed) };
    let cases = describe_cases(&registry, &cases);
    let exploration = Exploration {
        report: FaultReport::new(config.format, call.report_options(config), config.seed),
        runner: FaultRunner::new(Arc::new(registry), config),
        sink: sink(call)?,
    };
    exploration.run(&cases, config)
}

/// A running exploration.
struct Exploration {
    runner: FaultRunner,
    report: FaultReport,
    sink: Sink,
}

/// The results of the executions without faults.
#[derive(Default)]
struct Observed {
    baselines: Vec<Baseline>,
    failed: usize,
    skipped: usize,
}

impl Exploration {
    fn run(mut self, cases: &[Case], config: &RunConfig) -> Result<ExitStatus, Refusal> {
        let tests = cases.len();
        let (report, budget) = (&self.report, config.budget.in_words());
        self.sink.write(|out| report.begin(tests, &budget, out));
        let observed = self.observe(cases);
        let plan = cells(&observed.baselines);
        let calls = observed.baselines.iter().map(|baseline| baseline.calls.len()).sum();
        let report = &self.report;
        self.sink.write(|out| report.stage(calls, plan.len(), out));
        let judged = self.inject(cases, &observed.baselines, &plan);
        let findings = findings(&observed.baselines, &judged);
        let summary = FaultSummary {
            tests,
            failed: observed.failed,
            skipped: observed.skipped,
            silent: observed.baselines.iter().filter(|baseline| baseline.calls.is_empty()).count(),
            cells: plan.len(),
            executions: self.runner.executions,
            stopped: self.runner.stop_reason.as_ref().map(in_words),
            elapsed: self.runner.elapsed(),
        };
        let report = &self.report;
        self.sink.write(|out| {
            report.findings(&findings, out)?;
            report.end(&summary, &findings, out)
        });
        // Executions that did not get their fault say nothing about the code under test.
        let has_fault = |verdict: &CellVerdict| {
            matches!(verdict, CellVerdict::Tolerated | CellVerdict::Noticed | CellVerdict::Weak(..))
        };
        let has_failed_before = judged.iter().any(|(_, verdict)| matches!(verdict, CellVerdict::FailedBefore(_)));
        let has_explored =
            plan.is_empty() || judged.iter().any(|(_, verdict)| has_fault(verdict)) && !has_failed_before;
        let is_success = findings.is_empty() && observed.failed == 0 && has_explored;
        let status = if is_success { ExitStatus::Passed } else { ExitStatus::TestsFailed };
        let status = status_of(self.runner.stop_reason.take(), status)?;
        Ok(self.sink.status(status))
    }

    /// Runs each test without a fault.
    fn observe(&mut self, cases: &[Case]) -> Observed {
        let mut observed = Observed::default();
        let Self { runner, report, sink } = self;
        runner.observe(cases.to_vec(), &mut |ended: CaseReport| match ended.report.outcome {
            Outcome::Skipped => observed.skipped += 1,
            Outcome::Interrupted => {}
            outcome if outcome.is_success() => observed.baselines.push(Baseline::of(ended.report.case, &ended)),
            _ => {
                observed.failed += 1;
                sink.write(|out| report.failed_without_fault(&ended, out));
            }
        });
        observed
    }

    /// Runs each cell, and judges it.
    fn inject(&mut self, cases: &[Case], tests: &[Baseline], plan: &[Cell]) -> Vec<(Cell, CellVerdict)> {
        let cases = map_of(cases.iter().map(|case| (case.index, case)));
        let executions = plan.iter().filter_map(|cell| {
            let case: &Case = cases.get(&tests[cell.test].case)?;
            Some((case.clone(), cell.execution.clone()))
        });
        let executions = executions.collect();
        let mut judged = Vec::new();
        let mut last_progress = Instant::now();
        let Self { runner, report, sink } = self;
        runner.inject(executions, &mut |position, ended| {
            let cell = &plan[position];
            let baseline = &tests[cell.test];
            let verdict = judge(baseline, cell, &ended);
            sink.write(|out| report.cell(&baseline.id, &cell.execution, &verdict, out));
            judged.push((cell.clone(), verdict));
            if last_progress.elapsed() >= PROGRESS_INTERVAL && judged.len() < plan.len() {
                last_progress = Instant::now();
                sink.write(|out| report.progress(plan.len(), out));
            }
        });
        judged
    }
}
