//! Answers the requests that a stand-in receives.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::io;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use itest_runtime::__private::{CallKind, Exchange, Problem};
use itest_runtime::{Fault, SourceLocation, TestInfo};
use tower_service::Service;

use super::body::ReplyBody;
use super::call::operation_of_call;
use super::choice::Miss;
use super::connection::ConnectionControl;
use super::fault::with_fault;
use super::pattern::RequestPattern;
use super::received::Received;
use super::reply::FixedReply;
use super::requests_underway::{Reporter, report_request_of_client};
use super::shown::shown_body;
use super::stub::{Stubs, lock};
use crate::injection::{Shortfall, in_times};

/// The largest body of a request that a stand-in reads.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// The maximum number of characters of a body in an exchange.
const MAX_SHOWN_CHARS: usize = 1024;

/// The most failures that a stand-in reports of a test. A client that polls may send thousands of requests.
const MAX_REPORTED: usize = 10;

/// The state that a stand-in shares with the connections to it.
#[derive(Debug)]
pub(super) struct Shared {
    name: &'static str,
    info: TestInfo,
    port: u16,
    pub(super) stubs: Stubs,
    received: Mutex<Vec<Received>>,
    is_lenient: AtomicBool,
    /// The explanations of unanswered requests that were reported. A client that tries again gets the same explanation many times.
    reported: Mutex<Vec<String>>,
}

impl Shared {
    pub(super) fn new(name: &'static str, info: TestInfo, port: u16) -> Self {
        let (received, reported) = (Mutex::default(), Mutex::default());
        Self { name, info, port, stubs: Stubs::default(), received, is_lenient: AtomicBool::new(false), reported }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }

    pub(super) fn be_lenient(&self) {
        self.is_lenient.store(true, Ordering::Relaxed);
    }

    /// Fails the test for each stub that has answered fewer requests than it should, and for each fault that no request got.
    pub(super) fn check(&self) {
        let (list, name) = (self.stubs.lock(), self.name);
        if self.info.running().is_disturbed() {
            let unanswered = list.mounted.iter().filter(|stub| stub.is_essential_and_unanswered());
            unanswered.for_each(|stub| self.info.running().add_unanswered_stub(format!("{stub} of {name}")));
            return;
        }
        if self.is_lenient.load(Ordering::Relaxed) {
            return;
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
            match injection.injection.shortfall() {
                None => {}
                Some(Shortfall::Never) => {
                    let message = format!("{injection} of {name} was never triggered");
                    self.info.fail_with(problem(message, Some(injection.location)));
                }
                Some(Shortfall::Fewer { expected, triggered }) => {
                    let (triggered, expected) = (in_times(triggered), in_times(expected));
                    let text = format!("{injection} of {name} was triggered {triggered}, expected {expected}");
                    self.info.warn(format!("{text}, at {}", injection.location));
                }
            }
        }
    }

    /// Decides what happens to a request.
    fn decide(&self, request: &Received) -> Decision {
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
            return Decision { reply: None, fault, remark: None };
        }
        let Some(stub) = stub else {
            let miss = list.explain_miss(request, &stubs);
            return Decision { fault, ..self.refuse(request, miss) };
        };
        let request = request.clone().with_parameters(stub.pattern.parameters_of(request));
        let (position, reply, then) = (stub.answer(request.clone()), stub.reply.clone(), stub.then.clone());
        if let Some(state) = then {
            list.state = state;
        }
        // The closure of a reply may use the stand-in as well.
        drop(list);
        Decision { reply: Some(reply.resolve(position, &request)), fault, remark: None }
    }

    fn refuse(&self, request: &Received, miss: Miss) -> Decision {
        let Miss { text, nearest } = miss;
        let message = format!("{} does not answer {}: {text}", self.name, request.operation());
        self.report(message.clone(), nearest);
        let reply = FixedReply::of_itest(StatusCode::NOT_IMPLEMENTED, message + "\n");
        Decision { reply: Some(reply), fault: None, remark: Some("no stub matches".to_owned()) }
    }

    /// Fails the test because a client sent something that is no request.
    pub(super) fn refuse_bytes(&self, error: &hyper::Error) {
        let what = "received bytes that are no request of HTTP/1.1 without TLS";
        self.report(format!("{} {what}: {error}", self.name), None);
    }

    /// Fails the test in the current phase, once for equal messages.
    fn report(&self, message: String, location: Option<&'static Location<'static>>) {
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
struct Decision {
    /// The reply of a stub. None if a fault comes before.
    reply: Option<FixedReply>,
    fault: Option<Fault>,
    remark: Option<String>,
}

/// The service of a stand-in.
#[derive(Debug, Clone)]
pub(super) struct StandInService(pub(super) Arc<Shared>);

impl Service<Request<Incoming>> for StandInService {
    type Response = Response<ReplyBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let shared = Arc::clone(&self.0);
        Box::pin(async move { Ok(answer(&shared, request).await) })
    }
}

