//! Applies a fault to the answer of a stand-in.

use hyper::body::Bytes;
use hyper::header::{HeaderValue, RETRY_AFTER};
use hyper::{HeaderMap, StatusCode};
use itest_runtime::__private::RunningAttempt;
use itest_runtime::Fault;

use super::connection::ConnectionControl;
use super::received::Received;
use super::reply::FixedReply;

/// A body that is neither JSON nor text.
const MALFORMED_BODY: &[u8] = b"{\"malformed\": \xff";

/// The least number of bytes in a response's head besides the headers of the reply: the status line, and the header `date`.
const HEAD_BYTES: u64 = 50;

/// Changes the reply of a stub according to a fault. There is no reply if the service does not process the request.
///
/// If the service never answers, the function returns after the body of the test has ended, and the connection is reset.
pub(super) async fn with_fault(
    reply: Option<FixedReply>,
    fault: Option<Fault>,
    request: &Received,
    control: &ConnectionControl,
    attempt: &RunningAttempt,
) -> FixedReply {
    let mut reply = reply.unwrap_or_else(|| FixedReply::of_itest(StatusCode::OK, String::new()));
    match fault {
        Some(Fault::Timeout) => {
            attempt.body_ended().await;
            control.reset_after_bytes(0);
        }
        Some(Fault::ResetBefore) => control.reset_after_bytes(0),
        Some(Fault::Status(status)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return FixedReply::of_itest(status, format!("a fault was injected: {status}\n"));
        }
        Some(Fault::RateLimited(pause)) => {
            let text = "a fault was injected: too many requests\n".to_owned();
            let mut limited = FixedReply::of_itest(StatusCode::TOO_MANY_REQUESTS, text);
            let seconds = pause.as_secs().saturating_add(u64::from(pause.subsec_nanos() > 0));
            limited.headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
            return limited;
        }
        Some(Fault::Latency(latency)) => reply.delay = reply.delay.saturating_add(latency),
        Some(Fault::ResetDuring) => {
            let body_bytes = if request.has_method("HEAD") { 0 } else { reply.body_bytes() };
            control.reset_after_bytes(u64::midpoint(head_bytes(&reply.headers), body_bytes));
            reply.resets_at_end = true;
        }
        Some(Fault::Malformed) => reply.chunks = vec![Bytes::from_static(MALFORMED_BODY)],
        // A response without a body is no JSON that could lack something.
        Some(Fault::EmptyObject) if reply.chunks.is_empty() => {}
        Some(Fault::EmptyObject) => reply.chunks = vec![Bytes::from_static(b"{}")],
        Some(Fault::Cut(bytes)) => {
            control.reset_after_bytes(bytes);
            reply.resets_at_end = true;
        }
        Some(Fault::ResetAfter) => reply.resets_at_end = true,
        None => {}
        // The enum may get further faults, which a stand-in cannot apply.
        Some(fault) => {
            return FixedReply::of_itest(StatusCode::NOT_IMPLEMENTED, format!("a stand-in cannot inject {fault}\n"));
        }
    }
    reply
}

/// A lower bound of the bytes in the response's head. A smaller number only moves the middle of the response towards its beginning.
fn head_bytes(headers: &HeaderMap) -> u64 {
    let lines = headers.iter().map(|(name, value)| (name.as_str().len() + value.len() + 4) as u64);
    HEAD_BYTES + lines.sum::<u64>()
}
