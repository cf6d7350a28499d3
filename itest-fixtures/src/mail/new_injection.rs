//! The injection of a fault into deliveries.

use std::panic::Location;

use itest_runtime::Fault;

use super::recorder::{MountedInjection, Recorder};
use crate::injection::Injection;

/// A fault that is not injected yet: [`NewMailInjection::to`] says which deliveries get it.
#[derive(Debug)]
#[must_use = "no delivery gets the fault until `to` or `on_every_mail` is called"]
pub struct NewMailInjection<'m> {
    recorder: &'m Recorder,
    fault: Fault,
    location: &'static Location<'static>,
}

impl<'m> NewMailInjection<'m> {
    #[track_caller]
    pub(super) fn new(recorder: &'m Recorder, fault: Fault) -> Self {
        if let Fault::Status(code) = fault {
            assert!((400..600).contains(&code), "{code} is no reply of SMTP that refuses a mail: those are 400 to 599");
        }
        let is_of_other_services =
            matches!(fault, Fault::RateLimited(_) | Fault::Malformed | Fault::EmptyObject | Fault::SqlState(_));
        assert!(!is_of_other_services, "{fault} is a fault of HTTP or of a database, which a mailbox does not have");
        Self { recorder, fault, location: Location::caller() }
    }

    /// Injects the fault into the mails to this recipient.
    pub fn to(self, recipient: impl Into<String>) -> Injection {
        self.mount(Some(recipient.into()))
    }

    /// Injects the fault into all mails.
    #[expect(clippy::must_use_candidate, reason = "the fault is injected already")]
    pub fn on_every_mail(self) -> Injection {
        self.mount(None)
    }

    fn mount(self, recipient: Option<String>) -> Injection {
        let injection = Injection::new();
        let Self { recorder, fault, location } = self;
        recorder.inject(MountedInjection { fault, recipient, injection: injection.clone(), location });
        injection
    }
}