async fn answer(shared: &Shared, request: Request<Incoming>) -> Response<ReplyBody> {
    let mut pending = PendingExchange::new(shared);
    let control = request.extensions().get::<ConnectionControl>().cloned().unwrap_or_else(ConnectionControl::new);
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            let is_long = error.is::<LengthLimitError>();
            let status = if is_long { StatusCode::PAYLOAD_TOO_LARGE } else { StatusCode::BAD_REQUEST };
            let request = Received::new(head, Bytes::new());
            let what = format!("cannot read the body of {}", request.operation());
            if is_long || is_malformed(&*error) {
                shared.report(format!("{} {what}: {error}", shared.name), None);
            }
            pending.receive(request, shared.port);
            pending.exchange.status = Some(status.as_u16().to_string());
            pending.exchange.remark = Some("its body cannot be read".to_owned());
            return response(status, ReplyBody::new(Vec::new(), Duration::ZERO));
        }
    };
    let request = Received::new(head, body);
    pending.receive(request.clone(), shared.port);
    let Decision { reply, fault, remark } = shared.decide(&request);
    (pending.exchange.fault, pending.exchange.remark) = (fault.map(|fault| fault.to_string()), remark);
    let reply = with_fault(reply, fault, &request, &control, shared.info.running()).await;
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    if !matches!(fault, Some(Fault::ResetBefore | Fault::Timeout)) {
        pending.exchange.status = Some(reply.status.as_u16().to_string());
        pending.exchange.response_bytes = reply.body_bytes();
        pending.response = reply.chunks.first().cloned();
    }
    let body = ReplyBody::new(reply.chunks, reply.interval);
    let mut response = response(reply.status, if reply.resets_at_end { body.then_reset(control) } else { body });
    *response.headers_mut() = reply.headers;
    response
}

/// Whether a body cannot be read because of its form, and not because the client went away.
fn is_malformed(error: &(dyn StdError + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |&error| error.source());
    causes.any(|cause| {
        let kind = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        matches!(kind, Some(io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData))
    })
}

fn response(status: StatusCode, body: ReplyBody) -> Response<ReplyBody> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response
}

/// An exchange that is recorded when its answer is known, or when the client does not wait for it any longer.
struct PendingExchange<'s> {
    info: &'s TestInfo,
    exchange: Exchange,
    request: Option<Received>,
    /// The first part of the response's body.
    response: Option<Bytes>,
}

impl<'s> PendingExchange<'s> {
    fn new(shared: &'s Shared) -> Self {
        let mut exchange = Exchange::new(shared.name, String::new(), shared.info.phase());
        exchange.at = shared.info.elapsed();
        Self { info: &shared.info, exchange, request: None, response: None }
    }

    fn receive(&mut self, request: Received, port: u16) {
        let sender = report_request_of_client(port, request.method(), &request.target(), &Reporter::Endpoint);
        self.exchange.from = sender.map(|sender| sender.to_string());
        self.request = Some(request);
    }
}

impl Drop for PendingExchange<'_> {
    fn drop(&mut self) {
        // A request whose body never arrived is not recorded.
        let Some(request) = self.request.take() else { return };
        let response = self.response.take();
        let mut exchange = self.exchange.clone();
        exchange.elapsed = self.info.elapsed().saturating_sub(exchange.at);
        exchange.request_bytes = request.bytes().len() as u64;
        self.info.add_exchange(exchange, move |exchange| {
            exchange.operation = request.operation();
            exchange.request = shown_body(request.bytes(), MAX_SHOWN_CHARS).0;
            exchange.response = response.map(|response| shown_body(&response, MAX_SHOWN_CHARS).0).unwrap_or_default();
        });
    }
}
