//! The body of a request: its beginning is recorded, and the part that an operation has not read is read after it.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http_body_util::BodyExt as _;
use hyper::body::{Body as HttpBody, Bytes, Frame, Incoming, SizeHint};
use tokio::time::timeout;

use super::recorder::{SeenBody, lock};

/// How many bytes are read after an operation. A connection with more unread bytes is closed.
const MAX_UNREAD_BYTES: u64 = 1024 * 1024;

/// How long a client may take to send them.
const UNREAD_TIMEOUT: Duration = Duration::from_secs(1);

/// The body of a request, whose beginning is recorded.
#[derive(Debug)]
pub(super) struct RequestBody {
    /// None after the body was dropped.
    body: Option<Incoming>,
    seen: Arc<Mutex<SeenBody>>,
    unread: UnreadBody,
}

/// The part of a body that an operation has not read, for example because it has refused the request.
#[derive(Debug, Clone, Default)]
pub(super) struct UnreadBody(Arc<Mutex<Option<Incoming>>>);

impl RequestBody {
    pub(super) fn new(body: Incoming, seen: Arc<Mutex<SeenBody>>) -> (Self, UnreadBody) {
        let unread = UnreadBody::default();
        (Self { body: Some(body), seen, unread: unread.clone() }, unread)
    }
}

impl UnreadBody {
    /// Reads the rest of the body. Returns whether the connection can be used again: a server cannot find the next request behind bytes that it
    /// has not read.
    pub(super) async fn read(self) -> bool {
        let Some(mut body) = lock(&self.0).take() else { return true };
        if body.size_hint().lower() > MAX_UNREAD_BYTES {
            return false;
        }
        let reading = async {
            let mut bytes = 0;
            while let Some(frame) = body.frame().await {
                let Ok(frame) = frame else { return false };
                bytes += frame.data_ref().map_or(0, Bytes::len) as u64;
                if bytes > MAX_UNREAD_BYTES {
                    return false;
                }
            }
            true
        };
        timeout(UNREAD_TIMEOUT, reading).await.unwrap_or(false)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        *lock(&self.unread.0) = self.body.take().filter(|body| !body.is_end_stream());
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(body) = &mut self.body else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(body).poll_frame(context));
        if let Some(part) = frame.as_ref().and_then(|frame| frame.as_ref().ok()?.data_ref()) {
            lock(&self.seen).add(part);
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(HttpBody::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), HttpBody::size_hint)
    }
}
