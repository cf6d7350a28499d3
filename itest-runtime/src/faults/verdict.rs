//! Judges how a test took a fault.

use super::cells::{Baseline, Cell, kind_of_leak, leaks_of};
use crate::model::{CaseReport, CellVerdict, Evidence, Failure, Outcome, Phase, SourceLocation, Weakness};

/// Judges an execution of a cell. `report` is its result.
#[must_use]
pub(crate) fn judge(baseline: &Baseline, cell: &Cell, report: &CaseReport) -> CellVerdict {
    let attempt = &report.report;
    if matches!(attempt.outcome, Outcome::Skipped | Outcome::Interrupted) {
        return CellVerdict::NotRun;
    }
    // A process that died has not reported what it observed.
    let is_dead = matches!(attempt.outcome, Outcome::Crashed | Outcome::TimedOut) && attempt.calls.is_none();
    if !is_dead && !attempt.calls.as_ref().is_some_and(|calls| calls.is_injected) {
        return match attempt.failures.first() {
            Some(failure) if !attempt.outcome.is_success() => CellVerdict::FailedBefore(shortened(failure)),
            _ => CellVerdict::NotReached,
        };
    }
    let weakness = hang(cell, report)
        .or_else(|| panic(baseline, report))
        .or_else(|| broken_invariant(report))
        .or_else(|| false_success(report))
        .or_else(|| leak(baseline, report));
    match weakness {
        Some((weakness, text)) => {
            let exchange = attempt.exchanges.iter().find(|exchange| exchange.fault.is_some()).map(ToString::to_string);
            CellVerdict::Weak(weakness, Evidence { text, exchange })
        }
        None if attempt.outcome.is_success() => CellVerdict::Tolerated,
        None => CellVerdict::Noticed,
    }
}

/// A weakness and a sentence about it, if the execution shows one.
type Shown = Option<(Weakness, String)>;

fn hang(cell: &Cell, report: &CaseReport) -> Shown {
    if report.report.outcome != Outcome::TimedOut {
        return None;
    }
    let first = report.report.failures.first();
    let evidence = match first {
        Some(failure) if failure.phase.is_of_body() => {
            let limit = cell.execution.limit.unwrap_or_default();
            let phase = match failure.phase {
                Phase::Body => "the body of the test",
                phase => phase.name(),
            };
            format!("it did not end within {limit:.1?}, and was in {phase}")
        }
        Some(failure) => format!("{}: {}", failure.phase.name(), shortened(failure)),
        None => "it did not end".to_owned(),
    };
    Some((Weakness::Hangs, evidence))
}

fn panic(baseline: &Baseline, report: &CaseReport) -> Shown {
    let shown = |failure: &Failure| {
        let thread = failure.thread.as_ref().map_or_else(String::new, |thread| format!(" in {thread}"));
        let place = failure.problem.location.as_ref().map_or_else(String::new, |place| format!(" at {place}"));
        Some((Weakness::Panics, format!("{}{thread}{place}", shortened(failure))))
    };
    if report.report.outcome == Outcome::Crashed {
        return report.report.failures.last().and_then(shown);
    }
    let is_background = |failure: &&Failure| failure.thread.is_some() && !is_at(failure, Code::Tests, baseline);
    if let Some(background) = report.report.failures.iter().find(is_background) {
        return shown(background);
    }
    // The assertions of the test panic as well, also those of other packages.
    let has_panicked = report.report.calls.as_ref().is_some_and(|calls| calls.has_panicked);
    let body = report.report.failures.iter().find(|failure| failure.thread.is_none() && failure.phase.is_of_body());
    body.filter(|failure| has_panicked && is_at(failure, Code::UnderTest, baseline)).and_then(shown)
}

/// Whose code a location is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Code {
    /// The folder `tests` that contains the test, or the file of a test outside of such a folder.
    Tests,
    /// Other files of the workspace.
    UnderTest,
    /// Files outside of the workspace.
    Dependency,
}

fn is_at(failure: &Failure, code: Code, baseline: &Baseline) -> bool {
    failure.problem.location.as_ref().is_some_and(|location| code_of(location, &baseline.location) == code)
}

