//! The steps of a scope's teardown, last in, first out.

use std::time::Duration;

use super::clock::timeout;
use super::panic::catch;
use super::sync::LocalFuture;
use crate::model::{Outcome, Problem, Remark};

pub(super) type StepFuture = LocalFuture<'static, Result<(), Problem>>;

/// Does a step; it may look at how the test went.
pub(super) type RunStep = Box<dyn FnOnce(Outcome) -> StepFuture + Send>;

/// Steps, and the order of everything that belongs to a scope.
#[derive(Default)]
pub(super) struct Stack {
    steps: Vec<Step>,
    positions: u64,
    closed: bool,
    remarks: Vec<Remark>,
}

pub(super) struct Step {
    what: String,
    position: u64,
    run: RunStep,
}

/// What comes next in the end of a scope.
pub(super) enum Next {
    /// A step.
    Step(Step),
    /// Something else, that is younger than every step.
    Other,
    /// Nothing: the stack is closed.
    End,
}

impl Stack {
    /// The next free place in the order.
    pub(super) fn next_position(&mut self) -> u64 {
        self.positions += 1;
        self.positions
    }

    /// Takes a step in, or gives back its name if the scope has ended.
    pub(super) fn push(&mut self, what: String, run: RunStep) -> Result<(), String> {
        if self.closed {
            return Err(what);
        }
        let position = self.next_position();
        self.steps.push(Step { what, position, run });
        Ok(())
    }

    /// What comes next, if the youngest of everything else that belongs to the scope stands here.
    pub(super) fn pop(&mut self, youngest_other: Option<u64>) -> Next {
        match self.steps.pop_if(|step| step.position > youngest_other.unwrap_or(0)) {
            Some(step) => Next::Step(step),
            None if youngest_other.is_some() => Next::Other,
            None => {
                self.closed = true;
                Next::End
            }
        }
    }

    /// Closes the stack with everything that is left in it; the name of the next step, and the steps.
    pub(super) fn give_up(&mut self) -> (Option<String>, Vec<Step>) {
        self.closed = true;
        let what = self.steps.last().map(|step| step.what.clone());
        (what, std::mem::take(&mut self.steps))
    }

    /// Adds a fixture's remark on the tests that used it.
    pub(super) fn remark(&mut self, remark: Remark) {
        remark.add_to(&mut self.remarks);
    }

    /// Takes the remarks of the scope's fixtures.
    pub(super) fn take_remarks(&mut self) -> Vec<Remark> {
        std::mem::take(&mut self.remarks)
    }

    /// The names of the steps, the next one first.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().rev().map(|step| step.what.as_str())
    }
}

/// A step that did not do its work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TeardownProblem {
    /// The step's name.
    pub what: String,
    /// Whether it was cut off by its time limit.
    pub timed_out: bool,
    /// What went wrong.
    pub problem: Problem,
}

impl Step {
    /// Does the step; what went wrong with it.
    pub(super) async fn run_within(self, outcome: Outcome, limit: Duration) -> Option<TeardownProblem> {
        let Self { what, run, .. } = self;
        let step = catch(async move { run(outcome).await });
        let (timed_out, problem) = match timeout(limit, step).await {
            Ok(Ok(Ok(()))) => return None,
            Ok(Ok(Err(problem))) => (false, problem),
            Ok(Err(caught)) => (false, caught.into_problem()),
            Err(_) => (true, Problem::new(format!("still running after its limit of {limit:?}"))),
        };
        Some(TeardownProblem { what, timed_out, problem })
    }
}
