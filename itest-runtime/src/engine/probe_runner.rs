//! Runs the probes of a detection. Each probe has new processes, a new session, and an empty temporary directory.

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
use crate::inject::{Registry, block_on, remove_tree};
use crate::model::{
    Budget, Case, CaseIndex, CaseReport, Event, Facts, Failed, HarnessError, Leaks, Mark, Order, Outcome, Repeats,
    RunConfig, TestId, map_of,
};
use crate::plan::lockstep;
use crate::process::{WORKER_MARK, kill_marked};
use crate::session::{address_of, probe_folder};

/// The reason why no more probes are run.
#[derive(Debug)]
pub(crate) enum StopReason {
    /// The budget is used up.
    BudgetUsedUp,
    /// A signal with this name has arrived.
    Signal(Cow<'static, str>),
    /// The harness failed.
    HarnessFailed(HarnessError),
}

/// Runs probes in worker processes.
#[derive(Debug)]
pub(crate) struct WorkerProbeRunner {
    registry: Arc<Registry>,
    cases: BTreeMap<CaseIndex, Case>,
    config: RunConfig,
    budget: Budget,
    began: Instant,
    /// The temporary directory of the probes.
    folder: PathBuf,
    /// The name of the probes' session. The processes that probes start are marked with it.
    session: String,
    /// Receives the signals that arrive between two probes.
    signal_listener: (Runtime, Signals),
    /// The number of probes that were run.
    pub(crate) probes: usize,
    /// The number of test executions in these probes.
    pub(crate) executions: usize,
    /// The reason why no more probes are run, if there is one.
    pub(crate) stop_reason: Option<StopReason>,
}

impl WorkerProbeRunner {
    /// Prepares to run probes of these cases.
    ///
    /// # Errors
    ///
    /// When the event loop cannot be started, or signals cannot be received.
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
        // Probes search for failures. A failure must therefore neither end the probe nor be retried, and leak warnings are not needed.
        let probing = RunConfig {
            order: Order::Given,
            fail_fast: None,
            retries: 0,
            repeats: Repeats::default(),
            // Hundreds of probes are expected to fail, and the user does not inspect their resources.
            failed: Failed::GiveBack,
            leaks: if config.leaks == Leaks::Fail { Leaks::Fail } else { Leaks::Ignore },
            environment: vec![
                ("TMPDIR".to_owned(), folder.to_string_lossy().into_owned()),
                // A backtrace takes longer to capture than most tests to fail, and it is not reported.
                ("RUST_BACKTRACE".to_owned(), "0".to_owned()),
            ],
            ..config.clone()
        };
        Ok(Self {
            registry,
            cases: map_of(cases.into_iter().map(|case| (case.index, case))),
            config: probing,
            budget: config.budget,
            began: Instant::now(),
            folder,
            session: address_of(config).0.name,
            signal_listener: (runtime, signals),
            probes: 0,
            executions: 0,
            stop_reason: None,
        })
    }

    /// The time since the start of the detection.
    #[must_use]
    pub(crate) fn elapsed(&self) -> std::time::Duration {
        self.began.elapsed()
    }

    fn try_run(&mut self, probe: &Probe) -> Result<Vec<Observation>, StopReason> {
        let count = probe.lanes.iter().map(Vec::len).sum::<usize>();
        if count == 0 {
            return Ok(Vec::new());
        }
        if self.budget.time.is_some_and(|time| self.began.elapsed() >= time)
            || self.budget.executions.is_some_and(|most| self.executions + count > most)
        {
            return Err(StopReason::BudgetUsedUp);
        }
        if let Some(signal) = self.signal() {
            return Err(StopReason::Signal(signal));
        }
        self.probes += 1;
        self.executions += count;
        self.empty_folder().map_err(StopReason::HarnessFailed)?;
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
        let interrupted = summary.map_err(StopReason::HarnessFailed)?.interrupted_by;
        if interrupted.is_some() {
            // The tests that ended before the interruption have results. The others count as not run.
            ended.retain(|case| case.report.outcome != Outcome::Interrupted);
            self.executions -= count - ended.len().min(count);
        }
        self.stop_reason = interrupted
            .map(|name| if name == TIME_IS_UP { StopReason::BudgetUsedUp } else { StopReason::Signal(name) });
        Ok(self.observations(probe, ended))
    }

