//! `--detect` and `--bisect`: from the command line to the laboratory and back to a report.

use std::collections::{BTreeSet, HashSet};
use std::path::Path;
use std::sync::Arc;

use super::call::Call;
use super::outlet::{Sink, complain};
use super::records;
use super::refusal::Refusal;
use super::run::{choose, described, named};
use super::script::{find, known};
use super::selection::Selected;
use crate::detect::{Confidence, Detection, DetectionProgress, Subject, Tally, detect, explain};
use crate::engine::{Halt, WorkerLaboratory, signal_number};
use crate::inject::{Candidate, Registry, TestEntry};
use crate::model::{
    CaseIndex, CaseReport, ExitStatus, HarnessError, Isolation, Lie, NoTests, Order, RunConfig, UsageError, Verdict,
};
use crate::plan::ordered;
use crate::report::{DetectionReport, DetectionSummary, Record};

/// So many tests run side by side, if nobody says otherwise: they must overlap, not be fast.
const LANES: usize = 4;

/// Looks for tests that lie among those that are selected.
///
/// # Errors
///
/// When nothing is selected, or probes cannot be run at all.
pub(super) fn detection(call: &Call, config: &RunConfig, registry: Registry) -> Result<ExitStatus, Refusal> {
    refuse_threads("--detect", config)?;
    let mut notices = Vec::new();
    let Selected { cases, .. } = choose(&registry, call, config, &mut notices)?;
    for notice in &notices {
        complain(notice);
    }
    if cases.is_empty() && !notices.is_empty() {
        return Ok(ExitStatus::Passed);
    }
    let cases = in_declared_order(&cases, config)?;
    if cases.is_empty() && config.no_tests != NoTests::Pass {
        return Err(Refusal::NothingMatched(UsageError::new("nothing matched", "there is no test to look at")));
    }
    if let Some(most) = config.budget.executions
        && most < cases.len()
    {
        let what = format!("too small: to run all {} tests once takes as many; give more, or a filter", cases.len());
        return Err(UsageError::new(format!("--budget {most}"), what).into());
    }
    let subjects: Vec<Subject> = cases.iter().map(subject).collect();
    let mut stage = Stage::set(call, config, registry, &cases)?;
    let lanes = if config.jobs.get() > 2 { config.jobs.get() } else { LANES };
    let (report, sink, lab) = (&mut stage.report, &mut stage.sink, &mut stage.lab);
    let budget = config.budget.in_words();
    sink.write(|out| report.begin(subjects.len(), config.seed, &budget, out));
    let detection = detect(lab, &subjects, config.seed, lanes, &mut |note| match note {
        DetectionProgress::Stage(words) => sink.write(|out| report.stage(words, out)),
        DetectionProgress::Verdict(verdict) => sink.write(|out| report.verdict(verdict, out)),
    });
    stage.end(subjects.len(), &detection)
}

/// Finds out what makes a test fail that failed in a recorded run.
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
    refuse_threads("--bisect", config)?;
    let flag = format!("--bisect {test}");
    let known = known(&registry);
    let suspect = find(&known, &flag, test)?.index;
    let record = records::read(&flag, recorded.unwrap_or("last"), call, config)?;
    records::check(&flag, &record, call, &registry)?;
    let failing = failing_run(&record, test).ok_or_else(|| {
        UsageError::new(
            &flag,
            "it did not fail in the record; name a record in which it did with --replay, or use --detect",
        )
    })?;
    // Nobody else can have made it fail; and a filter says where to look.
    let recorded: HashSet<&str> = record.attempts().iter().map(|attempt| attempt.id.as_str()).collect();
    let chosen: HashSet<CaseIndex> =
        choose(&registry, call, config, &mut Vec::new())?.cases.iter().map(|case| case.index).collect();
    let is_meant = |case: &Candidate| {
        let is_chosen = config.selection.is_everything() || chosen.contains(&case.index);
        case.index == suspect || recorded.contains(&*case.name) && is_chosen
    };
    let indices = |attempts: Vec<&CaseReport>| -> Vec<CaseIndex> {
        let found = attempts.iter().filter_map(|attempt| known.get(attempt.id.as_str()));
        found.filter(|case| is_meant(case)).map(|case| case.index).collect()
    };
    let (same_worker, all_before, beside) =
        (indices(failing.same_worker), indices(failing.all_before), indices(failing.beside));
    let config = RunConfig { seed: record.seed, ..config.clone() };
    let meant: Vec<Candidate> = known.values().filter(|case| is_meant(case)).cloned().collect();
    let cases: Vec<Candidate> = in_declared_order(&meant, &config)?;
    let subjects: Vec<Subject> = cases.iter().map(subject).collect();
    let mut stage = Stage::set(call, &config, registry, &cases)?;
    let detection = explain(&mut stage.lab, &subjects, suspect, &[same_worker, all_before], &beside);
    for verdict in &detection.verdicts {
        let report = &mut stage.report;
        stage.sink.write(|out| report.verdict(verdict, out));
    }
    let reproduced = detection.verdicts.iter().any(|verdict| !is_unseen(verdict));
    if !reproduced && stage.lab.halt.is_none() {
        let rate = detection.verdicts.first().map(|verdict| verdict.with).unwrap_or_default();
        let runs = rate.runs.saturating_sub(1);
        stage.sink.write(|out| {
            writeln!(out, "\nthe failure could not be reproduced: {test} failed once when it was recorded, and never in {runs} runs of this search")
        });
    }
    stage.end(1, &detection)
}

