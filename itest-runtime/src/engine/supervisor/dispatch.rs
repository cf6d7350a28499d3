//! Gives the cases of the schedule to workers, starts workers as they are needed, and closes those that are not.

use super::assignment::Assignment;
use super::handle::WorkerHandle;
use super::pool::WorkerPool;
use super::progress::Progress;
use super::retries::PendingRetry;
use super::schedule::Schedule;
use super::session::RunSession;
use crate::model::{CaseReport, Event, HarnessError, WorkerId};

/// How many cases a worker may hold beside the one that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefetch {
    /// As many as keep the worker busy while a message travels.
    Batches,
    /// None: the run may stop at the next failure, and a case that is under way would run all the same.
    Nothing,
}

/// Connects the schedule with the workers.
#[derive(Debug)]
pub(super) struct Dispatcher<'d, 'e> {
    pub(super) schedule: &'d mut Schedule,
    pub(super) pool: &'d mut WorkerPool,
    pub(super) session: &'d RunSession,
    pub(super) progress: &'d mut Progress<'e>,
}

impl Dispatcher<'_, '_> {
    /// Gives cases to every worker that can take some, and closes every worker that is not needed any more.
    pub(super) fn dispatch(&mut self, prefetch: Prefetch) -> Result<(), HarnessError> {
        if !self.schedule.is_stopped() {
            self.schedule.begin_round(self.pool.len());
            if self.schedule.is_scripted() {
                self.follow_script()?;
            } else {
                self.start_due_retries()?;
                self.start_workers()?;
                self.give_cases(prefetch);
            }
        }
        for (_, worker) in self.pool.iter_mut() {
            if worker.is_idle() && self.schedule.is_over_for(worker.lane()) {
                worker.close();
            }
        }
        Ok(())
    }

    /// Begins the next attempt at a case in a fresh worker.
    pub(super) fn start_retry(&mut self, failed: Assignment, report: CaseReport) -> Result<(), HarnessError> {
        self.progress.emit(Event::CaseRetried(report));
        let fresh = self.pool.start(self.session, None)?;
        self.give(fresh, vec![failed.next_attempt()]);
        Ok(())
    }

    /// Gives every step of the script that may begin to the worker of its lane.
    fn follow_script(&mut self) -> Result<(), HarnessError> {
        while let Some((case, lane)) = self.schedule.next_step() {
            let worker = match self.pool.of_lane(lane) {
                Some(worker) => worker,
                None => self.pool.start(self.session, Some(lane))?,
            };
            self.give(worker, vec![Assignment::in_lane(case, lane)]);
        }
        Ok(())
    }

    /// Begins the retries whose pauses are over, as long as the pool may have another worker.
    fn start_due_retries(&mut self) -> Result<(), HarnessError> {
        while self.schedule.is_any_retry_due() {
            if self.pool.open() >= self.pool.size() {
                let Some(idle) = self.pool.idle() else { break };
                idle.close();
            }
            if let Some(PendingRetry { failed, report, .. }) = self.schedule.take_due_retry() {
                self.start_retry(failed, report)?;
            }
        }
        Ok(())
    }

    /// Starts workers for the waiting cases that no idle worker can take.
    fn start_workers(&mut self) -> Result<(), HarnessError> {
        let mut open = self.pool.open();
        let idle = self.pool.iter_mut().filter(|(_, worker)| worker.is_open() && worker.is_idle()).count();
        let mut unattended = self.schedule.waiting().saturating_sub(idle);
        while open < self.pool.size() && unattended > 0 {
            match self.pool.start(self.session, None) {
                // The run goes on with the workers that it has, and takes longer.
                Err(error) if open > 0 => {
                    self.progress.warn(format!("{}; going on with {open}", error.chain()));
                    self.pool.shrink(open);
                    break;
                }
                started => started?,
            };
            open += 1;
            unattended -= 1;
        }
        Ok(())
    }

    /// Gives waiting cases to the open workers, the least loaded one first.
    fn give_cases(&mut self, prefetch: Prefetch) {
        // A retry waits for a worker to become idle, so that no worker gets another case now.
        if self.schedule.is_any_retry_due() {
            return;
        }
        for id in self.pool.open_by_load() {
            let Some(load) = self.pool.get(id).map(WorkerHandle::load) else { continue };
            let size = match prefetch {
                Prefetch::Nothing => 1,
                Prefetch::Batches => self.schedule.batch_size(self.pool.size()),
            };
            let mut cases = Vec::new();
            if load == 0 {
                if self.schedule.waiting() == 0 {
                    self.recall_for(id);
                }
                cases.extend(self.schedule.next_case());
            }
            let holds_locks = cases.first().is_some_and(|case| !case.locks.is_empty());
            if !holds_locks && load <= size / 2 {
                let more = std::iter::from_fn(|| self.schedule.next_case_without_locks());
                cases.extend(more.take(size.saturating_sub(load + cases.len())));
            }
            if !cases.is_empty() {
                self.give(id, cases.into_iter().map(Assignment::first).collect());
            }
        }
    }

    fn give(&mut self, id: WorkerId, cases: Vec<Assignment>) {
        let Some(worker) = self.pool.get_mut(id) else { return };
        worker.give(cases);
        if let Some(current) = worker.current() {
            self.progress.start(id, current);
        }
    }

    /// Takes cases back from the most loaded worker, so that an idle one can run them.
    fn recall_for(&mut self, idle: WorkerId) {
        if let Some(worker) = self.pool.most_loaded_except(idle).filter(|worker| worker.load() > 1) {
            self.schedule.put_back(worker.recall());
        }
    }
}