    /// Empties the temporary directory, so that a probe is independent of earlier ones.
    fn empty_folder(&self) -> Result<(), HarnessError> {
        let result = remove_tree(&self.folder).and_then(|()| fs::create_dir_all(&self.folder));
        result.map_err(HarnessError::io(format!("empty the folder {}", self.folder.display())))
    }

    /// The name of a signal that has arrived since the last probe.
    fn signal(&mut self) -> Option<Cow<'static, str>> {
        let (runtime, signals) = &mut self.signal_listener;
        block_on(runtime, async {
            loop {
                tokio::select! {
                    biased;
                    request = signals.next() => match request {
                        Request::End(signal) => return Some(signal.into()),
                        // The probe that ran when the signal arrived has already paused.
                        Request::Pause => {}
                    },
                    () = tokio::task::yield_now() => return None,
                }
            }
        })
    }

    /// Assigns each report to the spot of its test in the probe. If a test has several spots, its reports are assigned in their order.
    fn observations(&self, probe: &Probe, ended: Vec<CaseReport>) -> Vec<Observation> {
        let mut spots: BTreeMap<&TestId, VecDeque<(CaseIndex, Spot)>> = BTreeMap::new();
        for (lane, cases) in probe.lanes.iter().enumerate() {
            for (position, case) in cases.iter().enumerate() {
                if let Some(known) = self.cases.get(case) {
                    spots.entry(&known.id).or_default().push_back((*case, Spot { lane, position }));
                }
            }
        }
        let observation = |report: CaseReport| {
            let (case, spot) = spots.get_mut(&report.id)?.pop_front()?;
            let first = report.report.failures.first();
            Some(Observation {
                case,
                spot,
                outcome: report.report.outcome,
                phase: first.map(|failure| failure.phase),
                message: first.map(|failure| shortened(&failure.problem.message)).unwrap_or_default(),
                elapsed: report.elapsed,
            })
        };
        ended.into_iter().filter_map(observation).collect()
    }
}

impl ProbeRunner for WorkerProbeRunner {
    fn run(&mut self, probe: &Probe) -> Result<Vec<Observation>, Stopped> {
        if self.stop_reason.is_some() {
            return Err(Stopped);
        }
        self.try_run(probe).map_err(|reason| {
            self.stop_reason = Some(reason);
            Stopped
        })
    }
}

impl Drop for WorkerProbeRunner {
    fn drop(&mut self) {
        // Any test may have left a daemon. A check after each test would take longer than most tests, so all daemons are killed now.
        kill_marked(&Mark::new(WORKER_MARK, &self.session));
        // If the removal fails, a later run removes the folder after this process has ended.
        let _ = remove_tree(&self.folder);
    }
}

/// The first three lines of a message as one line, because a failed comparison spans several lines.
fn shortened(message: &str) -> String {
    message.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect::<Vec<_>>().join(" ")
}

/// Threads that keep all processors busy, one for each. They end when this value is dropped.
#[derive(Debug)]
struct BusyProcessors {
    is_stopped: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl BusyProcessors {
    fn start() -> Self {
        let is_stopped = Arc::new(AtomicBool::new(false));
        let spin = || {
            let is_stopped = Arc::clone(&is_stopped);
            thread::spawn(move || {
                while !is_stopped.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            })
        };
        let count = thread::available_parallelism().map_or(1, usize::from);
        Self { threads: (0..count).map(|_| spin()).collect(), is_stopped }
    }
}

impl Drop for BusyProcessors {
    fn drop(&mut self) {
        self.is_stopped.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}
