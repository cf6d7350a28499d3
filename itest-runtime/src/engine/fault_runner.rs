//! Runs the executions of an exploration of faults: each test once without a fault, then each execution with one in a new process.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::probe_runner::StopReason;
use super::run::{LiveProgress, Run};
use super::supervisor::{TIME_IS_UP, supervise};
use crate::inject::Registry;
use crate::model::{
    CallPlan, Case, CaseReport, Event, Facts, Failed, FaultExecution, Leaks, Order, Place, Repeats, RunCallPlan,
    RunConfig,
};
use crate::plan::one_lane_each;

/// Runs tests with and without faults.
#[derive(Debug)]
pub(crate) struct FaultRunner {
    registry: Arc<Registry>,
    config: RunConfig,
    began: Instant,
    /// The number of executions that have ended.
    pub(crate) executions: usize,
    /// The reason why no more executions are run, if there is one.
    pub(crate) stop_reason: Option<StopReason>,
}

impl FaultRunner {
    /// Prepares to run tests. The budget begins now.
    #[must_use]
    pub(crate) fn new(registry: Arc<Registry>, config: &RunConfig) -> Self {
        // A failure must neither end the exploration nor be tried again, and each leak must be seen.
        let config = RunConfig {
            order: Order::Given,
            fail_fast: None,
            retries: 0,
            repeats: Repeats::default(),
            failed: Failed::GiveBack,
            leaks: Leaks::Warn,
            // A backtrace takes longer to capture than most tests to fail, and it is not reported.
            environment: vec![("RUST_BACKTRACE".to_owned(), "0".to_owned())],
            ..config.clone()
        };
        Self { registry, config, began: Instant::now(), executions: 0, stop_reason: None }
    }

    /// The time since the start of the exploration.
    #[must_use]
    pub(crate) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Runs the tests without faults, and observes their calls. Calls `on_end` with each result.
    pub(crate) fn observe(&mut self, cases: Vec<Case>, on_end: &mut dyn FnMut(CaseReport)) {
        self.run(cases, Vec::new(), RunCallPlan::Same(CallPlan::Observe), on_end);
    }

    /// Runs each case with its fault, in a new process. Calls `on_end` with the position of each execution and its result.
    pub(crate) fn inject(
        &mut self,
        mut executions: Vec<(Case, FaultExecution)>,
        on_end: &mut dyn FnMut(usize, CaseReport),
    ) {
        let left = self.config.budget.executions.map_or(usize::MAX, |most| most.saturating_sub(self.executions));
        let is_cut = executions.len() > left;
        executions.truncate(left);
        let places = one_lane_each(executions.len(), self.config.jobs);
        let (cases, executions): (Vec<_>, Vec<_>) = executions.into_iter().unzip();
        self.run(cases, places, RunCallPlan::EachLane(executions.into()), &mut |report| {
            if let Some(lane) = report.lane {
                on_end(lane.0 as usize, report);
            }
        });
        if is_cut {
            self.stop_reason.get_or_insert(StopReason::BudgetUsedUp);
        }
    }

    fn run(&mut self, cases: Vec<Case>, places: Vec<Place>, calls: RunCallPlan, on_end: &mut dyn FnMut(CaseReport)) {
        if cases.is_empty() || self.stop_reason.is_some() {
            return;
        }
        let run = Run {
            cases,
            places,
            config: RunConfig { calls, ..self.config.clone() },
            ignored: Vec::new(),
            filtered_out: 0,
            live: LiveProgress::Hidden,
            until: self.config.budget.time.map(|time| self.began + time),
            facts: Facts::default(),
        };
        let mut ended = 0;
        let summary = supervise(run, Arc::clone(&self.registry), &mut |mut event| {
            event.redact();
            if let Event::CaseFinished(case) = event {
                ended += 1;
                on_end(case);
            }
        });
        self.executions += ended;
        self.stop_reason = match summary {
            Err(error) => Some(StopReason::HarnessFailed(error)),
            Ok(summary) => summary
                .interrupted_by
                .map(|name| if name == TIME_IS_UP { StopReason::BudgetUsedUp } else { StopReason::Signal(name) }),
        };
    }
}
