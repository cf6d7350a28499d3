//! The stack of a scope's teardown steps, which run last in, first out.

use std::time::Duration;

use super::clock::timeout;
use super::panic::catch;
use super::sync::LocalFuture;
use crate::model::{Outcome, Problem, Remark};

pub(super) type StepFuture = LocalFuture<'static, Result<(), Problem>>;

/// Runs a step. The step receives the outcome of the test.
pub(super) type RunStep = Box<dyn FnOnce(Outcome) -> StepFuture + Send>;

/// The teardown steps of a scope, and the order of the steps and values that belong to it.
#[derive(Default)]
pub(super) struct Stack {
    steps: Vec<Step>,
    positions: u64,
    closed: bool,
    remarks: Vec<Remark>,
}

pub(super) struct Step {
    name: String,
    position: u64,
    run: RunStep,
}

/// The next action in the teardown of a scope.
pub(super) enum Next {
    /// Run this step.
    Step(Step),
    /// Drop the value that the scope received last, because it is newer than every remaining step.
    DropValue,
    /// Nothing remains, and the stack is closed.
    End,
}

impl Stack {
    /// The next free position in the order.
    pub(super) fn next_position(&mut self) -> u64 {
        self.positions += 1;
        self.positions
    }

    /// Adds a step.
    ///
    /// # Errors
    ///
    /// The name of the step, if the scope has already ended.
    pub(super) fn push(&mut self, name: String, run: RunStep) -> Result<(), String> {
        if self.closed {
            return Err(name);
        }
        let position = self.next_position();
        self.steps.push(Step { name, position, run });
        Ok(())
    }

    /// The next action; `newest_value` is the position of the value that the scope received last.
    pub(super) fn pop(&mut self, newest_value: Option<u64>) -> Next {
        match self.steps.pop_if(|step| step.position > newest_value.unwrap_or(0)) {
            Some(step) => Next::Step(step),
            None if newest_value.is_some() => Next::DropValue,
            None => {
                self.closed = true;
                Next::End
            }
        }
    }

    /// Closes the stack without running the remaining steps. Returns the name of the next step, and the steps.
    pub(super) fn abandon(&mut self) -> (Option<String>, Vec<Step>) {
        self.closed = true;
        let name = self.steps.last().map(|step| step.name.clone());
        (name, std::mem::take(&mut self.steps))
    }

    /// Adds a remark of a fixture about the tests that used it.
    pub(super) fn remark(&mut self, remark: Remark) {
        remark.add_to(&mut self.remarks);
    }

    /// Removes and returns the remarks of the scope's fixtures.
    pub(super) fn take_remarks(&mut self) -> Vec<Remark> {
        std::mem::take(&mut self.remarks)
    }

    /// The names of the steps, the next one first.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.steps.iter().rev().map(|step| step.name.as_str())
    }
}

/// A teardown step that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TeardownProblem {
    /// The step's name.
    pub what: String,
    /// Whether its time limit ended it.
    pub timed_out: bool,
    /// What went wrong.
    pub problem: Problem,
}

impl Step {
    /// Runs the step. Returns the problem if the step fails.
    pub(super) async fn run_within(self, outcome: Outcome, limit: Duration) -> Option<TeardownProblem> {
        let Self { name: what, run, .. } = self;
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