/// The recorded failure was the only one.
fn is_unseen(verdict: &Verdict) -> bool {
    verdict.lie == Lie::Flaky && verdict.with.failures <= 1
}

/// A recorded failure, and what had to do with it.
struct FailingRun<'r> {
    /// What the worker had run before.
    same_worker: Vec<&'r CaseReport>,
    /// What had run before anywhere.
    all_before: Vec<&'r CaseReport>,
    /// What ran meanwhile.
    beside: Vec<&'r CaseReport>,
}

fn failing_run<'r>(record: &'r Record, test: &str) -> Option<FailingRun<'r>> {
    let attempts = record.attempts();
    let position =
        attempts.iter().position(|attempt| attempt.id.as_str() == test && !attempt.report.outcome.is_success())?;
    let failed = attempts[position];
    let (before, after) = attempts.split_at(position);
    let end = |attempt: &CaseReport| attempt.started + attempt.elapsed;
    let (beside, over): (Vec<_>, Vec<_>) =
        before.iter().copied().partition(|attempt| attempt.worker != failed.worker && end(attempt) > failed.started);
    let later = after.iter().skip(1).copied();
    let meanwhile = later.filter(|attempt| attempt.worker != failed.worker && attempt.started < end(failed));
    Some(FailingRun {
        same_worker: before.iter().copied().filter(|attempt| attempt.worker == failed.worker).collect(),
        all_before: over,
        beside: beside.into_iter().chain(meanwhile).collect(),
    })
}

/// Everything that a search needs.
struct Stage {
    lab: WorkerLaboratory,
    report: DetectionReport,
    sink: Sink,
}

impl Stage {
    fn set(call: &Call, config: &RunConfig, registry: Registry, cases: &[Candidate]) -> Result<Self, Refusal> {
        let described = described(&registry, cases);
        let lab = WorkerLaboratory::new(Arc::new(registry), described, config)?;
        let sink = match call.line.logfile() {
            None => Sink::stdout(),
            Some(path) => Sink::file("--logfile", Path::new(path))?,
        };
        Ok(Self { lab, report: DetectionReport::new(config.format, call.look(config)), sink })
    }

    fn end(mut self, tests: usize, detection: &Detection) -> Result<ExitStatus, Refusal> {
        let stopped = match &self.lab.halt {
            None => None,
            Some(Halt::Budget) => Some("the budget is used up".to_owned()),
            Some(Halt::Signal(signal)) => Some(format!("ended by {signal}")),
            Some(Halt::Failed(error)) => Some(error.chain()),
        };
        let summary = DetectionSummary {
            tests,
            least_runs: detection.least_runs,
            skipped: detection.skipped,
            in_words: Tally::new(detection.least_runs, 0).in_words(Confidence::P95),
            stopped,
            probes: self.lab.probes,
            executions: self.lab.executions,
            elapsed: self.lab.elapsed(),
        };
        let report = &self.report;
        self.sink.write(|out| report.end(&summary, out));
        let status = match self.lab.halt.take() {
            Some(Halt::Failed(error)) => return Err(HarnessError::into(error)),
            Some(Halt::Signal(signal)) => ExitStatus::Signal(signal_number(&signal)),
            _ if detection.verdicts.is_empty() => ExitStatus::Passed,
            _ => ExitStatus::TestsFailed,
        };
        Ok(self.sink.status(status))
    }
}

/// Probes need processes of their own.
fn refuse_threads(flag: &str, config: &RunConfig) -> Result<(), UsageError> {
    if config.session.nextest.is_some() {
        return Err(UsageError::new(flag, "does not work under cargo-nextest, which starts a process for each test"));
    }
    if config.isolation == Isolation::InProcess {
        return Err(UsageError::new(flag, "needs worker processes; it contradicts --in-process and debuggers"));
    }
    Ok(())
}

fn in_declared_order(cases: &[Candidate], config: &RunConfig) -> Result<Vec<Candidate>, HarnessError> {
    let order = ordered(&named(cases), Order::Declared, config.seed)?;
    Ok(order.into_iter().map(|position| cases[position].clone()).collect())
}

/// What a test may share with others: its module, its tags, its locks, and what it asks for.
fn subject(case: &Candidate) -> Subject {
    let entry: &TestEntry = case.entry();
    let module = entry.name.rsplit_once("::").map(|(module, _)| format!("module {module}"));
    let tags = entry.meta.tags.iter().map(|tag| format!("tag {tag}"));
    let fixtures = entry.parameters.iter().map(|parameter| format!("fixture {}", ((parameter.fixture)().name)()));
    let shares: BTreeSet<String> = module.into_iter().chain(tags).chain(fixtures).collect();
    Subject { index: case.index, id: case.id(), shares: shares.into_iter().collect() }
}
