//! Injections: which requests get a fault.

use std::panic::Location;
use std::sync::Arc;

use hyper::StatusCode;
use itest_runtime::Fault;

use super::mounted_injection::MountedInjection;
use super::pattern::RequestPattern;
use super::stub::Stubs;

/// A fault that is not injected yet: [`NewInjection::on`] says which requests get it.
#[derive(Debug)]
#[must_use = "no request gets the fault until `on` or `on_every_request` is called"]
pub struct NewInjection<'s> {
    stubs: &'s Stubs,
    fault: Fault,
    location: &'static Location<'static>,
}

impl<'s> NewInjection<'s> {
    #[track_caller]
    pub(super) fn new(stubs: &'s Stubs, fault: Fault) -> Self {
        if let Fault::Status(status) = fault {
            let is_final = StatusCode::from_u16(status).is_ok_and(|status| !status.is_informational());
            assert!(is_final, "{status} is no status of a response");
        }
        Self { stubs, fault, location: Location::caller() }
    }

    /// Injects the fault into the requests that match this pattern.
    #[expect(clippy::must_use_candidate, reason = "the fault is injected already")]
    pub fn on(self, pattern: RequestPattern) -> Injection<'s> {
        self.mount(Some(pattern))
    }

    /// Injects the fault into all requests.
    #[expect(clippy::must_use_candidate, reason = "the fault is injected already")]
    pub fn on_every_request(self) -> Injection<'s> {
        self.mount(None)
    }

    fn mount(self, pattern: Option<RequestPattern>) -> Injection<'s> {
        let mut list = self.stubs.lock();
        list.injections.push(MountedInjection::new(self.fault, pattern.map(Arc::new), self.location));
        Injection { stubs: self.stubs, position: list.injections.len() - 1 }
    }
}

/// A fault that a stand-in injects. Its rules can be combined.
///
/// A fault that no request gets fails the test at the line where it was injected, if the test passed otherwise.
#[derive(Debug)]
pub struct Injection<'s> {
    stubs: &'s Stubs,
    position: usize,
}

impl Injection<'_> {
    /// Only so many requests get the fault: without other rules, the first ones.
    ///
    /// # Panics
    ///
    /// If the number is 0.
    #[expect(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "the fault is injected already")]
    #[track_caller]
    pub fn first(self, requests: u32) -> Self {
        assert!(requests > 0, "a fault on the first 0 requests is never triggered");
        self.change(|injection| injection.most = Some(requests))
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
        self.change(|injection| injection.period = period)
    }

    /// The first requests do not get the fault, and the other rules do not count them.
    #[expect(clippy::must_use_candidate, clippy::return_self_not_must_use, reason = "the fault is injected already")]
    pub fn after(self, requests: u32) -> Self {
        self.change(|injection| injection.skipped = requests)
    }

    /// The number of requests that got the fault so far.
    #[must_use]
    pub fn count(&self) -> usize {
        self.stubs.lock().injections[self.position].triggered() as usize
    }

    fn change(self, change: impl FnOnce(&mut MountedInjection)) -> Self {
        change(&mut self.stubs.lock().injections[self.position]);
        self
    }
}
