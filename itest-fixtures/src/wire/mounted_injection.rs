//! An injection of a stand-in, and the requests that it applies to.

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use itest_runtime::Fault;

use super::pattern::RequestPattern;
use crate::injection::Injection;

/// A fault that a stand-in injects into requests.
#[derive(Debug)]
pub(super) struct MountedInjection {
    pub(super) fault: Fault,
    /// The requests that are counted. None counts all requests.
    pub(super) pattern: Option<Arc<RequestPattern>>,
    pub(super) injection: Injection,
    /// Where the test injected the fault.
    pub(super) location: &'static Location<'static>,
}

impl fmt::Display for MountedInjection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the fault {}", self.fault)?;
        self.pattern.as_ref().map_or(Ok(()), |pattern| write!(formatter, " on {pattern}"))
    }
}
