//! The phases of the attempt that runs on this thread, and how long they took.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::model::{Failure, Phase, PhaseTime, Problem, SourceLocation};

thread_local! {
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
}

/// The phase of the attempt that this process runs. Other threads read it, because the clock is thread-local.
static PHASE: AtomicU8 = AtomicU8::new(0);

/// The last phase of the body of the attempt that this process runs.
static LAST_PHASE_OF_BODY: AtomicU8 = AtomicU8::new(0);

fn set_phase(phase: Phase) {
    PHASE.store(phase.number(), Ordering::Relaxed);
    if !matches!(phase, Phase::Invariants | Phase::Teardown) {
        LAST_PHASE_OF_BODY.store(phase.number(), Ordering::Relaxed);
    }
}

struct Clock {
    current: RunningPhase,
    log: PhaseLog,
    observer: Box<dyn Fn(Phase)>,
}

struct RunningPhase {
    phase: Phase,
    description: Option<&'static str>,
    within: Option<Duration>,
    /// The location of the phase's attribute.
    location: Option<&'static Location<'static>>,
    began: Instant,
}

/// The phase that an attempt is in.
#[derive(Debug, Clone)]
pub(crate) struct CurrentPhase {
    /// Which phase.
    pub(crate) phase: Phase,
    /// The description in its attribute.
    pub(crate) description: Option<&'static str>,
    /// The location of its attribute.
    pub(crate) location: Option<SourceLocation>,
}

/// The phases that an attempt went through.
#[derive(Debug, Default)]
pub(crate) struct PhaseLog {
    /// The phases and their durations, in order.
    pub phases: Vec<PhaseTime>,
    /// The phases that took longer than their `within` argument allows.
    pub overruns: Vec<Failure>,
}

impl PhaseLog {
    fn close(&mut self, running: &RunningPhase) {
        let elapsed = running.began.elapsed();
        let description = running.description.map(str::to_owned);
        if let Some(within) = running.within.filter(|within| elapsed > *within) {
            self.overruns.push(Failure {
                phase: running.phase,
                description: description.clone(),
                thread: None,
                problem: Problem {
                    message: format!("took {elapsed:.1?}, over its budget of {within:?}"),
                    location: running.location.map(|location| SourceLocation::new(location.to_string())),
                    backtrace: None,
                },
            });
        }
        self.phases.push(PhaseTime { phase: running.phase, description, elapsed });
    }
}

/// Starts the clock of an attempt on this thread in the setup phase. The observer is called at the start of every later phase.
pub(crate) fn begin_phases(observer: Box<dyn Fn(Phase)>) {
    let current =
        RunningPhase { phase: Phase::Setup, description: None, within: None, location: None, began: Instant::now() };
    CLOCK.set(Some(Clock { current, log: PhaseLog::default(), observer }));
    set_phase(Phase::Setup);
}

/// Ends the current phase and begins the next one. If no attempt runs on this thread, the function does nothing.
pub(super) fn begin_phase(
    phase: Phase,
    description: Option<&'static str>,
    within: Option<Duration>,
    location: Option<&'static Location<'static>>,
) {
    CLOCK.with_borrow_mut(|clock| {
        let Some(clock) = clock else { return };
        set_phase(phase);
        let next = RunningPhase { phase, description, within, location, began: Instant::now() };
        let ended = std::mem::replace(&mut clock.current, next);
        // The engine enters `Body` first. If the body then enters a phase of its own, the empty `Body` phase before it is not logged.
        let is_replaced = ended.phase == Phase::Body && matches!(phase, Phase::Arrange | Phase::Act | Phase::Assert);
        if !is_replaced {
            clock.log.close(&ended);
        }
        (clock.observer)(phase);
    });
}

/// The current phase of the attempt on this thread.
#[must_use]
pub(crate) fn current_phase() -> Option<CurrentPhase> {
    CLOCK.with_borrow(|clock| {
        let RunningPhase { phase, description, location, .. } = clock.as_ref()?.current;
        let location = location.map(|location| SourceLocation::new(location.to_string()));
        Some(CurrentPhase { phase, description, location })
    })
}

/// The current or last phase of the attempt in this process. Any thread may call this function.
#[must_use]
pub(super) fn phase_of_attempt() -> Phase {
    Phase::from_number(PHASE.load(Ordering::Relaxed)).unwrap_or(Phase::Setup)
}

/// The last phase of the body of the attempt in this process. Any thread may call this function.
#[must_use]
pub(super) fn last_phase_of_body() -> Phase {
    Phase::from_number(LAST_PHASE_OF_BODY.load(Ordering::Relaxed)).unwrap_or(Phase::Setup)
}

/// Subtracts time that the harness itself used from the current phase.
pub(super) fn exclude_time(used: Duration) {
    CLOCK.with_borrow_mut(|clock| {
        if let Some(clock) = clock {
            clock.current.began = clock.current.began.checked_add(used).unwrap_or(clock.current.began);
        }
    });
}

/// Stops the clock of the attempt on this thread, and returns its phases.
#[must_use]
pub(crate) fn end_phases() -> PhaseLog {
    let Some(mut clock) = CLOCK.take() else { return PhaseLog::default() };
    clock.log.close(&clock.current);
    clock.log
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inject::enter_phase;

    fn names(log: &PhaseLog) -> Vec<Phase> {
        log.phases.iter().map(|time| time.phase).collect()
    }

    #[test]
    fn phase_attributes_replace_the_body_phase() {
        begin_phases(Box::new(|_| ()));
        enter_phase(Phase::Body, None, None);
        enter_phase(Phase::Act, Some("pays"), None);
        let now = current_phase().unwrap();
        assert_eq!((now.phase, now.description), (Phase::Act, Some("pays")));
        assert!(now.location.is_some_and(|location| location.as_str().contains("phase.rs:")));
        enter_phase(Phase::Assert, None, None);
        enter_phase(Phase::Teardown, None, None);
        let log = end_phases();
        assert_eq!(names(&log), [Phase::Setup, Phase::Act, Phase::Assert, Phase::Teardown]);
        assert_eq!(log.phases[1].description.as_deref(), Some("pays"));
    }

    #[test]
    fn body_without_phase_attributes_is_one_phase() {
        begin_phases(Box::new(|_| ()));
        enter_phase(Phase::Body, None, None);
        enter_phase(Phase::Teardown, None, None);
        assert_eq!(names(&end_phases()), [Phase::Setup, Phase::Body, Phase::Teardown]);
    }

    #[test]
    fn phase_over_its_budget_is_reported_with_both_times() {
        begin_phases(Box::new(|_| ()));
        enter_phase(Phase::Act, None, Some(Duration::ZERO));
        enter_phase(Phase::Assert, None, Some(Duration::from_hours(1)));
        let log = end_phases();
        assert_eq!(log.overruns.len(), 1);
        assert!(log.overruns[0].problem.message.contains("over its budget of 0ns"));
    }
}
