//! The injection of a fault into requests of a stand-in.

use std::panic::Location;
use std::sync::Arc;

use hyper::StatusCode;
use itest_runtime::Fault;

use super::mounted_injection::MountedInjection;
use super::pattern::RequestPattern;
use super::stub::Stubs;
use crate::injection::Injection;

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
        let is_of_http = !matches!(fault, Fault::SqlState(_) | Fault::Duplicate);
        assert!(is_of_http, "{fault} is a fault of a database or of a message, and a stand-in has neither");
        Self { stubs, fault, location: Location::caller() }
    }

    /// Injects the fault into the requests that match this pattern.
    #[expect(clippy::must_use_candidate, reason = "the fault is injected already")]
    pub fn on(self, pattern: RequestPattern) -> Injection {
        self.mount(Some(pattern))
    }

    /// Injects the fault into all requests.
    #[expect(clippy::must_use_candidate, reason = "the fault is injected already")]
    pub fn on_every_request(self) -> Injection {
        self.mount(None)
    }

    fn mount(self, pattern: Option<RequestPattern>) -> Injection {
        let injection = Injection::new();
        let (pattern, fault, location) = (pattern.map(Arc::new), self.fault, self.location);
        self.stubs.lock().injections.push(MountedInjection { fault, pattern, injection: injection.clone(), location });
        injection
    }
}
