//! What a stand-in shares with the connections to it: its stubs, what it has received, and what it reports.

use std::panic::Location;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

use hyper::StatusCode;
#[cfg(feature = "tls")]
use itest_runtime::__private::Exchange;
use itest_runtime::__private::{CallKind, Problem};
use itest_runtime::{Error, Fault, Outcome, SourceLocation, TestInfo};

use super::call::operation_of_call;
use super::choice::Miss;
use super::contract_check::ContractCheck;
use super::endpoint::ConnectionFailure;
use super::pattern::RequestPattern;
use super::received::Received;
use super::recording::{Playback, PlaybackOptions, RecordedAnswer, RequestForRealService, Reuse};
use super::reply::FixedReply;
use super::stub::{Stubs, lock};
#[cfg(feature = "tls")]
use crate::tls::{EndpointTls, HandshakeFailure, NeverPresented};

/// The most failures that a stand-in reports of a test. A client that polls may send thousands of requests.
const MAX_REPORTED: usize = 10;

/// The state that a stand-in shares with the connections to it.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) name: &'static str,
    pub(super) info: TestInfo,
    pub(super) port: u16,
    pub(super) stubs: Stubs,
    pub(super) contract: ContractCheck,
    /// The recording that answers what no stub answers.
    playback: OnceLock<Playback>,
    received: Mutex<Vec<Received>>,
    is_lenient: AtomicBool,
    /// The explanations of unanswered requests that were reported. A client that tries again gets the same explanation many times.
    reported: Mutex<Vec<String>>,
    #[cfg(feature = "tls")]
    pub(super) tls: Arc<EndpointTls>,
}

impl Shared {
    pub(super) fn new(name: &'static str, info: TestInfo, port: u16, contract: ContractCheck) -> Self {
        Self {
            name,
            info,
            port,
            stubs: Stubs::default(),
            contract,
            playback: OnceLock::new(),
            received: Mutex::default(),
            is_lenient: AtomicBool::new(false),
            reported: Mutex::default(),
            #[cfg(feature = "tls")]
            tls: Arc::default(),
        }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }

    pub(super) fn be_lenient(&self) {
        self.is_lenient.store(true, Ordering::Relaxed);
    }

    /// Opens the recording of the test. A second call with the same name has no effect.
    ///
    /// # Errors
    ///
    /// When the recording cannot be used, or the stand-in uses one with another name.
    pub(super) fn use_recording(
        &self,
        real_url: Option<String>,
        name: Option<&str>,
        location: &'static Location<'static>,
    ) -> Result<(), Error> {
        match self.playback.get() {
            Some(playback) if playback.has_name(name) => Ok(()),
            Some(_) => Err(Error::new(format!("the stand-in of {} uses a recording with another name", self.name))),
            None => {
                let options = PlaybackOptions { api: self.name, real_url, name, location };
                let _ = self.playback.set(Playback::open(options, &self.info)?);
                Ok(())
            }
        }
    }

    /// Checks the stand-in at the end of the test, and writes the recording.
    pub(super) fn finish(&self, outcome: Outcome) {
        // If the test failed earlier, the code under test may not have reached its request.
        if outcome == Outcome::Passed {
            self.check();
        }
        if let Some(playback) = self.playback.get() {
            playback.finish(outcome, &self.info);
        }
    }

    /// Fails the test for each stub that has answered fewer requests than it should, for each fault that no request got, and for each
    /// exchange of the recording that is not used.
    fn check(&self) {
        let (list, name) = (self.stubs.lock(), self.name);
        if self.info.running().is_disturbed() {
            let unanswered = list.mounted.iter().filter(|stub| stub.is_essential_and_unanswered());
            unanswered.for_each(|stub| self.info.running().add_unanswered_stub(format!("{stub} of {name}")));
            return;
        }
        if self.is_lenient.load(Ordering::Relaxed) {
            return;
        }
        self.check_recording();
        #[cfg(feature = "tls")]
        if let Some(NeverPresented { bad, location }) = self.tls.never_presented() {
            let message = format!("the bad certificate {bad} of {name} was never presented");
            self.info.fail_with(problem(message, Some(location)));
        }
        for stub in &list.mounted {
            let (count, pattern, times) = (stub.count(), &stub.pattern, stub.times);
            if times.is_reached_by(count) {
                continue;
            }
            let message = match count {
                0 => format!("the stub of {name} for {pattern} was never used"),
                1 => format!("the stub of {name} for {pattern} answered 1 request, expected {times}"),
                _ => format!("the stub of {name} for {pattern} answered {count} requests, expected {times}"),
            };
            self.info.fail_with(problem(message, Some(stub.location)));
        }
        for injection in &list.injections {
            injection.injection.check(&format!("{injection} of {name}"), &self.info, injection.location);
        }
    }

