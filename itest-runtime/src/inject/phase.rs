//! The phases of the attempt that runs on this thread, and their times.

use std::cell::RefCell;
use std::panic::Location;
use std::time::{Duration, Instant};

use crate::model::{Failure, Phase, PhaseTime, Problem, SourceLocation};

thread_local! {
    static CLOCK: RefCell<Option<Clock>> = const { RefCell::new(None) };
}

struct Clock {
    current: Stretch,
    log: PhaseLog,
    observer: Box<dyn Fn(Phase)>,
}

struct Stretch {
    phase: Phase,
    description: Option<&'static str>,
    budget: Option<Budget>,
    began: Instant,
}

struct Budget {
    within: Duration,
    place: &'static Location<'static>,
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
        if let Some(budget) = stretch.budget.as_ref().filter(|budget| elapsed > budget.within) {
            self.overruns.push(Failure {
                phase: stretch.phase,
                description: description.clone(),
                problem: Problem {
                    message: format!("took {elapsed:.1?}, over its budget of {:?}", budget.within),
                    location: Some(SourceLocation::new(budget.place.to_string())),
                    backtrace: None,
                },
            });
        }
        self.phases.push(PhaseTime { phase: stretch.phase, description, elapsed });
    }
}

/// Starts the clock of an attempt on this thread, in setup. The observer hears of every phase that follows.
pub(crate) fn begin_phases(observer: Box<dyn Fn(Phase)>) {
    let current = Stretch { phase: Phase::Setup, description: None, budget: None, began: Instant::now() };
    CLOCK.set(Some(Clock { current, log: PhaseLog::default(), observer }));
}

/// Ends the current phase and begins another; without a running attempt on this thread it does nothing.
#[track_caller]
pub fn enter_phase(phase: Phase, description: Option<&'static str>, within: Option<Duration>) {
    let place = Location::caller();
    CLOCK.with_borrow_mut(|clock| {
        let Some(clock) = clock else { return };
        let budget = within.map(|within| Budget { within, place });
        let next = Stretch { phase, description, budget, began: Instant::now() };
        let ended = std::mem::replace(&mut clock.current, next);
        // The first mark stands at the top of the body: what was an unmarked body turns out to be marked.
        let was_unmarked = ended.phase == Phase::Body && phase != Phase::Teardown;
        if !was_unmarked {
            clock.log.close(&ended);
        }
        (clock.observer)(phase);
    });
}

/// The phase this thread's attempt is in, with its description.
#[must_use]
pub(crate) fn current_phase() -> Option<(Phase, Option<&'static str>)> {
    CLOCK.with_borrow(|clock| clock.as_ref().map(|clock| (clock.current.phase, clock.current.description)))
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

    fn names(log: &PhaseLog) -> Vec<Phase> {
        log.phases.iter().map(|time| time.phase).collect()
    }

    #[test]
    fn marks_replace_the_unmarked_body() {
        begin_phases(Box::new(|_| ()));
        enter_phase(Phase::Body, None, None);
        enter_phase(Phase::Act, Some("pays"), None);
        assert_eq!(current_phase(), Some((Phase::Act, Some("pays"))));
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
