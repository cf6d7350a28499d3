//! Injections: which requests get a fault.

use std::panic::Location;

use hyper::StatusCode;
use itest_runtime::Fault;

use super::mounted_injection::{MountedInjection, Rule};
use super::pattern::RequestPattern;
use super::stub::Stubs;

/// A fault that a stand-in injects. Without further rules, every request gets it.
///
/// A fault that no request gets fails the test at the line where it was injected, if the test passed otherwise.
#[derive(Debug)]
pub struct Injection<'s> {
    stubs: &'s Stubs,
    position: usize,
}

impl<'s> Injection<'s> {
    #[track_caller]
    pub(super) fn mount(stubs: &'s Stubs, fault: Fault) -> Self {
        if let Fault::Status(status) = fault {
            assert!(StatusCode::from_u16(status).is_ok(), "{status} is no status of HTTP");
        }
        let location = Location::caller();
        let mut list = stubs.lock();
        list.injections.push(MountedInjection::new(fault, location));
        Self { stubs, position: list.injections.len() - 1 }
    }

    /// Only requests that match this pattern get the fault, and are counted.
    #[expect(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "the fault is injected already")]
    pub fn on(self, pattern: RequestPattern) -> Self {
        self.change(|injection| injection.pattern = Some(pattern))
    }

    /// Only the first requests get the fault.
    ///
    /// # Panics
    ///
    /// If the number is 0.
    #[expect(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "the fault is injected already")]
    #[track_caller]
    pub fn first(self, requests: u32) -> Self {
        assert!(requests > 0, "a fault on the first 0 requests is never triggered");
        self.change(|injection| injection.rule = Rule::First { requests })
    }

    /// Every n-th request gets the fault: with 3, the third, the sixth, and so on.
    ///
    /// # Panics
    ///
    /// If the number is 0.
    #[expect(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "the fault is injected already")]
    #[track_caller]
    pub fn every(self, period: u32) -> Self {
        assert!(period > 0, "a fault on every request number 0 is never triggered");
        self.change(|injection| injection.rule = Rule::Every { period })
    }

    /// The first requests do not get the fault, and are not counted by the other rules.
    #[expect(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "the fault is injected already")]
    pub fn after(self, requests: u32) -> Self {
        self.change(|injection| injection.skipped = requests)
    }

    /// The number of requests that got the fault so far.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.stubs.lock().injections[self.position].triggered()
    }

    fn change(self, change: impl FnOnce(&mut MountedInjection)) -> Self {
        change(&mut self.stubs.lock().injections[self.position]);
        self
    }
}
