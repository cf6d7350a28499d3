//! Runs the probes of a detection: each with fresh processes, a fresh session, and a temp dir that is empty.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use tokio::runtime::Runtime;

use super::run::{LiveProgress, Run};
use super::supervisor::{Request, Signals, TIME_IS_UP, supervise};
use crate::detect::{Noise, Observation, Probe, ProbeRunner, Spot, Stopped};
use crate::inject::{Registry, remove_tree};
use crate::model::{
    Budget, Case, CaseIndex, CaseReport, Event, Facts, Failed, HarnessError, Leaks, Mark, Order, Outcome, Repeats,
    RunConfig, TestId,
};
use crate::plan::lockstep;
use crate::process::{WORKER_MARK, kill_marked};
use crate::session::{address_of, probe_folder};

/// Why no more probes are run.
#[derive(Debug)]
pub(crate) enum Halt {
    /// The budget is used up.
    Budget,
    /// A signal came.
    Signal(Cow<'static, str>),
    /// The harness failed.
    Failed(HarnessError),
}

/// Runs probes in worker processes.
#[derive(Debug)]
pub(crate) struct WorkerLaboratory {
    registry: Arc<Registry>,
    cases: BTreeMap<CaseIndex, Case>,
    config: RunConfig,
    budget: Budget,
    began: Instant,
    /// The temp dir of the probes.
    folder: PathBuf,
    /// The session of the probes, by which what they started is found.
    session: String,
    /// Between two probes nobody else listens.
    listening: (Runtime, Signals),
    /// How many probes were run.
    pub(crate) probes: usize,
    /// How many tests were run in them, each time counted.
    pub(crate) executions: usize,
    /// Why there were no more.
    pub(crate) halt: Option<Halt>,
}

impl WorkerLaboratory {
    /// A laboratory for these cases.
    ///
    /// # Errors
    ///
    /// When there is no place for the temp dirs of probes, or signals cannot be listened for.
    pub(crate) fn new(registry: Arc<Registry>, cases: Vec<Case>, config: &RunConfig) -> Result<Self, HarnessError> {
        let folder = probe_folder(config);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(HarnessError::io("start an event loop"))?;
        let signals = {
            let _entered = runtime.enter();
            Signals::listen(None, None).map_err(HarnessError::io("listen for signals"))?
        };
        // A test that fails is what is looked for: nothing may end the probe or try again, and what it leaves is not the question.
        let probing = RunConfig {
            order: Order::Given,
            fail_fast: None,
            retries: 0,
            repeats: Repeats::default(),
            // Hundreds of probes fail on purpose, and nobody looks at what they have taken.
            failed: Failed::GiveBack,
            leaks: if config.leaks == Leaks::Fail { Leaks::Fail } else { Leaks::Ignore },
            environment: vec![
                ("TMPDIR".to_owned(), folder.to_string_lossy().into_owned()),
                // A stack takes longer to find out than most tests to fail, and nobody reads it.
                ("RUST_BACKTRACE".to_owned(), "0".to_owned()),
            ],
            ..config.clone()
        };
        Ok(Self {
            registry,
            cases: cases.into_iter().map(|case| (case.index, case)).collect(),
            config: probing,
            budget: config.budget,
            began: Instant::now(),
            folder,
            session: address_of(config).0.name,
            listening: (runtime, signals),
            probes: 0,
            executions: 0,
            halt: None,
        })
    }

    /// How long the laboratory has been at work.
    #[must_use]
    pub(crate) fn elapsed(&self) -> std::time::Duration {
        self.began.elapsed()
    }

