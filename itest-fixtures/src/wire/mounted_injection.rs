//! An injection that counts requests.

use std::fmt;
use std::panic::Location;

use itest_runtime::Fault;

use super::pattern::RequestPattern;
use super::received::Received;

/// Which of the requests get a fault.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rule {
    First { requests: u32 },
    Every { period: u32 },
}

/// An injection and its counts.
#[derive(Debug)]
pub(super) struct MountedInjection {
    fault: Fault,
    pub(super) pattern: Option<RequestPattern>,
    pub(super) rule: Rule,
    /// The number of requests at the beginning that do not get the fault.
    pub(super) skipped: u32,
    /// The number of requests that matched.
    seen: u32,
    triggered: u32,
    /// Where the test injected the fault.
    pub(super) location: &'static Location<'static>,
}

impl MountedInjection {
    /// An injection that every request gets.
    pub(super) fn new(fault: Fault, location: &'static Location<'static>) -> Self {
        let rule = Rule::Every { period: 1 };
        Self { fault, pattern: None, rule, skipped: 0, seen: 0, triggered: 0, location }
    }

    /// The number of requests that got the fault.
    pub(super) fn triggered(&self) -> u32 {
        self.triggered
    }

    /// Counts a request. Returns the fault that it gets.
    pub(super) fn fault_for(&mut self, request: &Received) -> Option<Fault> {
        if self.pattern.as_ref().is_some_and(|pattern| !pattern.mismatches(request).is_empty()) {
            return None;
        }
        self.seen = self.seen.saturating_add(1);
        let number = self.seen.checked_sub(self.skipped).filter(|number| *number > 0)?;
        let is_triggered = match self.rule {
            Rule::First { requests } => number <= requests,
            Rule::Every { period } => number % period == 0,
        };
        if is_triggered {
            self.triggered += 1;
        }
        is_triggered.then_some(self.fault)
    }

    /// Whether fewer requests got the fault than the rule allows: none at all, or fewer than the first ones.
    pub(super) fn shortfall(&self) -> Option<Shortfall> {
        match self.rule {
            _ if self.triggered == 0 => Some(Shortfall::Never),
            Rule::First { requests } if self.triggered < requests => {
                Some(Shortfall::Fewer { expected: requests, triggered: self.triggered })
            }
            _ => None,
        }
    }
}

/// How an injection missed its rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shortfall {
    Never,
    Fewer { expected: u32, triggered: u32 },
}

impl fmt::Display for MountedInjection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the fault {}", self.fault)?;
        self.pattern.as_ref().map_or(Ok(()), |pattern| write!(formatter, " on {pattern}"))
    }
}
