//! An injection that counts requests.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use itest_runtime::Fault;

use super::pattern::RequestPattern;

/// An injection and its counts.
#[derive(Debug)]
pub(super) struct MountedInjection {
    fault: Fault,
    /// The requests that are counted. None counts all requests.
    pub(super) pattern: Option<Arc<RequestPattern>>,
    /// The most requests that get the fault.
    pub(super) most: Option<u32>,
    /// Every request of this number gets the fault.
    pub(super) period: u32,
    /// The number of requests at the beginning that do not get the fault.
    pub(super) skipped: u32,
    /// The number of requests that matched.
    seen: u32,
    triggered: u32,
    /// Where the test injected the fault.
    pub(super) location: &'static Location<'static>,
}

impl MountedInjection {
    /// An injection that every request that matches gets.
    pub(super) fn new(
        fault: Fault,
        pattern: Option<Arc<RequestPattern>>,
        location: &'static Location<'static>,
    ) -> Self {
        Self { fault, pattern, most: None, period: 1, skipped: 0, seen: 0, triggered: 0, location }
    }

    /// The number of requests that got the fault.
    pub(super) fn triggered(&self) -> u32 {
        self.triggered
    }

    /// Counts a request that matches. Returns the fault that it gets.
    pub(super) fn fault_for_next(&mut self) -> Option<Fault> {
        self.seen = self.seen.saturating_add(1);
        let number = self.seen.checked_sub(self.skipped).filter(|number| *number > 0)?;
        if number % self.period != 0 || self.most.is_some_and(|most| self.triggered >= most) {
            return None;
        }
        self.triggered += 1;
        Some(self.fault)
    }

    /// How the requests fell short of the rules: none of them got the fault, or fewer than the first ones.
    pub(super) fn shortfall(&self) -> Option<Shortfall> {
        match self.most {
            _ if self.triggered == 0 => Some(Shortfall::Never),
            Some(expected) if self.triggered < expected => {
                Some(Shortfall::Fewer { expected, triggered: self.triggered })
            }
            _ => None,
        }
    }
}

/// How an injection fell short of its rules.
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
