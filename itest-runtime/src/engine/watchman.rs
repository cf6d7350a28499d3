//! What is seen to from time to time: tests that hang, tests that are slow, and signals that ask for an end.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::signals::{Asked, stop_this_process};
use super::supervisor::{Supervisor, TICK};
use super::workers::{Killed, Worker};
use crate::model::{Event, HarnessError, Limits, Output, Phase, Running, WorkerId};
use crate::process::{FromWorker, NotLent, Terminal, monotonic, stop_signal};

/// A worker that has not said a word for so long never will.
const START_LIMIT: Duration = Duration::from_secs(30);

/// How long a cancelled test may take to notice.
const CANCEL_LIMIT: Duration = Duration::from_secs(2);

impl Supervisor<'_> {
    /// Does what a signal asks for.
    pub(super) fn obey(&mut self, asked: Asked) {
        match asked {
            Asked::End(signal) => self.interrupt(signal),
            Asked::Pause => self.pause(),
        }
    }

    /// Stops the workers and this process, until somebody continues it. Meanwhile nobody's time runs.
    fn pause(&mut self) {
        let began = monotonic();
        self.send_to_workers(Signal::STOP);
        stop_this_process();
        let paused = monotonic().saturating_sub(began);
        for worker in self.workers.values_mut() {
            worker.pause(paused);
        }
        self.resting.delay(paused);
        self.stopping = self.stopping.map(|since| since + paused);
        self.send_to_workers(Signal::CONT);
    }

    fn send_to_workers(&self, signal: Signal) {
        for worker in self.workers.values() {
            worker.signal(signal);
        }
    }

    /// A signal asks for an end: the first one in good order, the second one at once.
    fn interrupt(&mut self, signal: &'static str) {
        if self.summary.interrupted_by.is_some() {
            self.leaves_at_once = true;
            for worker in self.workers.values_mut() {
                worker.kill(Killed::GivenUp);
            }
            return;
        }
        self.summary.interrupted_by = Some(signal.into());
        self.stop();
        // Also if the run was stopping already: patience with cancelled tests begins now.
        self.stopping = Some(Instant::now());
        let running = self.workers.values().filter_map(|worker| Some(worker.running()?.0.case.id.clone()));
        (self.emit)(Event::Interrupting { signal: signal.into(), running: running.collect() });
        for worker in self.workers.values_mut() {
            worker.link.cancel();
        }
    }

    /// Takes the reports that workers hold back while they are in a test that turned out to be long.
    pub(super) fn collect_unsent(&mut self) -> Result<(), HarnessError> {
        let unsent: Vec<_> = self
            .workers
            .iter()
            .flat_map(|(id, worker)| worker.link.unsent().into_iter().map(|report| (*id, report)))
            .collect();
        for (id, report) in unsent {
            self.hear(id, FromWorker::Finished { report, output: Output::default() })?;
        }
        Ok(())
    }

    /// Sees to workers that are stopped: those that want the terminal get it, one at a time.
    fn see_to_stopped(&mut self) {
        let mut pauses = false;
        for worker in self.workers.values_mut() {
            let Some(process) = worker.running_process() else { continue };
            let stopped = stop_signal(process);
            worker.stopped_by(stopped);
            match stopped {
                Some(signal) if Terminal::is_stop_signal(signal) => match self.terminal.lend(process) {
                    Ok(()) => worker.stopped_by(None),
                    // Its time does not run while it waits for another one.
                    Err(NotLent::InUse) => worker.pause(TICK),
                    Err(NotLent::Unavailable) => {}
                },
                // Ctrl-Z reaches the foreground alone, and is meant for the run.
                Some(signal) if signal == Signal::TSTP.as_raw() && self.terminal.is_lent_to(process) => pauses = true,
                _ => {}
            }
        }
        if pauses {
            self.terminal = Terminal::default();
            self.pause();
        }
    }

    /// Ends what hangs, names what is slow, tells what runs.
    pub(super) fn look_around(&mut self) {
        self.see_to_stopped();
        let now = monotonic();
        let cancelled = self.stopping.filter(|_| self.summary.interrupted_by.is_some());
        let mut lost = Vec::new();
        for (id, worker) in &mut self.workers {
            worker.check_for_silent_end();
            let overrun = worker.overrun(now).is_some_and(|overrun| overrun > Limits::GRACE);
            let phase = worker.position().map_or(Phase::Setup, |position| position.phase);
            let unheeded = phase != Phase::Teardown && cancelled.is_some_and(|since| since.elapsed() > CANCEL_LIMIT);
            let limits = &self.config.limits;
            let own = worker.assignments.front().and_then(|assigned| assigned.case.meta.timeout);
            let is_lost = worker
                .time_without_position()
                .is_some_and(|elapsed| elapsed > own.unwrap_or(limits.test).saturating_add(Limits::GRACE));
            if is_lost && !unheeded {
                worker.kill(Killed::Overrun(Phase::Body));
            } else if overrun && !unheeded {
                worker.kill(Killed::Overrun(phase));
            } else if unheeded || (!worker.ready && worker.began.elapsed() > START_LIMIT) {
                worker.kill(Killed::GivenUp);
            }
            if worker.killed.is_some() && !worker.is_process() {
                lost.push(*id);
            }
            if let Some(running) = running(worker).filter(|running| running.elapsed > self.config.slow)
                && let Some(assigned) = worker.assignments.front_mut().filter(|assigned| !assigned.slow)
            {
                assigned.slow = true;
                (self.emit)(Event::CaseSlow(running));
            }
        }
        for id in lost {
            self.abandon(id);
        }
        if self.is_watched {
            let running = self.workers.values().filter_map(running).collect();
            let finished = self.summary.passed + self.summary.failed + self.summary.ignored;
            (self.emit)(Event::Progress { running, finished, failed: self.summary.failed });
        }
    }

    /// A thread that hangs cannot be ended: it is reported and left behind, and the run ends with it.
    fn abandon(&mut self, id: WorkerId) {
        self.stop();
        self.session.abandon_thread();
        if self.bury(id, Ok(ExitStatus::default())).is_ok() {
            self.summary.problems.push(format!(
                "{id} hangs and, being a thread, cannot be ended; without --in-process only its test is lost"
            ));
        }
    }
}

fn running(worker: &Worker) -> Option<Running> {
    let (assigned, elapsed) = worker.running()?;
    let phase = worker.position().map(|position| position.phase);
    Some(Running { id: assigned.case.id.clone(), elapsed, phase })
}
