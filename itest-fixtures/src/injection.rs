//! Decides which of the requests, statements, mails or messages that match an injection get its fault.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use itest_runtime::__private::Problem;
use itest_runtime::{SourceLocation, TestInfo};

/// A fault that is injected. Its rules can be combined.
///
/// A fault that is never triggered fails the test at the line where it was injected, if the test passed otherwise.
#[derive(Clone)]
pub struct Injection {
    rules: Arc<Mutex<Rules>>,
}

/// The rules of an injection, and its counts.
#[derive(Debug)]
struct Rules {
    /// The maximum number of requests that get the fault.
    max_triggers: Option<u32>,
    /// Only each n-th matching request gets the fault.
    every_nth: u32,
    /// The number of requests at the beginning that do not get the fault.
    skipped: u32,
    /// The number of requests that matched.
    seen: u32,
    triggered: u32,
}

impl Injection {
    /// An injection into everything that matches.
    pub(crate) fn new() -> Self {
        let rules = Rules { max_triggers: None, every_nth: 1, skipped: 0, seen: 0, triggered: 0 };
        Self { rules: Arc::new(Mutex::new(rules)) }
    }

    /// Limits the fault to this number of matching requests, statements, mails or messages: without other rules, the first ones.
    ///
    /// # Panics
    ///
    /// If the number is 0.
    #[expect(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "the fault is injected already")]
    #[track_caller]
    pub fn first(self, number: u32) -> Self {
        assert!(number > 0, "a fault that is limited to 0 times is never triggered");
        self.lock().max_triggers = Some(number);
        self
    }

    /// Each n-th matching request, statement, mail or message gets the fault: with 3, the third, the sixth, and so on.
    ///
    /// # Panics
    ///
    /// If the number is 0.
    #[expect(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "the fault is injected already")]
    #[track_caller]
    pub fn every(self, period: u32) -> Self {
        assert!(period > 0, "a fault that is triggered every 0 times is never triggered");
        self.lock().every_nth = period;
        self
    }

    /// This number of matching requests, statements, mails or messages at the beginning do not get the fault, and the other rules do not count
    /// them.
    #[expect(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "the fault is injected already")]
    pub fn after(self, number: u32) -> Self {
        self.lock().skipped = number;
        self
    }

    /// How often the fault was triggered so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.lock().triggered as usize
    }

    /// Counts something that matches. Returns whether it gets the fault.
    pub(crate) fn triggers(&self) -> bool {
        let mut rules = self.lock();
        rules.seen = rules.seen.saturating_add(1);
        let number = rules.seen.saturating_sub(rules.skipped);
        let is_over = rules.max_triggers.is_some_and(|most| rules.triggered >= most);
        if number == 0 || !number.is_multiple_of(rules.every_nth) || is_over {
            return false;
        }
        rules.triggered += 1;
        true
    }

    /// Fails the test if the fault was never triggered, and warns if it was triggered less often than it should have been. `what` names the
    /// fault, and the test injected it at `location`.
    pub(crate) fn check(&self, what: &str, info: &TestInfo, location: &'static Location<'static>) {
        match self.shortfall() {
            None => {}
            Some(Shortfall::Never) => {
                let location = Some(SourceLocation::new(location.to_string()));
                info.fail_with(Problem { location, ..Problem::new(format!("{what} was never triggered")) });
            }
            Some(Shortfall::Fewer { expected, triggered }) => {
                let (triggered, expected) = (in_times(triggered), in_times(expected));
                info.warn(format!("{what} was triggered {triggered}, expected {expected}, at {location}"));
            }
        }
    }

    /// How the injection fell short of its rules: the fault was never triggered, or less often than it should have been.
    fn shortfall(&self) -> Option<Shortfall> {
        let rules = self.lock();
        match rules.max_triggers {
            _ if rules.triggered == 0 => Some(Shortfall::Never),
            Some(expected) if rules.triggered < expected => {
                Some(Shortfall::Fewer { expected, triggered: rules.triggered })
            }
            _ => None,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Injection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&*self.lock(), formatter)
    }
}

/// How an injection fell short of its rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shortfall {
    Never,
    Fewer { expected: u32, triggered: u32 },
}

/// How often something happened.
pub(crate) fn in_times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{count} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which of the first ten requests get the fault.
    fn triggered(injection: &Injection) -> Vec<u32> {
        (1..=10).filter(|_| injection.triggers()).collect()
    }

    #[test]
    fn rules_select_requests_by_their_numbers() {
        assert_eq!(triggered(&Injection::new().first(2)), [1, 2]);
        assert_eq!(triggered(&Injection::new().every(4)), [4, 8]);
        assert_eq!(triggered(&Injection::new().after(3).first(2)), [4, 5]);
        assert_eq!(triggered(&Injection::new().after(1).every(3).first(2)), [4, 7]);
    }

    #[test]
    fn shortfall_says_how_often_the_fault_was_missing() {
        let injection = Injection::new().first(2);
        assert_eq!(injection.shortfall(), Some(Shortfall::Never));
        injection.triggers();
        assert_eq!(injection.shortfall(), Some(Shortfall::Fewer { expected: 2, triggered: 1 }));
        injection.triggers();
        assert_eq!((injection.shortfall(), injection.count()), (None, 2));
    }
}