fn code_of(location: &SourceLocation, test: &SourceLocation) -> Code {
    const FOLDER: &str = "tests/";
    let file = |location: &SourceLocation| location.as_str().split(':').next().unwrap_or_default().to_owned();
    let (location, test) = (file(location), file(test));
    let is_component = |position: usize| position == 0 || test[..position].ends_with('/');
    let folder = test.match_indices(FOLDER).map(|(position, _)| position).find(|position| is_component(*position));
    let is_of_tests = match folder {
        Some(position) => location.starts_with(&test[..position + FOLDER.len()]),
        None => location == test,
    };
    match (is_of_tests, location.starts_with('/')) {
        (true, _) => Code::Tests,
        (false, true) => Code::Dependency,
        (false, false) => Code::UnderTest,
    }
}

fn broken_invariant(report: &CaseReport) -> Shown {
    let broken = report.report.failures.iter().find(|failure| failure.phase == Phase::Invariants)?;
    let name = broken.description.as_deref().unwrap_or("an invariant");
    Some((Weakness::BreaksInvariant, format!("{name}: {}", shortened(broken))))
}

fn false_success(report: &CaseReport) -> Shown {
    let unanswered = report.report.calls.as_ref()?.unanswered.first()?;
    let has_passed = report.report.outcome.is_success();
    has_passed
        .then(|| (Weakness::FalseSuccess, format!("the test passed although no call of {unanswered} has succeeded")))
}

fn leak(baseline: &Baseline, report: &CaseReport) -> Shown {
    let new: Vec<String> = leaks_of(report).filter(|leak| !baseline.leaks.contains(&kind_of_leak(leak))).collect();
    (!new.is_empty()).then(|| (Weakness::Leaks, format!("left behind: {}", new.join(", "))))
}

/// The most characters of a message in a sentence.
const MAX_MESSAGE_CHARS: usize = 300;

