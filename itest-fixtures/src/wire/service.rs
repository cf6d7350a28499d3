//! Answers the requests that a stand-in receives.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use itest_runtime::Fault;
use tower_service::Service;

use super::body::ReplyBody;
use super::connection::ConnectionControl;
use super::fault::with_fault;
use super::pending_exchange::PendingExchange;
use super::received::Received;
use super::reply::FixedReply;
use super::shared::{Answer, Decision, Shared};

/// The largest body of a request that a stand-in reads.
const MAX_BODY_BYTES: usize = 64 * 1024 * 1024;

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
    let mut pending = PendingExchange::new(&shared.info, shared.name);
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
    pending.exchange.violations = shared.contract.judge_request(&request, &shared.info);
    let Decision { answer, fault, remark } = shared.decide(&request);
    (pending.exchange.fault, pending.exchange.remark) = (fault.map(|fault| fault.to_string()), remark);
    let mut is_judged = fault.is_none();
    let reply = match answer {
        Some(Answer::RealService(place)) => {
            let answered = shared.answer_of_real_service(place, &request).await;
            Some(answered.unwrap_or_else(|message| {
                pending.exchange.remark = Some("the real service gave no answer to record".to_owned());
                is_judged = false;
                FixedReply::of_itest(StatusCode::BAD_GATEWAY, message + "\n")
            }))
        }
        Some(Answer::Reply(reply)) => Some(reply),
        Some(Answer::Refusal(reply)) => {
            is_judged = false;
            Some(reply)
        }
        None => None,
    };
    if let Some(reply) = reply.as_ref().filter(|_| is_judged) {
        pending.exchange.violations.extend(shared.contract.judge_answer(&request, reply, &shared.info));
    }
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
