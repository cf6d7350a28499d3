//! An exchange of a client, which is added to the report of the running test when it has ended.

use std::sync::Arc;
use std::time::{Duration, Instant};

use itest_runtime::__private::{Exchange, ExchangeDirection, RunningAttempt, running_attempt};
use reqwest::{StatusCode, Url};

use super::sent::Sent;
use crate::shown::MAX_CHARS_IN_EXCHANGE;
use crate::wire::{Reporter, RequestUnderway, ShownBeginning, operation};

/// An exchange of a client. It is reported when it is dropped, unless the endpoint in this process has reported it.
pub(super) struct PendingExchange {
    began: Instant,
    reported: Option<Reported>,
}

/// What is reported about an exchange, if a test runs.
struct Reported {
    attempt: RunningAttempt,
    exchange: Exchange,
    sent: Sent,
    service: Option<Arc<str>>,
    underway: Option<RequestUnderway>,
    response: ShownBeginning,
}

impl PendingExchange {
    /// An exchange that begins now.
    pub(super) fn new(sent: &Sent, service: Option<Arc<str>>, party: Arc<str>) -> Self {
        let reported = running_attempt().map(|attempt| {
            let mut exchange = Exchange::new(String::new(), String::new(), attempt.phase());
            exchange.at = attempt.elapsed();
            exchange.direction = ExchangeDirection::Inbound;
            exchange.from = Some(party.to_string());
            exchange.request_bytes = sent.body.len();
            let underway = port_of_this_machine(&sent.url)
                .map(|port| RequestUnderway::new(port, &sent.method, &sent.target(), party));
            let (sent, response) = (sent.clone(), ShownBeginning::default());
            Reported { attempt, exchange, sent, service, underway, response }
        });
        Self { began: Instant::now(), reported }
    }

    /// The time since the exchange has begun.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// Adds the status of the response.
    pub(super) fn answered(&mut self, status: StatusCode) {
        if let Some(reported) = &mut self.reported {
            reported.exchange.status = Some(status.as_u16().to_string());
        }
    }

    /// Adds where the exchange breaks a contract, and reports it, if a test runs.
    #[cfg(feature = "contracts")]
    pub(super) fn violates(
        &mut self,
        violations: &[itest_runtime::__private::ContractViolation],
        report: impl FnOnce(&RunningAttempt, itest_runtime::Phase),
    ) {
        if let Some(reported) = &mut self.reported {
            reported.exchange.violations.extend_from_slice(violations);
            report(&reported.attempt, reported.exchange.phase);
        }
    }

    /// Adds a part of the response's body.
    pub(super) fn received(&mut self, part: &[u8]) {
        if let Some(reported) = &mut self.reported {
            reported.exchange.response_bytes += part.len() as u64;
            reported.response.add(part);
        }
    }
}

impl Drop for PendingExchange {
    fn drop(&mut self) {
        let Some(Reported { attempt, mut exchange, sent, service, underway, response }) = self.reported.take() else {
            return;
        };
        let endpoint = match underway.map(|underway| underway.reporter()) {
            Some(Reporter::Endpoint) => return,
            Some(Reporter::ClientOf(endpoint)) => Some(endpoint),
            Some(Reporter::Client) | None => None,
        };
        let authority = || {
            let port = sent.url.port().map_or_else(String::new, |port| format!(":{port}"));
            format!("{}{port}", sent.url.host_str().unwrap_or_default())
        };
        exchange.to = service.or(endpoint).map_or_else(authority, |service| service.to_string());
        exchange.elapsed = self.began.elapsed();
        attempt.add_exchange(exchange, move |exchange| {
            exchange.operation = operation(&sent.method, &sent.target());
            exchange.request = sent.body.shown(MAX_CHARS_IN_EXCHANGE).0;
            exchange.response = response.shown();
        });
    }
}

/// The port of a URL, if its host is this machine.
fn port_of_this_machine(url: &Url) -> Option<u16> {
    let host = url.host_str()?;
    (host == "localhost" || host.starts_with("127.")).then(|| url.port_or_known_default())?
}