    /// Fails the test for each exchange of the recording that is not used. While the test is recorded, the recording stays as it is, so
    /// that the user only gets a warning.
    fn check_recording(&self) {
        let Some(playback) = self.playback.get() else { return };
        for unused in playback.unused() {
            if playback.is_recording() {
                self.info.warn(unused);
            } else {
                self.info.fail_with(problem(unused, Some(playback.location)));
            }
        }
    }

    /// Decides what happens to a request.
    pub(super) fn decide(&self, request: &Received) -> Decision {
        lock(&self.received).push(request.clone());
        // Patterns may call closures of the test, which may use the stand-in, so the lock must be free.
        let (stubs, injections) = {
            let list = self.stubs.lock();
            let patterns = list.injections.iter().map(|injection| injection.pattern.clone());
            (list.mounted.clone(), patterns.collect::<Vec<_>>())
        };
        let matches =
            |pattern: &Option<Arc<RequestPattern>>| pattern.as_ref().is_none_or(|pattern| pattern.matches(request));
        let (stubs, injections): (Vec<bool>, Vec<bool>) = (
            stubs.iter().map(|stub| stub.pattern.matches(request)).collect(),
            injections.iter().map(matches).collect(),
        );
        let attempt = self.info.running();
        let planned = attempt.fault_of_call(CallKind::Request, self.name, || operation_of_call(request));
        let mut list = self.stubs.lock();
        let mut matching = list.injections.iter().zip(injections).filter(|(_, matches)| *matches);
        let injected = || matching.find(|(mounted, _)| mounted.injection.triggers()).map(|(mounted, _)| mounted.fault);
        let fault = planned.or_else(injected);
        let stub = if attempt.is_disturbed() { list.choose_again(&stubs) } else { list.choose(&stubs) };
        if let Some(stub) = stub {
            stub.note_call(fault);
        }
        if fault.is_some_and(|fault| !fault.is_processed()) {
            return Decision { answer: None, fault, remark: None };
        }
        let Some(stub) = stub else {
            let miss = list.explain_miss(request, &stubs);
            drop(list);
            return Decision { fault, ..self.answer_without_stub(request, miss) };
        };
        let request = request.clone().with_parameters(stub.pattern.parameters_of(request));
        let (position, reply, then) = (stub.answer(request.clone()), stub.reply.clone(), stub.then.clone());
        if let Some(state) = then {
            list.state = state;
        }
        // The closure of a reply may use the stand-in as well.
        drop(list);
        Decision { answer: Some(Answer::Reply(reply.resolve(position, &request))), fault, remark: None }
    }

    /// Lets the recording answer a request, if the test has one.
    fn answer_without_stub(&self, request: &Received, miss: Miss) -> Decision {
        let Some(playback) = self.playback.get() else { return self.refuse(request, miss) };
        let reuse = if self.info.running().is_disturbed() { Reuse::LastAgain } else { Reuse::Never };
        let (answer, remark) = match playback.answer(request, reuse) {
            RecordedAnswer::Reply(reply) => (Answer::Reply(reply), "answered by the recording"),
            RecordedAnswer::RealService(place) => (Answer::RealService(place), "answered by the real service"),
            RecordedAnswer::Miss(text) => {
                let text =
                    if miss.nearest.is_some() { format!("{text}\n  and of the stubs, {}", miss.text) } else { text };
                let miss = Miss { text, nearest: miss.nearest.or(Some(playback.location)) };
                return Decision {
                    remark: Some("the recording does not have it".to_owned()),
                    ..self.refuse(request, miss)
                };
            }
        };
        Decision { answer: Some(answer), fault: None, remark: Some(remark.to_owned()) }
    }

