//! The faults that a test has injected into messages.

use std::panic::Location;

use itest_runtime::{Fault, TestInfo};

use super::direction::Direction;
use crate::injection::Injection;

/// A fault that is injected.
pub(super) struct Mounted {
    pub(super) fault: Fault,
    pub(super) direction: Direction,
    /// The topics that get the fault.
    pub(super) pattern: String,
    pub(super) injection: Injection,
    /// Where the test injected the fault.
    pub(super) location: &'static Location<'static>,
}

impl Mounted {
    /// Fails the test if the fault was never triggered, and warns if it was triggered less often than its rules say.
    pub(super) fn check(&self, info: &TestInfo) {
        let Self { fault, direction, pattern, injection, location } = self;
        injection.check(&format!("the fault {fault} of {direction} on {pattern}"), info, location);
    }
}
