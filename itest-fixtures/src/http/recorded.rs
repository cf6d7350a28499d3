//! Records the exchanges of the in-process server with other clients than [`Client`](super::client::Client), which reports its own.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use hyper::body::{Body, Buf, Frame, Incoming, SizeHint};
use hyper::header::CONTENT_LENGTH;
use hyper::{Request, Response};
use itest_runtime::__private::{Exchange, ExchangeDirection, RunningAttempt, running_attempt};
use tower_service::Service;

use crate::wire::{Reporter, ShownBeginning, operation, report_request_of_client};

/// The name of a server in reports. It may change while the server runs.
#[derive(Debug, Clone)]
pub(super) struct ServiceName(Arc<Mutex<Arc<str>>>);

impl ServiceName {
    pub(super) fn new(name: &str) -> Self {
        Self(Arc::new(Mutex::new(name.into())))
    }

    pub(super) fn set(&self, name: &str) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = name.into();
    }

    pub(super) fn current(&self) -> Arc<str> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A service that records its exchanges, if a test runs.
#[derive(Debug, Clone)]
pub(super) struct Recorded<S> {
    pub(super) service: S,
    pub(super) name: ServiceName,
    pub(super) port: u16,
}

impl<S, B> Service<Request<Incoming>> for Recorded<S>
where
    S: Service<Request<Incoming>, Response = Response<B>, Error = Infallible>,
{
    type Response = Response<RecordedBody<B>>;
    type Error = Infallible;
    type Future = RecordedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, request: Request<Incoming>) -> Self::Future {
        let pending = running_attempt().and_then(|attempt| self.begin(attempt, &request));
        RecordedFuture { response: Box::pin(self.service.call(request)), pending }
    }
}

impl<S> Recorded<S> {
    /// Begins an exchange, unless the client reports it.
    fn begin(&self, attempt: RunningAttempt, request: &Request<Incoming>) -> Option<ServedExchange> {
        let (method, target) = (request.method().as_str(), target(request));
        let name = self.name.current();
        let reporter = Reporter::ClientOf(Arc::clone(&name));
        if report_request_of_client(self.port, method, &target, &reporter).is_some() {
            return None;
        }
        let mut exchange = Exchange::new(&*name, operation(method, &target), attempt.phase());
        exchange.direction = ExchangeDirection::Inbound;
        exchange.at = attempt.elapsed();
        let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        exchange.request_bytes = length.unwrap_or_default();
        Some(ServedExchange { attempt, exchange, response: ShownBeginning::default() })
    }
}

fn target(request: &Request<Incoming>) -> String {
    let target = request.uri().path_and_query();
    target.map_or_else(|| request.uri().path().to_owned(), ToString::to_string)
}

/// An exchange of the server. It is reported when it is dropped: at the end of the response, or when the client has gone away.
#[derive(Debug)]
struct ServedExchange {
    attempt: RunningAttempt,
    exchange: Exchange,
    response: ShownBeginning,
}

impl Drop for ServedExchange {
    fn drop(&mut self) {
        let mut exchange = self.exchange.clone();
        exchange.elapsed = self.attempt.elapsed().saturating_sub(exchange.at);
        let response = std::mem::take(&mut self.response);
        self.attempt.add_exchange(exchange, move |exchange| exchange.response = response.shown());
    }
}

/// The response of a recorded service.
#[derive(Debug)]
pub(super) struct RecordedFuture<F> {
    response: Pin<Box<F>>,
    pending: Option<ServedExchange>,
}

impl<F: Future<Output = Result<Response<B>, Infallible>>, B> Future for RecordedFuture<F> {
    type Output = Result<Response<RecordedBody<B>>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Ok(response) = ready!(self.response.as_mut().poll(context));
        let mut pending = self.pending.take();
        if let Some(pending) = &mut pending {
            pending.exchange.status = Some(response.status().as_u16().to_string());
        }
        Poll::Ready(Ok(response.map(|body| RecordedBody { body: Box::pin(body), pending })))
    }
}

/// The body of a recorded response.
#[derive(Debug)]
pub(super) struct RecordedBody<B> {
    body: Pin<Box<B>>,
    pending: Option<ServedExchange>,
}

impl<B: Body> Body for RecordedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        let frame = ready!(self.body.as_mut().poll_frame(context));
        let data = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref());
        if let Some((pending, data)) = self.pending.as_mut().zip(data) {
            pending.exchange.response_bytes += data.remaining() as u64;
            pending.response.add(data.chunk());
        }
        if frame.is_none() {
            self.pending = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