    fn try_run(&mut self, probe: &Probe) -> Result<Vec<Observation>, Halt> {
        let count = probe.lanes.iter().map(Vec::len).sum::<usize>();
        if count == 0 {
            return Ok(Vec::new());
        }
        if self.budget.time.is_some_and(|time| self.began.elapsed() >= time)
            || self.budget.executions.is_some_and(|most| self.executions + count > most)
        {
            return Err(Halt::Budget);
        }
        if let Some(signal) = self.signal() {
            return Err(Halt::Signal(signal));
        }
        self.probes += 1;
        self.executions += count;
        self.empty_folder().map_err(Halt::Failed)?;
        let (cases, places) = lockstep(&probe.lanes)
            .into_iter()
            .filter_map(|(case, place)| Some((self.cases.get(&case)?.clone(), place)))
            .unzip();
        let jobs = probe.lanes.len().try_into().unwrap_or(std::num::NonZeroUsize::MIN);
        let run = Run {
            cases,
            places,
            config: RunConfig { jobs, ..self.config.clone() },
            ignored: Vec::new(),
            filtered_out: 0,
            live: LiveProgress::Hidden,
            until: self.budget.time.map(|time| self.began + time),
            facts: Facts::default(),
        };
        let mut ended = Vec::new();
        let noise = (probe.noise == Noise::Busy).then(BusyProcessors::start);
        let summary = supervise(run, Arc::clone(&self.registry), &mut |event| {
            if let Event::CaseFinished(case) = event {
                ended.push(case);
            }
        });
        drop(noise);
        let interrupted = summary.map_err(Halt::Failed)?.interrupted_by;
        if interrupted.is_some() {
            // What was over by then is known; the rest did not run.
            ended.retain(|case| case.report.outcome != Outcome::Interrupted);
            self.executions -= count - ended.len().min(count);
        }
        self.halt = interrupted.map(|name| if name == TIME_IS_UP { Halt::Budget } else { Halt::Signal(name) });
        Ok(self.observations(probe, ended))
    }

    /// Every probe finds its temp dir empty.
    fn empty_folder(&self) -> Result<(), HarnessError> {
        let made = remove_tree(&self.folder).and_then(|()| fs::create_dir_all(&self.folder));
        made.map_err(HarnessError::io(format!("empty the folder {}", self.folder.display())))
    }

    /// A signal that came between two probes.
    fn signal(&mut self) -> Option<Cow<'static, str>> {
        let (runtime, signals) = &mut self.listening;
        runtime.block_on(async {
            loop {
                tokio::select! {
                    biased;
                    request = signals.next() => match request {
                        Request::End(signal) => return Some(signal.into()),
                        // The run that was under way when the signal came has obeyed it.
                        Request::Pause => {}
                    },
                    () = tokio::task::yield_now() => return None,
                }
            }
        })
    }

    /// Finds the places of those that ended: in one lane the same test ends in order.
    fn observations(&self, probe: &Probe, ended: Vec<CaseReport>) -> Vec<Observation> {
        let mut spots: BTreeMap<&TestId, VecDeque<(CaseIndex, Spot)>> = BTreeMap::new();
        for (lane, cases) in probe.lanes.iter().enumerate() {
            for (position, case) in cases.iter().enumerate() {
                if let Some(known) = self.cases.get(case) {
                    spots.entry(&known.id).or_default().push_back((*case, Spot { lane, position }));
                }
            }
        }
        let sighting = |report: CaseReport| {
            let (case, spot) = spots.get_mut(&report.id)?.pop_front()?;
            let first = report.report.failures.first();
            Some(Observation {
                case,
                spot,
                outcome: report.report.outcome,
                phase: first.map(|failure| failure.phase),
                message: first.map(|failure| first_line(&failure.problem.message)).unwrap_or_default(),
                elapsed: report.elapsed,
            })
        };
        ended.into_iter().filter_map(sighting).collect()
    }
}

impl ProbeRunner for WorkerLaboratory {
    fn run(&mut self, probe: &Probe) -> Result<Vec<Observation>, Stopped> {
        if self.halt.is_some() {
            return Err(Stopped);
        }
        self.try_run(probe).map_err(|halt| {
            self.halt = Some(halt);
            Stopped
        })
    }
}

impl Drop for WorkerLaboratory {
    fn drop(&mut self) {
        // Nobody looked after each test, which would take longer than most of them: a daemon may be left of any.
        kill_marked(&Mark::new(WORKER_MARK, &self.session));
        // Where that fails, it is swept when this process is gone.
        let _ = remove_tree(&self.folder);
    }
}

/// What says most in one line: a comparison is told in several.
fn first_line(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect::<Vec<_>>().join(" ")
}

/// Threads that compute until they are dropped, one for each processor.
#[derive(Debug)]
struct BusyProcessors {
    is_over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl BusyProcessors {
    fn start() -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let spin = || {
            let is_over = Arc::clone(&is_over);
            thread::spawn(move || {
                while !is_over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let count = thread::available_parallelism().map_or(1, usize::from);
        Self { threads: (0..count).map(|_| spin()).collect(), is_over }
    }
}

impl Drop for BusyProcessors {
    fn drop(&mut self) {
        self.is_over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
