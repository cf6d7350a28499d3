//! The events of a run and its summary, which count the same cases.

use std::fmt;

use super::super::run::LiveProgress;
use super::assignment::Assignment;
use crate::model::{CaseReport, Event, Remark, Running, SessionEnd, Summary, Sweep, WorkerId, sort};

/// Emits the events of a run and counts its results for the summary.
pub(super) struct Progress<'a> {
    emit: &'a mut dyn FnMut(Event),
    live: LiveProgress,
    summary: Summary,
}

impl fmt::Debug for Progress<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Progress")
            .field("live", &self.live)
            .field("summary", &self.summary)
            .finish_non_exhaustive()
    }
}

impl<'a> Progress<'a> {
    pub(super) fn new(emit: &'a mut dyn FnMut(Event), live: LiveProgress, summary: Summary) -> Self {
        Self { emit, live, summary }
    }

    pub(super) fn emit(&mut self, event: Event) {
        (self.emit)(event);
    }

    pub(super) fn warn(&mut self, warning: String) {
        self.emit(Event::Warning(warning));
    }

    /// Adds a problem of the run itself to the summary, which then is a failure.
    pub(super) fn add_problem(&mut self, problem: String) {
        self.summary.problems.push(problem);
    }

    /// Emits the start of an attempt, once for each attempt.
    pub(super) fn start(&mut self, worker: WorkerId, assigned: &mut Assignment) {
        if assigned.start() {
            let id = assigned.case().id.clone();
            self.emit(Event::CaseStarted { id, worker, attempt: assigned.attempt() });
        }
    }

    /// Reports the result of a case and counts it.
    pub(super) fn finish(&mut self, case: CaseReport) {
        self.summary.count(&case);
        self.emit(Event::CaseFinished(case));
    }

    /// Counts cases that the run leaves out because it stops.
    pub(super) fn leave_out(&mut self, cases: usize) {
        self.summary.not_run += cases;
    }

    /// The number of cases that have failed.
    pub(super) fn failed(&self) -> usize {
        self.summary.failed
    }

    /// Emits an event with the running cases, if the report shows them.
    pub(super) fn show_running(&mut self, running: impl Iterator<Item = Running>) {
        if self.live == LiveProgress::Shown {
            let Summary { passed, failed, ignored, .. } = self.summary;
            let finished = passed + failed + ignored;
            self.emit(Event::Progress { running: running.collect(), finished, failed });
        }
    }

    /// Notes which signal has asked the run to end.
    pub(super) fn interrupt(&mut self, signal: &'static str) {
        self.summary.interrupted_by = Some(signal.into());
    }

    /// Adds what a worker reported as it shut down.
    pub(super) fn add_shutdown_of(&mut self, worker: WorkerId, problems: &[String], remarks: Vec<Remark>) {
        for remark in remarks {
            remark.add_to(&mut self.summary.remarks);
        }
        self.summary.problems.extend(problems.iter().map(|problem| format!("teardown of {worker}: {problem}")));
    }

    /// Adds what the session gave back, of this run and of earlier ones.
    pub(super) fn add_session(&mut self, end: SessionEnd, swept: Sweep) {
        let SessionEnd { recovered, used } = end;
        self.summary.used = used;
        // The services started in parallel, so that their order differs from run to run.
        sort(&mut self.summary.used);
        self.summary.given_back = recovered.given_back;
        let problems = without_repetitions(&recovered.problems).into_iter();
        self.summary.problems.extend(problems.map(|problem| format!("session: {problem}")));
        self.summary.swept = swept;
    }

    pub(super) fn into_summary(self, rounds: u32) -> Summary {
        Summary { rounds, ..self.summary }
    }
}

/// Leaves out a problem that follows the name of a fixture in another one: if a teardown fails, the recovery tries again, and reports the same
/// problem without the name.
fn without_repetitions(problems: &[String]) -> Vec<String> {
    let is_repeated = |problem: &String| problems.iter().any(|other| other.ends_with(&format!(": {problem}")));
    problems.iter().filter(|problem| !is_repeated(problem)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::without_repetitions;

    #[test]
    fn problem_of_teardown_and_recovery_is_reported_once() {
        let problems = ["Shop: end: no answer", "end: no answer", "end: another answer"].map(str::to_owned);
        assert_eq!(without_repetitions(&problems), ["Shop: end: no answer", "end: another answer"]);
    }
}
