//! The phases of the attempt that runs on this thread, and their times.

use std::cell::RefCell;
use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use crate::model::{Failure, Phase, PhaseTime, Problem, SourceLocation};

thread_local! {
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
}

/// The phase of the attempt that this process runs, for threads that are not the attempt's own.
static PHASE: AtomicU8 = AtomicU8::new(0);

struct Clock {
    current: Stretch,
    log: PhaseLog,
    observer: Box<dyn Fn(Phase)>,
}

struct Stretch {
    phase: Phase,
    description: Option<&'static str>,
    within: Option<Duration>,
    /// The line of the phase's mark.
    place: Option<&'static Location<'static>>,
    began: Instant,
}

/// The phase that an attempt is in.
#[derive(Debug, Clone)]
pub(crate) struct CurrentPhase {
    /// Which phase.
    pub(crate) phase: Phase,
    /// The words of its mark.
    pub(crate) description: Option<&'static str>,
    /// The line of its mark.
    pub(crate) place: Option<SourceLocation>,
}

/// The phases an attempt went through.
#[derive(Debug, Default)]
pub(crate) struct PhaseLog {
    /// Their times, in order.
    pub phases: Vec<PhaseTime>,
    /// Those that took longer than their `within`.
    pub overruns: Vec<Failure>,
}

impl PhaseLog {
    fn close(&mut self, stretch: &Stretch) {
        let elapsed = stretch.began.elapsed();
        let description = stretch.description.map(str::to_owned);
        if let Some(within) = stretch.within.filter(|within| elapsed > *within) {
            self.overruns.push(Failure {
                phase: stretch.phase,
                description: description.clone(),
                thread: None,
                problem: Problem {
                    message: format!("took {elapsed:.1?}, over its budget of {within:?}"),
                    location: stretch.place.map(|place| SourceLocation::new(place.to_string())),
                    backtrace: None,
                },
            });
        }
        self.phases.push(PhaseTime { phase: stretch.phase, description, elapsed });
    }
}

/// Starts the clock of an attempt on this thread, in setup. The observer hears of every phase that follows.
pub(crate) fn begin_phases(observer: Box<dyn Fn(Phase)>) {
    let current = Stretch { phase: Phase::Setup, description: None, within: None, place: None, began: Instant::now() };
    CLOCK.set(Some(Clock { current, log: PhaseLog::default(), observer }));
    PHASE.store(Phase::Setup.number(), Ordering::Relaxed);
}

/// Ends the current phase and begins another. Without a running attempt on this thread it does nothing.
pub(super) fn begin_phase(
    phase: Phase,
    description: Option<&'static str>,
    within: Option<Duration>,
    place: Option<&'static Location<'static>>,
) {
    CLOCK.with_borrow_mut(|clock| {
        let Some(clock) = clock else { return };
        PHASE.store(phase.number(), Ordering::Relaxed);
        let next = Stretch { phase, description, within, place, began: Instant::now() };
        let ended = std::mem::replace(&mut clock.current, next);
        // The first mark stands at the top of the body: what was an unmarked body turns out to be marked.
        let was_unmarked = ended.phase == Phase::Body && phase != Phase::Teardown;
        if !was_unmarked {
            clock.log.close(&ended);
        }
        (clock.observer)(phase);
    });
}

/// The phase this thread's attempt is in.
#[must_use]
pub(crate) fn current_phase() -> Option<CurrentPhase> {
    CLOCK.with_borrow(|clock| {
        let Stretch { phase, description, place, .. } = clock.as_ref()?.current;
        Some(CurrentPhase { phase, description, place: place.map(|place| SourceLocation::new(place.to_string())) })
    })
}

/// The phase that this process's attempt is in, or was in last, whichever thread asks.
#[must_use]
pub(super) fn phase_of_attempt() -> Phase {
    Phase::from_number(PHASE.load(Ordering::Relaxed)).unwrap_or(Phase::Setup)
}

/// Takes time that the harness itself spent out of the current phase.
pub(super) fn excuse(spent: Duration) {
    CLOCK.with_borrow_mut(|clock| {
        if let Some(clock) = clock {
            clock.current.began = clock.current.began.checked_add(spent).unwrap_or(clock.current.began);
        }
    });
}

/// Stops the clock.
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
    fn marks_replace_the_unmarked_body() {
        begin_phases(Box::new(|_| ()));
        enter_phase(Phase::Body, None, None);
        enter_phase(Phase::Act, Some("pays"), None);
        let now = current_phase().unwrap();
        assert_eq!((now.phase, now.description), (Phase::Act, Some("pays")));
        assert!(now.place.is_some_and(|place| place.as_str().contains("phase.rs:")));
        enter_phase(Phase::Assert, None, None);
        enter_phase(Phase::Teardown, None, None);
        let log = end_phases();
        assert_eq!(names(&log), [Phase::Setup, Phase::Act, Phase::Assert, Phase::Teardown]);
        assert_eq!(log.phases[1].description.as_deref(), Some("pays"));
    }

    #[test]
    fn a_body_without_marks_is_one_phase() {
        begin_phases(Box::new(|_| ()));
        enter_phase(Phase::Body, None, None);
        enter_phase(Phase::Teardown, None, None);
        assert_eq!(names(&end_phases()), [Phase::Setup, Phase::Body, Phase::Teardown]);
    }

    #[test]
    fn a_phase_over_its_budget_is_told_with_both_times() {
        begin_phases(Box::new(|_| ()));
        enter_phase(Phase::Act, None, Some(Duration::ZERO));
        enter_phase(Phase::Assert, None, Some(Duration::from_hours(1)));
        let log = end_phases();
        assert_eq!(log.overruns.len(), 1);
        assert!(log.overruns[0].problem.message.contains("over its budget of 0ns"));
    }
}
