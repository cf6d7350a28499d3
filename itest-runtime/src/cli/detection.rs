//! `--detect` and `--bisect`: searches for unreliable tests and for the cause of a recorded failure.

use std::collections::HashSet;
use std::sync::Arc;

use super::call::Call;
use super::output::Sink;
use super::records;
use super::refusal::Refusal;
use super::run::{describe_cases, select_cases};
use super::script::{cases_by_name, find};
use super::search::{cases_to_search, in_declared_order, in_words, require_processes, sink, status_of};
use crate::detect::{Confidence, Detection, DetectionProgress, Subject, Tally, detect, explain};
use crate::engine::WorkerProbeRunner;
use crate::inject::{Candidate, Registry, TestEntry};
use crate::model::{CaseIndex, CaseReport, ExitStatus, Lie, RunConfig, UsageError, Verdict, set_of};
use crate::report::{DetectionReport, DetectionSummary, Record};

/// The number of lanes in a probe if the run has at most two workers. Tests must overlap to disturb each other, even if that is slower.
const LANES_OF_SMALL_RUNS: usize = 4;

/// Searches for unreliable tests among the selected ones.
///
/// # Errors
///
/// When nothing is selected, or probes cannot be run at all.
pub(super) fn detection(call: &Call, config: &RunConfig, registry: Registry) -> Result<ExitStatus, Refusal> {
    let Some(cases) = cases_to_search("--detect", call, config, &registry)? else { return Ok(ExitStatus::Passed) };
    let subjects: Vec<Subject> = cases.iter().map(subject).collect();
    let mut search = Search::new(call, config, registry, &cases)?;
    let lanes = if config.jobs.get() > 2 { config.jobs.get() } else { LANES_OF_SMALL_RUNS };
    let (report, sink, runner) = (&mut search.report, &mut search.sink, &mut search.runner);
    let budget = config.budget.in_words();
    sink.write(|out| report.begin(subjects.len(), config.seed, &budget, out));
    let detection = detect(runner, &subjects, config.seed, lanes, &mut |progress| match progress {
        DetectionProgress::Stage(words) => sink.write(|out| report.stage(words, out)),
        DetectionProgress::Verdict(verdict) => sink.write(|out| report.verdict(verdict, out)),
    });
    search.end(subjects.len(), &detection)
}

/// Searches for the cause of a failure in a recorded run.
///
/// # Errors
///
/// When there is no such test or no such failure, or probes cannot be run at all.
pub(super) fn bisection(
    call: &Call,
    config: &RunConfig,
    registry: Registry,
    test: &str,
    recorded: Option<&str>,
) -> Result<ExitStatus, Refusal> {
    require_processes("--bisect", config)?;
    let flag = format!("--bisect {test}");
    let known = cases_by_name(&registry);
    let suspect = find(&known, &flag, test)?.index;
    let record = records::read(&flag, recorded.unwrap_or("last"), call, config)?;
    records::check(&flag, &record, call, &registry)?;
    let failing = failing_run(&record, test).ok_or_else(|| {
        UsageError::new(
            &flag,
            "it did not fail in the record; name a record in which it did with --replay, or use --detect",
        )
    })?;
    // Only a test of the recorded run can have caused the failure. A filter restricts the search further.
    let recorded: HashSet<&str> = record.attempts().iter().map(|attempt| attempt.id.as_str()).collect();
    let chosen: HashSet<CaseIndex> =
        select_cases(&registry, call, config, &mut Vec::new())?.cases.iter().map(|case| case.index).collect();
    let is_candidate = |case: &Candidate| {
        let is_chosen = config.selection.is_everything() || chosen.contains(&case.index);
        case.index == suspect || recorded.contains(&*case.name) && is_chosen
    };
    let indices = |attempts: Vec<&CaseReport>| -> Vec<CaseIndex> {
        let known_cases = attempts.iter().filter_map(|attempt| known.get(attempt.id.as_str()));
        known_cases.filter(|case| is_candidate(case)).map(|case| case.index).collect()
    };
    let (same_worker, all_before, beside) =
        (indices(failing.same_worker), indices(failing.all_before), indices(failing.beside));
    let config = RunConfig { seed: record.seed, ..config.clone() };
    let candidates: Vec<Candidate> = known.values().filter(|case| is_candidate(case)).cloned().collect();
    let cases: Vec<Candidate> = in_declared_order(&candidates, &config)?;
    let subjects: Vec<Subject> = cases.iter().map(subject).collect();
    let mut search = Search::new(call, &config, registry, &cases)?;
    let detection = explain(&mut search.runner, &subjects, suspect, &[same_worker, all_before], &beside);
    for verdict in &detection.verdicts {
        let report = &mut search.report;
        search.sink.write(|out| report.verdict(verdict, out));
    }
    let is_reproduced = detection.verdicts.iter().any(|verdict| !is_only_recorded(verdict));
    if !is_reproduced && search.runner.stop_reason.is_none() {
        let rate = detection.verdicts.first().map(|verdict| verdict.with).unwrap_or_default();
        let runs = rate.runs.saturating_sub(1);
        search.sink.write(|out| {
            writeln!(out, "\nthe failure could not be reproduced: {test} failed once when it was recorded, and never in {runs} runs of this search")
        });
    }
    search.end(1, &detection)
}

