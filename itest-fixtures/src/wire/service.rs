//! Answers the requests that a stand-in receives.

use std::convert::Infallible;
use std::panic::Location;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use itest_runtime::__private::{Exchange, Problem};
use itest_runtime::{Fault, SourceLocation, TestInfo};
use tower_service::Service;

use super::body::ReplyBody;
use super::choice::Miss;
use super::connection::ConnectionControl;
use super::fault::with_fault;
use super::mounted_injection::Shortfall;
use super::received::Received;
use super::reply::FixedReply;
use super::shown::shown_body;
use super::stub::{Stubs, lock};

/// The largest body of a request that a stand-in reads.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

/// The maximum number of characters of a body in an exchange.
const MAX_SHOWN_CHARS: usize = 1024;

/// The state that a stand-in shares with the connections to it.
#[derive(Debug)]
pub(super) struct Shared {
    name: &'static str,
    info: TestInfo,
    pub(super) stubs: Stubs,
    received: Mutex<Vec<Received>>,
    is_lenient: AtomicBool,
    /// The explanations of unanswered requests that were reported. A client that tries again gets the same explanation many times.
    reported: Mutex<Vec<String>>,
}

impl Shared {
    pub(super) fn new(name: &'static str, info: TestInfo) -> Self {
        let (received, reported) = (Mutex::default(), Mutex::default());
        Self { name, info, stubs: Stubs::default(), received, is_lenient: AtomicBool::new(false), reported }
    }

    pub(super) fn received(&self) -> Vec<Received> {
        lock(&self.received).clone()
    }

    pub(super) fn be_lenient(&self) {
        self.is_lenient.store(true, Ordering::Relaxed);
    }

    /// Fails the test for each stub that has answered fewer requests than it should, and for each fault that no request got. After an
    /// unanswered request this says nothing new.
    pub(super) fn check(&self) {
        if self.is_lenient.load(Ordering::Relaxed) || !lock(&self.reported).is_empty() {
            return;
        }
        let (list, name) = (self.stubs.lock(), self.name);
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
            self.fail(message, Some(stub.location));
        }
        for injection in &list.injections {
            match injection.shortfall() {
                None => {}
                Some(Shortfall::Never) => {
                    self.fail(format!("{injection} of {name} was never triggered"), Some(injection.location));
                }
                Some(Shortfall::Fewer { expected, triggered }) => {
                    let text = format!("{injection} was triggered {triggered} times, expected {expected} times");
                    self.info.add_note(name, format!("{text}, at {}", injection.location));
                }
            }
        }
    }

    /// Decides what happens to a request.
    fn decide(&self, request: &Received) -> Decision {
        lock(&self.received).push(request.clone());
        let mut stubs = self.stubs.lock();
        let fault = stubs.injections.iter_mut().find_map(|injection| injection.fault_for(request));
        if fault.is_some_and(|fault| !fault.is_processed()) {
            return Decision { reply: None, fault, remark: None };
        }
        let (position, request, reply, then) = match stubs.choose(request) {
            Ok(stub) => {
                let request = request.clone().with_parameters(stub.pattern.parameters_of(request));
                (stub.answer(request.clone()), request, stub.reply.clone(), stub.then.clone())
            }
            Err(miss) => return self.refuse(request, miss),
        };
        if let Some(state) = then {
            stubs.state = state;
        }
        // The closure of a reply may use the stand-in, so the lock must be free.
        drop(stubs);
        Decision { reply: Some(reply.resolve(position, &request)), fault, remark: None }
    }

    fn refuse(&self, request: &Received, miss: Miss) -> Decision {
        let Miss { text, nearest } = miss;
        let message = format!("{} does not answer {}: {text}", self.name, request.operation());
        let mut reported = lock(&self.reported);
        if !self.is_lenient.load(Ordering::Relaxed) && !reported.contains(&message) {
            reported.push(message.clone());
            self.fail(message.clone(), nearest);
        }
        let reply = FixedReply::of_itest(StatusCode::NOT_IMPLEMENTED, message + "\n");
        Decision { reply: Some(reply), fault: None, remark: Some("no stub matches".to_owned()) }
    }

    fn fail(&self, message: String, location: Option<&'static Location<'static>>) {
        let location = location.map(|location| SourceLocation::new(location.to_string()));
        self.info.fail_with(Problem { location, ..Problem::new(message) });
    }
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
    let mut pending = PendingExchange::new(shared, &request);
    let control = request.extensions().get::<ConnectionControl>().cloned().unwrap_or_else(ConnectionControl::new);
    let (head, body) = request.into_parts();
    let body = match Limited::new(body, MAX_BODY_BYTES).collect().await {
        Ok(body) => body.to_bytes(),
        Err(error) => {
            pending.exchange.remark = Some(format!("the request's body cannot be read: {error}"));
            return response(StatusCode::BAD_REQUEST, ReplyBody::new(Vec::new(), Duration::ZERO));
        }
    };
    let request = Received::new(head, body.clone());
    pending.exchange.operation = request.operation();
    pending.exchange.request_bytes = body.len() as u64;
    pending.exchange.request = shown_body(&body, MAX_SHOWN_CHARS).0;
    let Decision { reply, fault, remark } = shared.decide(&request);
    (pending.exchange.fault, pending.exchange.remark) = (fault, remark);
    let reply = with_fault(reply, fault, &control).await;
    if !reply.delay.is_zero() {
        tokio::time::sleep(reply.delay).await;
    }
    let exchange = &mut pending.exchange;
    if fault != Some(Fault::ResetBefore) {
        exchange.status = Some(reply.status.as_u16().to_string());
        exchange.response_bytes = reply.body_bytes();
        exchange.response = reply.chunks.first().map(|chunk| shown_body(chunk, MAX_SHOWN_CHARS).0).unwrap_or_default();
    }
    let mut body = ReplyBody::new(reply.chunks, reply.interval);
    if matches!(fault, Some(Fault::ResetAfter | Fault::Cut(_))) {
        body = body.then_reset(control);
    }
    let mut response = response(reply.status, body);
    *response.headers_mut() = reply.headers;
    response
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
}

impl<'s> PendingExchange<'s> {
    fn new(shared: &'s Shared, request: &Request<Incoming>) -> Self {
        let operation = format!("{} {}", request.method(), request.uri().path());
        let mut exchange = Exchange::new(shared.name, operation, shared.info.phase());
        exchange.at = shared.info.elapsed();
        Self { info: &shared.info, exchange }
    }
}

impl Drop for PendingExchange<'_> {
    fn drop(&mut self) {
        self.exchange.elapsed = self.info.elapsed().saturating_sub(self.exchange.at);
        self.info.add_exchange(self.exchange.clone());
    }
}
