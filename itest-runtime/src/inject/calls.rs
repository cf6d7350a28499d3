//! Observes the calls of the code under test to services, and selects the call that gets a fault.

use std::collections::HashMap;

use crate::model::{Call, CallFault, CallKind, CallObservations, ObservedCall, Phase, PlannedFault};

/// The most calls of an attempt that are observed.
const MAX_CALLS: usize = 2_000;

/// The service and the operation of a call. The port of a service is left out, because it differs each time.
pub(super) fn target_of_call(service: &str, operation: &str) -> String {
    let is_port = |port: &str| !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    let host = service.rsplit_once(':').filter(|(_, port)| is_port(port)).map(|(host, _)| host);
    let operation = if operation.is_empty() { "(empty)" } else { operation };
    format!("{} {operation}", host.unwrap_or(service))
}

/// The observer of one attempt.
#[derive(Debug)]
pub(super) struct CallObserver {
    /// The fault that one call gets.
    planned: Option<PlannedFault>,
    /// The number of calls so far, by target.
    counts: HashMap<String, u32>,
    pub(super) observations: CallObservations,
}

impl CallObserver {
    pub(super) fn new(planned: Option<PlannedFault>) -> Self {
        Self { planned, counts: HashMap::new(), observations: CallObservations::default() }
    }

    /// Observes a call. Returns the fault that it gets.
    ///
    /// What fixtures do in setup and teardown, what invariants do, and what the test asks in its assertions is not under test.
    pub(super) fn observe(&mut self, kind: CallKind, target: String, phase: Phase) -> Option<CallFault> {
        if !phase.is_of_body() || phase == Phase::Assert {
            return None;
        }
        let count = self.counts.entry(target.clone()).or_default();
        *count += 1;
        let call = Call { target, number: *count };
        let planned = self.planned.as_ref().filter(|planned| planned.call == call && !self.observations.is_injected);
        let fault = planned.map(|planned| planned.fault);
        self.observations.is_injected |= fault.is_some();
        if self.observations.calls.len() < MAX_CALLS {
            self.observations.calls.push(ObservedCall { call, kind, phase });
        }
        fault
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Fault;

    #[test]
    fn port_is_no_part_of_the_name_of_a_call() {
        assert_eq!(target_of_call("127.0.0.1:4711", "connection"), "127.0.0.1 connection");
        assert_eq!(target_of_call("s3", "GET /"), "s3 GET /");
        assert_eq!(target_of_call("a:b", ""), "a:b (empty)");
    }

    #[test]
    fn only_the_planned_call_gets_the_fault_and_only_the_body_counts() {
        let planned: PlannedFault = "payments POST /charge #2 = timeout".parse().unwrap();
        let mut observer = CallObserver::new(Some(planned));
        let mut observe =
            |target: &str, phase| observer.observe(CallKind::Request, format!("payments {target}"), phase);
        assert_eq!(observe("POST /charge", Phase::Setup), None);
        assert_eq!(observe("POST /charge", Phase::Arrange), None);
        assert_eq!(observe("GET /charge", Phase::Act), None);
        assert_eq!(observe("POST /charge", Phase::Act), Some(CallFault::Exchange(Fault::Timeout)));
        assert_eq!(observe("POST /charge", Phase::Act), None);
        assert_eq!(observe("POST /charge", Phase::Assert), None);
        assert_eq!(observe("POST /charge", Phase::Teardown), None);
        let observations = observer.observations;
        let calls: Vec<String> = observations.calls.iter().map(|observed| observed.call.to_string()).collect();
        let charges = (1..=3).map(|number| format!("payments POST /charge #{number}"));
        let mut expected: Vec<String> = charges.collect();
        expected.insert(1, "payments GET /charge #1".to_owned());
        assert_eq!(calls, expected);
        assert!(observations.is_injected);
    }
}
