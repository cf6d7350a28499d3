//! The injection of a fault into messages.

use std::panic::Location;

use itest_runtime::Fault;

use super::direction::Direction;
use super::injected::Mounted;
use super::recorder::Messages;
use crate::injection::Injection;

/// A fault that is not injected yet: [`NewMessageInjection::on_publication`] or [`NewMessageInjection::on_delivery`] says which messages get it.
#[derive(Debug)]
#[must_use = "no message gets the fault until `on_publication` or `on_delivery` is called"]
pub struct NewMessageInjection<'b> {
    messages: &'b Messages,
    fault: Fault,
    location: &'static Location<'static>,
}

impl<'b> NewMessageInjection<'b> {
    #[track_caller]
    pub(super) fn new(messages: &'b Messages, fault: Fault) -> Self {
        Self { messages, fault, location: Location::caller() }
    }

    /// Injects the fault into messages that the code under test publishes on a topic, which may be a pattern of the broker.
    ///
    /// The faults are `Latency`, `Timeout` (the broker gets neither this message nor anything later on the connection), `ResetBefore` (the broker does not get the message),
    /// `ResetDuring` (the broker gets the message, and the connection is reset before a confirmation) and `Duplicate`.
    ///
    /// # Panics
    ///
    /// If the fault is not one of these.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "the fault is injected already")]
    pub fn on_publication(self, topic: &str) -> Injection {
        let applies = matches!(
            self.fault,
            Fault::Latency(_) | Fault::Timeout | Fault::ResetBefore | Fault::ResetDuring | Fault::Duplicate
        );
        assert!(
            applies,
            "{} is no fault of a publication; the faults of a publication are latency, timeout, reset-before, reset-during and duplicate",
            self.fault
        );
        self.mount(Direction::Publication, topic)
    }

    /// Injects the fault into messages that the code under test gets on a topic, which may be a pattern of the broker.
    ///
    /// The faults are `Latency`, `Timeout` (the client gets neither this message nor anything later on the connection), `ResetBefore` (the connection is reset instead of the
    /// delivery) and `ResetAfter` (the client gets the message, and the connection is reset before its acknowledgement).
    ///
    /// # Panics
    ///
    /// If the fault is not one of these.
    #[track_caller]
    #[expect(clippy::must_use_candidate, reason = "the fault is injected already")]
    pub fn on_delivery(self, topic: &str) -> Injection {
        let applies = matches!(self.fault, Fault::Latency(_) | Fault::Timeout | Fault::ResetBefore | Fault::ResetAfter);
        assert!(
            applies,
            "{} is no fault of a delivery; the faults of a delivery are latency, timeout, reset-before and reset-after",
            self.fault
        );
        self.mount(Direction::Delivery, topic)
    }

    fn mount(self, direction: Direction, topic: &str) -> Injection {
        let (fault, location, injection) = (self.fault, self.location, Injection::new());
        let pattern = topic.to_owned();
        self.messages.inject(Mounted { fault, direction, pattern, injection: injection.clone(), location });
        injection
    }
}
