//! Another attempt for cases that failed: at once, or after a pause in which others run.

use std::time::{Duration, Instant};

use super::supervisor::Supervisor;
use super::workers::{Held, Worker};
use crate::model::{CaseReport, Event, HarnessError, WorkerId};
use crate::plan::pause_before;

/// A case between two attempts. It keeps its locks, so that nobody changes what it shares with others meanwhile.
#[derive(Debug)]
pub(super) struct Resting {
    held: Held,
    /// How the last attempt ended: the case's own end, if the run stops before the next one.
    last: CaseReport,
    due: Instant,
}

impl Supervisor<'_> {
    /// Lets a case rest until its next attempt. The worker goes, with its fixtures.
    pub(super) fn retry(&mut self, old: WorkerId, held: Held, last: CaseReport) -> Result<(), HarnessError> {
        if let Some(worker) = self.workers.get_mut(&old) {
            for case in worker.recall().into_iter().rev() {
                self.admission.put_back(case);
            }
            worker.link.close();
        }
        let pause = pause_before(held.attempt + 1, self.config.retry_delay, self.config.seed, held.case.id.as_str());
        if pause.is_zero() {
            // The old worker has made room for it.
            return self.try_again(held, last);
        }
        self.resting.push(Resting { held, last, due: Instant::now() + pause });
        Ok(())
    }

    /// Gives those another attempt whose pause is over, as far as there is room for a worker.
    pub(super) fn wake(&mut self) -> Result<(), HarnessError> {
        while let Some(next) = self.first_due() {
            if self.open_workers() >= self.config.jobs.get() {
                let is_idle = |worker: &&mut Worker| worker.hand.is_empty() && !worker.link.is_closed();
                let Some(idle) = self.workers.values_mut().find(is_idle) else { break };
                idle.link.close();
            }
            let Resting { held, last, .. } = self.resting.remove(next);
            self.try_again(held, last)?;
        }
        Ok(())
    }

    /// Whether a case could run now and has no worker: then the others' hands are not filled again.
    pub(super) fn somebody_is_due(&self) -> bool {
        self.first_due().is_some()
    }

    /// When the next pause is over.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.resting.iter().map(|resting| resting.due).min()
    }

    /// Nobody is tried again any more: what failed has failed.
    pub(super) fn give_up_resting(&mut self) {
        for Resting { held, last, .. } in std::mem::take(&mut self.resting) {
            self.finish(&held);
            self.summary.count(&last);
            (self.emit)(Event::CaseFinished(last));
        }
    }

    /// Nobody's pause ran meanwhile.
    pub(super) fn rest_longer(&mut self, paused: Duration) {
        for resting in &mut self.resting {
            resting.due += paused;
        }
    }

    fn first_due(&self) -> Option<usize> {
        if self.resting.is_empty() {
            return None;
        }
        let now = Instant::now();
        let due = self.resting.iter().enumerate().filter(|(_, resting)| resting.due <= now);
        due.min_by_key(|(_, resting)| resting.due).map(|(position, _)| position)
    }

    fn open_workers(&self) -> usize {
        self.workers.values().filter(|worker| !worker.link.is_closed()).count()
    }

    /// Another attempt, in a fresh worker.
    fn try_again(&mut self, held: Held, last: CaseReport) -> Result<(), HarnessError> {
        (self.emit)(Event::CaseRetried(last));
        let fresh = self.start_worker()?;
        self.give(fresh, vec![Held { attempt: held.attempt + 1, since: None, slow: false, ..held }]);
        Ok(())
    }
}

/// Waits for a moment, if there is one.
pub(super) async fn until(moment: Option<Instant>) {
    if let Some(moment) = moment {
        tokio::time::sleep_until(moment.into()).await;
    }
}