    /// The answer of the real service. Without one that can be recorded, the test fails, also if the stand-in is lenient, because its
    /// recording would lack the answer.
    ///
    /// # Errors
    ///
    /// When there is no such answer. The error is the message for the client.
    pub(super) async fn answer_of_real_service(
        &self,
        place: RequestForRealService,
        request: &Received,
    ) -> Result<FixedReply, String> {
        let Some(playback) = self.playback.get() else { return Err("there is no recording".to_owned()) };
        let answered = playback.answer_of_real_service(place, request).await;
        answered.map_err(|error| {
            let message = format!("the real {} gives {} no answer to record: {error}", self.name, request.operation());
            self.info.fail_in(self.info.phase(), problem(message.clone(), Some(playback.location)));
            message
        })
    }

    fn refuse(&self, request: &Received, miss: Miss) -> Decision {
        let Miss { text, nearest } = miss;
        let message = format!("{} does not answer {}: {text}", self.name, request.operation());
        self.report(message.clone(), nearest);
        let reply = FixedReply::of_itest(StatusCode::NOT_IMPLEMENTED, message + "\n");
        Decision { answer: Some(Answer::Refusal(reply)), fault: None, remark: Some("no stub matches".to_owned()) }
    }

    /// Fails the test if a client sent bytes that are no request.
    pub(super) fn take_failure(&self, failure: &ConnectionFailure<'_>) {
        match failure {
            ConnectionFailure::NoRequest(error) => {
                #[cfg(feature = "tls")]
                let accepts_tls = self.tls.is_enabled();
                #[cfg(not(feature = "tls"))]
                let accepts_tls = false;
                let protocol = if accepts_tls { "HTTP/1.1" } else { "HTTP/1.1 without TLS" };
                let text = format!("{} received bytes that are no request of {protocol}", self.name);
                self.report(format!("{text}: {error}"), None);
            }
            #[cfg(feature = "tls")]
            ConnectionFailure::Handshake(failure) => self.take_handshake(failure),
        }
    }

    /// Records a handshake that the client has refused or left, which the client sees itself.
    #[cfg(feature = "tls")]
    fn take_handshake(&self, failure: &HandshakeFailure) {
        let remark = match failure {
            HandshakeFailure::RefusedByClient(reason) => format!("the client refused it: {reason}"),
            HandshakeFailure::Lost => "the client closed the connection".to_owned(),
            HandshakeFailure::Invalid(reason) => {
                return self
                    .report(format!("{} received bytes that are no handshake of TLS: {reason}", self.name), None);
            }
        };
        let mut exchange = Exchange::new(self.name, "TLS handshake", self.info.phase());
        exchange.at = self.info.elapsed();
        exchange.remark = Some(remark);
        self.info.add_exchange(exchange, |_| {});
    }

    /// Fails the test in the current phase, once for equal messages.
    pub(super) fn report(&self, message: String, location: Option<&'static Location<'static>>) {
        let mut reported = lock(&self.reported);
        let is_new = reported.len() < MAX_REPORTED && !reported.contains(&message);
        // With a fault that the test does not expect, the code under test may send requests that the test does not expect either.
        let is_lenient = self.is_lenient.load(Ordering::Relaxed) || self.info.running().is_disturbed();
        if is_new && !is_lenient {
            reported.push(message.clone());
            self.info.fail_in(self.info.phase(), problem(message, location));
        }
    }
}

fn problem(message: String, location: Option<&'static Location<'static>>) -> Problem {
    let location = location.map(|location| SourceLocation::new(location.to_string()));
    Problem { location, ..Problem::new(message) }
}

/// What happens to a request.
pub(super) struct Decision {
    /// The answer to the request. None if a fault comes before.
    pub(super) answer: Option<Answer>,
    pub(super) fault: Option<Fault>,
    pub(super) remark: Option<String>,
}

/// What answers a request.
pub(super) enum Answer {
    /// This reply, of a stub or a recording.
    Reply(FixedReply),
    /// This reply of itest itself, because neither a stub nor a recording has one.
    Refusal(FixedReply),
    /// The real service.
    RealService(RequestForRealService),
}
