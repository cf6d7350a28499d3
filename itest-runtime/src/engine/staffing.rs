//! Who works on what: workers are hired, given cases, relieved of them, and let go.

use std::num::NonZeroUsize;
use std::time::Instant;

use super::supervisor::Supervisor;
use super::workers::{Assignment, Worker};
use crate::model::{Case, Event, HarnessError, Lane, WorkerId};
use crate::plan::{Script, hand_size};

impl Supervisor<'_> {
    /// Gives work to whoever can take some, and lets go of whoever is not needed any more.
    pub(super) fn feed(&mut self) -> Result<(), HarnessError> {
        if self.stopping.is_none() {
            if self.script.is_some() {
                self.follow_script()?;
            } else {
                self.begin_rounds();
                self.wake()?;
                self.hire()?;
                self.hand_out();
            }
        }
        let (is_stopping, script, waiting) = (self.stopping.is_some(), &self.script, self.admission.waiting());
        let done = |worker: &Worker| match (script, worker.lane) {
            (Some(script), Some(lane)) => script.is_over(lane),
            _ => waiting == 0,
        };
        for worker in
            self.workers.values_mut().filter(|worker| worker.assignments.is_empty() && (is_stopping || done(worker)))
        {
            worker.link.close();
        }
        Ok(())
    }

    /// The next round begins while the last cases of this one run: a case may run beside itself.
    fn begin_rounds(&mut self) {
        if self.admission.waiting() == 0
            && !self.is_time_up()
            && let Some(round) = self.rounds.next()
        {
            self.admission.extend(round);
        }
    }

    /// Whether the run was to last only for so long.
    fn is_time_up(&self) -> bool {
        self.config.repeats.lasting.is_some_and(|lasting| self.began.elapsed() >= lasting)
    }

    /// Starts as many workers as there is work for.
    fn hire(&mut self) -> Result<(), HarnessError> {
        let open = self.workers.values().filter(|worker| !worker.link.is_closed());
        let (mut open, idle) =
            open.fold((0, 0), |(open, idle), worker| (open + 1, idle + usize::from(worker.assignments.is_empty())));
        let mut unattended = self.admission.waiting().saturating_sub(idle);
        while open < self.config.jobs.get() && unattended > 0 {
            match self.start_worker() {
                // With fewer of them the run takes longer, and that is all.
                Err(error) if open > 0 => {
                    (self.emit)(Event::Warning(format!("{}; going on with {open}", error.chain())));
                    self.config.jobs = NonZeroUsize::new(open).unwrap_or(NonZeroUsize::MIN);
                    break;
                }
                started => started?,
            };
            open += 1;
            unattended -= 1;
        }
        Ok(())
    }

    pub(super) fn start_worker(&mut self) -> Result<WorkerId, HarnessError> {
        let id = WorkerId(self.next_worker);
        self.next_worker += 1;
        let worker = Worker::start(id, &self.config, &self.session, &self.registry, &self.messages.0)
            .map_err(HarnessError::io(format!("start {id}")))?;
        self.workers.insert(id, worker);
        Ok(id)
    }

    /// Gives every step of the script that may begin to the worker of its lane.
    fn follow_script(&mut self) -> Result<(), HarnessError> {
        let is_over = self.is_time_up();
        if let Some(script) = &mut self.script
            && script.waiting() == 0
            && self.workers.is_empty()
            && !is_over
        {
            script.begin_round();
        }
        while let Some((case, lane)) = self.script.as_mut().and_then(Script::next) {
            let of_lane = |(_, worker): &(&WorkerId, &Worker)| worker.lane == Some(lane) && !worker.link.is_closed();
            let id = match self.workers.iter().find(of_lane) {
                Some((id, _)) => *id,
                None => self.start_worker()?,
            };
            if let Some(worker) = self.workers.get_mut(&id) {
                worker.lane = Some(lane);
            }
            self.give(id, vec![Assignment { case, lane: Some(lane), attempt: 1, since: None, slow: false }]);
        }
        Ok(())
    }

    /// A case that was given and not begun.
    pub(super) fn put_back(&mut self, case: Case, lane: Option<Lane>) {
        match (&mut self.script, lane) {
            (Some(script), Some(lane)) => script.put_back(lane, case),
            _ => self.admission.put_back(case),
        }
    }

    /// A case has ended, and holds nothing any more.
    pub(super) fn finish(&mut self, assigned: &Assignment) {
        match (&mut self.script, assigned.lane) {
            (Some(script), Some(lane)) => script.finish(lane),
            _ => self.admission.finish(&assigned.case),
        }
    }

    fn hand_out(&mut self) {
        if self.resting.is_any_due() {
            return;
        }
        let jobs = self.config.jobs.get();
        let mut ids: Vec<WorkerId> =
            self.workers.iter().filter(|(_, worker)| !worker.link.is_closed()).map(|(id, _)| *id).collect();
        // Whoever holds least comes first.
        ids.sort_by_key(|id| self.workers[id].assignments.len());
        for id in ids {
            let Some(count) = self.workers.get(&id).map(|worker| worker.assignments.len()) else { continue };
            // Whoever wants to stop at a failure does not want others to be under way already.
            let size = match self.config.max_failures() {
                Some(_) => 1,
                None => hand_size(self.typical, self.admission.waiting(), jobs),
            };
            let mut cases = Vec::new();
            if count == 0 {
                if self.admission.waiting() == 0 {
                    self.recall_from_others(id);
                }
                cases.extend(self.admission.next());
            }
            let holds_locks = cases.first().is_some_and(|case| !case.locks.is_empty());
            if !holds_locks && (count == 0 || count <= size / 2) {
                let more = std::iter::from_fn(|| self.admission.next_without_locks());
                cases.extend(more.take(size.saturating_sub(count + cases.len())));
            }
            if !cases.is_empty() {
                let first = |case| Assignment { case, lane: None, attempt: 1, since: None, slow: false };
                self.give(id, cases.into_iter().map(first).collect());
            }
        }
    }

    pub(super) fn give(&mut self, id: WorkerId, cases: Vec<Assignment>) {
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.give(cases);
        }
        self.announce(id);
    }

    /// Emits once that a worker's first assignment has started.
    pub(super) fn announce(&mut self, id: WorkerId) {
        let Some(assigned) = self.workers.get_mut(&id).and_then(|worker| worker.assignments.front_mut()) else {
            return;
        };
        if assigned.since.is_none() {
            assigned.since = Some(Instant::now());
            (self.emit)(Event::CaseStarted { id: assigned.case.id.clone(), worker: id, attempt: assigned.attempt });
        }
    }

    fn recall_from_others(&mut self, idle: WorkerId) {
        let fullest =
            self.workers.iter_mut().filter(|(id, _)| **id != idle).max_by_key(|(_, worker)| worker.assignments.len());
        if let Some((_, worker)) = fullest.filter(|(_, worker)| worker.assignments.len() > 1) {
            for case in worker.recall().into_iter().rev() {
                self.admission.put_back(case);
            }
        }
    }
}
