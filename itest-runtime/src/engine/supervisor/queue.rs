//! The cases that a worker holds, in the order in which it runs them.

use std::collections::VecDeque;
use std::time::Duration;

use super::assignment::Assignment;
use crate::model::{AttemptReport, CaseIndex, Turn};

/// The assignments of one worker. The first one is running.
#[derive(Debug)]
pub(super) struct AssignmentQueue {
    assignments: VecDeque<Assignment>,
    /// Attempts that other processes have made before: cargo-nextest starts a process for each attempt.
    earlier_attempts: u32,
    /// How many attempts the worker has reported.
    reports: u32,
}

impl AssignmentQueue {
    /// A queue without assignments.
    pub(super) fn new(earlier_attempts: u32) -> Self {
        Self { assignments: VecDeque::new(), earlier_attempts, reports: 0 }
    }

    /// The number of assignments, the running one included.
    pub(super) fn len(&self) -> usize {
        self.assignments.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.assignments.is_empty()
    }

    /// Adds assignments. Returns them in the form in which the worker receives them.
    pub(super) fn add(&mut self, assignments: Vec<Assignment>) -> Vec<Turn> {
        let turns = assignments.iter().map(|assigned| assigned.turn(self.earlier_attempts)).collect();
        self.assignments.extend(assignments);
        turns
    }

    /// Takes back the assignments that the worker has not begun, in their order.
    pub(super) fn take_back(&mut self, recalled: &[Turn]) -> Vec<Assignment> {
        take_back(&mut self.assignments, recalled, self.earlier_attempts)
    }

    /// Takes the running assignment if the report is about it, because a report that comes twice counts once.
    pub(super) fn take_finished(&mut self, report: &AttemptReport) -> Option<Assignment> {
        if report.number != self.reports {
            return None;
        }
        let assigned = self.assignments.pop_front_if(|assigned| assigned.case().index == report.case)?;
        self.reports += 1;
        Some(assigned)
    }

    /// Takes the running assignment, whose worker has ended.
    pub(super) fn take_current(&mut self) -> Option<Assignment> {
        self.assignments.pop_front()
    }

    /// Takes everything, in its order.
    pub(super) fn take_all(&mut self) -> Vec<Assignment> {
        std::mem::take(&mut self.assignments).into()
    }

    pub(super) fn current(&self) -> Option<&Assignment> {
        self.assignments.front()
    }

    pub(super) fn current_mut(&mut self) -> Option<&mut Assignment> {
        self.assignments.front_mut()
    }

    /// The case that runs.
    pub(super) fn current_case(&self) -> Option<CaseIndex> {
        self.current().map(|assigned| assigned.case().index)
    }

    /// The number of the running attempt among those of the worker, counted from 0.
    pub(super) fn current_number(&self) -> u32 {
        self.reports
    }

    /// Takes a pause of the worker out of the times of its assignments.
    pub(super) fn pause(&mut self, paused: Duration) {
        for assigned in &mut self.assignments {
            assigned.pause(paused);
        }
    }
}

/// Takes the recalled cases out of a worker's assignments, in the same order.
///
/// They need not be the last ones: a worker that claims several cases at the same moment may get some from between them.
fn take_back(assignments: &mut VecDeque<Assignment>, recalled: &[Turn], earlier_attempts: u32) -> Vec<Assignment> {
    let mut recalled = recalled.iter().peekable();
    let mut taken = Vec::new();
    for assigned in std::mem::take(assignments) {
        if recalled.next_if(|turn| **turn == assigned.turn(earlier_attempts)).is_some() {
            taken.push(assigned);
        } else {
            assignments.push_back(assigned);
        }
    }
    taken
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use super::*;
    use crate::model::{Case, CaseMeta, SourceLocation, TestId};

    fn assigned(index: u32) -> Assignment {
        let case = Case {
            id: TestId::from(Cow::Owned(format!("case_{index}"))),
            index: CaseIndex(index),
            location: SourceLocation::new("a.rs:1:1"),
            meta: &CaseMeta::PLAIN,
            locks: Vec::new(),
            round: 1,
        };
        Assignment::first(case)
    }

    /// The worker claimed 2, 3 and 4 after 1 had been read back, and before 5 was.
    #[test]
    fn cases_that_a_worker_claims_during_a_recall_stay_with_it() {
        let mut assignments: VecDeque<Assignment> = (0..6).map(assigned).collect();
        let recalled = [1, 5].map(|index| assigned(index).turn(0));
        let taken: Vec<u32> =
            take_back(&mut assignments, &recalled, 0).iter().map(|assigned| assigned.case().index.0).collect();
        let left: Vec<u32> = assignments.iter().map(|assigned| assigned.case().index.0).collect();
        assert_eq!((taken, left), (vec![1, 5], vec![0, 2, 3, 4]));
    }
}
