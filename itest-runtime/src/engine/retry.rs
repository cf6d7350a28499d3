//! Another attempt for cases that failed: at once, or after a pause in which others run.

use super::resting::RestingCase;
use super::supervisor::Supervisor;
use super::workers::{Assignment, Worker};
use crate::model::{CaseReport, Event, HarnessError, WorkerId};
use crate::plan::pause_before;

impl Supervisor<'_> {
    /// Lets a case rest until its next attempt. Its worker ends, with its fixtures.
    pub(super) fn retry(&mut self, old: WorkerId, assigned: Assignment, last: CaseReport) -> Result<(), HarnessError> {
        if let Some(worker) = self.workers.get_mut(&old) {
            for case in worker.recall().into_iter().rev() {
                self.admission.put_back(case);
            }
            worker.link.close();
        }
        let pause =
            pause_before(assigned.attempt + 1, self.config.retry_delay, self.config.seed, assigned.case.id.as_str());
        if pause.is_zero() {
            // The old worker has made room for it.
            return self.try_again(assigned, last);
        }
        self.resting.add(assigned, last, pause);
        Ok(())
    }

    /// Begins another attempt at each case whose pause is over, as far as there is room for a worker.
    pub(super) fn wake(&mut self) -> Result<(), HarnessError> {
        while self.resting.is_any_due() {
            if self.open_workers() >= self.config.jobs.get() {
                let is_idle = |worker: &&mut Worker| worker.assignments.is_empty() && !worker.link.is_closed();
                let Some(idle) = self.workers.values_mut().find(is_idle) else { break };
                idle.link.close();
            }
            if let Some(RestingCase { assigned, last, .. }) = self.resting.take_due() {
                self.try_again(assigned, last)?;
            }
        }
        Ok(())
    }

    /// Ends the cases that rest as their last attempts ended.
    pub(super) fn give_up_resting(&mut self) {
        for RestingCase { assigned, last, .. } in self.resting.take_all() {
            self.finish(&assigned);
            self.summary.count(&last);
            (self.emit)(Event::CaseFinished(last));
        }
    }

    fn open_workers(&self) -> usize {
        self.workers.values().filter(|worker| !worker.link.is_closed()).count()
    }

    /// Begins another attempt in a fresh worker.
    fn try_again(&mut self, assigned: Assignment, last: CaseReport) -> Result<(), HarnessError> {
        (self.emit)(Event::CaseRetried(last));
        let fresh = self.start_worker()?;
        self.give(fresh, vec![Assignment { attempt: assigned.attempt + 1, since: None, slow: false, ..assigned }]);
        Ok(())
    }
}