/// Whether the recorded failure is the only one, so that no probe has reproduced it.
fn is_only_recorded(verdict: &Verdict) -> bool {
    verdict.lie == Lie::Flaky && verdict.with.failures <= 1
}

/// A recorded failure, and the attempts that may have caused it.
struct FailingRun<'r> {
    /// The earlier attempts in the same worker.
    same_worker: Vec<&'r CaseReport>,
    /// The attempts in all workers that had ended before.
    all_before: Vec<&'r CaseReport>,
    /// The attempts in other workers that overlapped with the failed one.
    beside: Vec<&'r CaseReport>,
}

fn failing_run<'r>(record: &'r Record, test: &str) -> Option<FailingRun<'r>> {
    let attempts = record.attempts();
    let position =
        attempts.iter().position(|attempt| attempt.id.as_str() == test && !attempt.report.outcome.is_success())?;
    let failed = attempts[position];
    let (before, after) = attempts.split_at(position);
    let end = |attempt: &CaseReport| attempt.started + attempt.elapsed;
    let (beside, ended): (Vec<_>, Vec<_>) =
        before.iter().copied().partition(|attempt| attempt.worker != failed.worker && end(attempt) > failed.started);
    let later = after.iter().skip(1).copied();
    let started_during = later.filter(|attempt| attempt.worker != failed.worker && attempt.started < end(failed));
    Some(FailingRun {
        same_worker: before.iter().copied().filter(|attempt| attempt.worker == failed.worker).collect(),
        all_before: ended,
        beside: beside.into_iter().chain(started_during).collect(),
    })
}

/// A running search: the probes, and the report of their results.
struct Search {
    runner: WorkerProbeRunner,
    report: DetectionReport,
    sink: Sink,
}

impl Search {
    fn new(call: &Call, config: &RunConfig, registry: Registry, cases: &[Candidate]) -> Result<Self, Refusal> {
        let described = describe_cases(&registry, cases);
        let runner = WorkerProbeRunner::new(Arc::new(registry), described, config)?;
        let report = DetectionReport::new(config.format, call.report_options(config));
        Ok(Self { runner, report, sink: sink(call)? })
    }

    fn end(mut self, tests: usize, detection: &Detection) -> Result<ExitStatus, Refusal> {
        let summary = DetectionSummary {
            tests,
            least_runs: detection.least_runs,
            skipped: detection.skipped,
            in_words: Tally::new(detection.least_runs, 0).in_words(Confidence::P95),
            stopped: self.runner.stop_reason.as_ref().map(in_words),
            probes: self.runner.probes,
            executions: self.runner.executions,
            elapsed: self.runner.elapsed(),
        };
        let report = &self.report;
        self.sink.write(|out| report.end(&summary, out));
        let status = if detection.verdicts.is_empty() { ExitStatus::Passed } else { ExitStatus::TestsFailed };
        let status = status_of(self.runner.stop_reason.take(), status)?;
        Ok(self.sink.status(status))
    }
}

/// The subject of a detection: a test with the things that it may share with other tests, which are its module, tags and fixtures.
fn subject(case: &Candidate) -> Subject {
    let entry: &TestEntry = case.entry();
    let module = entry.name.rsplit_once("::").map(|(module, _)| format!("module {module}"));
    let tags = entry.meta.tags.iter().map(|tag| format!("tag {tag}"));
    let fixtures = entry.parameters.iter().map(|parameter| format!("fixture {}", ((parameter.fixture)().name)()));
    let shares = set_of(module.into_iter().chain(tags).chain(fixtures));
    Subject { index: case.index, id: case.id(), shares: shares.into_iter().collect() }
}