/// The beginning of a message as one line, because a failed comparison spans several lines.
fn shortened(failure: &Failure) -> String {
    let lines = failure.problem.message.lines().map(str::trim).filter(|line| !line.is_empty());
    let line = lines.take(4).collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MAX_MESSAGE_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::cells::{cells, tests::baseline};
    use super::*;
    use crate::model::{AttemptReport, CallKind, CallObservations, CaseIndex, Output, Problem, WorkerId};

    /// The report of an execution in which the fault was injected.
    fn report(outcome: Outcome, failures: Vec<Failure>) -> CaseReport {
        let baseline = baseline("a", &[]);
        let calls = CallObservations { is_injected: true, ..CallObservations::default() };
        CaseReport {
            id: baseline.id,
            location: baseline.location,
            worker: WorkerId(0),
            lane: None,
            attempts: 1,
            report: AttemptReport {
                outcome,
                failures,
                calls: Some(Box::new(calls)),
                ..AttemptReport::interrupted(CaseIndex(0))
            },
            output: Output::default(),
            started: Duration::ZERO,
            elapsed: Duration::ZERO,
            quarantine: None,
        }
    }

    fn with_calls(mut report: CaseReport, change: impl FnOnce(&mut CallObservations)) -> CaseReport {
        change(report.report.calls.as_mut().unwrap());
        report
    }

    fn verdict(report: &CaseReport) -> CellVerdict {
        let baseline = baseline("a", &[(CallKind::Request, "payments POST /charge")]);
        judge(&baseline, &cells(std::slice::from_ref(&baseline))[0], report)
    }

    fn weakness(report: &CaseReport) -> Option<Weakness> {
        match verdict(report) {
            CellVerdict::Weak(weakness, _) => Some(weakness),
            _ => None,
        }
    }

    fn failure(phase: Phase, location: &str) -> Failure {
        let location = Some(SourceLocation::new(location.to_owned()));
        Failure::new(phase, Problem { location, ..Problem::new("called `Option::unwrap()` on a `None` value") })
    }

    #[test]
    fn test_that_passes_tolerates_the_fault_and_one_that_fails_notices_it() {
        assert_eq!(verdict(&report(Outcome::Passed, vec![])), CellVerdict::Tolerated);
        let failed = report(Outcome::Failed, vec![failure(Phase::Act, "src/shop.rs:3:1")]);
        assert_eq!(verdict(&failed), CellVerdict::Noticed);
    }

    #[test]
    fn panic_is_a_weakness_only_outside_of_the_test() {
        let panicked = |phase, location| {
            with_calls(report(Outcome::Failed, vec![failure(phase, location)]), |calls| calls.has_panicked = true)
        };
        assert_eq!(weakness(&panicked(Phase::Act, "src/shop.rs:3:1")), Some(Weakness::Panics));
        assert_eq!(weakness(&panicked(Phase::Act, "tests/shop.rs:9:1")), None);
        assert_eq!(weakness(&panicked(Phase::Act, "/cargo/insta/src/runtime.rs:3:1")), None);
        assert_eq!(weakness(&panicked(Phase::Assert, "tests/helpers.rs:3:1")), None);
        assert_eq!(weakness(&panicked(Phase::Assert, "src/shop.rs:3:1")), Some(Weakness::Panics));
        let background = |location| Failure { thread: Some("a task".to_owned()), ..failure(Phase::Assert, location) };
        let of_background = |location| weakness(&report(Outcome::Failed, vec![background(location)]));
        assert_eq!(of_background("src/shop.rs:9:1"), Some(Weakness::Panics));
        assert_eq!(of_background("/cargo/bytes/src/buf.rs:9:1"), Some(Weakness::Panics));
        assert_eq!(of_background("tests/shop.rs:9:1"), None);
    }

    #[test]
    fn folder_of_the_tests_is_a_whole_component_of_the_path() {
        let code = |location: &str, test: &str| {
            code_of(&SourceLocation::new(location.to_owned()), &SourceLocation::new(test.to_owned()))
        };
        assert_eq!(code("contests/src/lib.rs:1:1", "contests/tests/it/main.rs:1:1"), Code::UnderTest);
        assert_eq!(code("contests/tests/it/fixtures.rs:1:1", "contests/tests/it/main.rs:1:1"), Code::Tests);
        assert_eq!(code("src/lib.rs:9:1", "src/lib.rs:1:1"), Code::Tests);
    }

    #[test]
    fn process_that_dies_or_hangs_has_observed_nothing_and_is_judged_all_the_same() {
        let dead = |outcome| {
            let mut report = report(outcome, vec![failure(Phase::Act, "tests/shop.rs:7:1")]);
            report.report.calls = None;
            report
        };
        assert_eq!(weakness(&dead(Outcome::Crashed)), Some(Weakness::Panics));
        assert_eq!(weakness(&dead(Outcome::TimedOut)), Some(Weakness::Hangs));
    }

    #[test]
    fn test_that_fails_without_the_fault_says_nothing_about_it() {
        let undisturbed = |outcome, failures| with_calls(report(outcome, failures), |calls| calls.is_injected = false);
        assert_eq!(verdict(&undisturbed(Outcome::Passed, vec![])), CellVerdict::NotReached);
        let failed = undisturbed(Outcome::Errored, vec![failure(Phase::Setup, "tests/shop.rs:7:1")]);
        assert!(matches!(verdict(&failed), CellVerdict::FailedBefore(message) if message.contains("unwrap")));
    }

    #[test]
    fn essential_stub_without_an_answer_is_a_false_success_only_if_the_test_passes() {
        let unanswered =
            |outcome| with_calls(report(outcome, vec![]), |calls| calls.unanswered.push("the stub".to_owned()));
        assert_eq!(weakness(&unanswered(Outcome::Passed)), Some(Weakness::FalseSuccess));
        assert_eq!(verdict(&unanswered(Outcome::Failed)), CellVerdict::Noticed);
    }

    #[test]
    fn leak_is_a_weakness_unless_the_test_leaks_the_same_without_the_fault() {
        let leaking = |leak: &str| {
            let mut report = report(Outcome::Passed, vec![]);
            report.report.leaks.push(leak.to_owned());
            report
        };
        assert_eq!(weakness(&leaking("1 task")), Some(Weakness::Leaks));
        let mut known = baseline("a", &[(CallKind::Request, "payments POST /charge")]);
        known.leaks.insert(kind_of_leak("1 task"));
        let cell = &cells(std::slice::from_ref(&known))[0];
        assert_eq!(judge(&known, cell, &leaking("2 task")), CellVerdict::Tolerated);
        let transaction = with_calls(report(Outcome::Passed, vec![]), |calls| {
            calls.unfinished.push("an open transaction".to_owned());
        });
        assert_eq!(weakness(&transaction), Some(Weakness::Leaks));
    }

    #[test]
    fn broken_invariant_is_named() {
        let broken = Failure {
            description: Some("money_is_conserved".to_owned()),
            ..failure(Phase::Invariants, "tests/x.rs:1:1")
        };
        let CellVerdict::Weak(Weakness::BreaksInvariant, evidence) = verdict(&report(Outcome::Failed, vec![broken]))
        else {
            panic!("it breaks an invariant");
        };
        assert!(evidence.text.starts_with("money_is_conserved: called"), "{evidence:?}");
    }
}
