//! The body of a stand-in's response, sent in parts.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use hyper::body::{Body, Bytes, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use super::connection::ConnectionControl;

/// A body whose parts are sent with pauses between them.
#[derive(Debug)]
pub(super) struct ReplyBody {
    chunks: VecDeque<Bytes>,
    interval: Duration,
    pause: Option<Pin<Box<Sleep>>>,
    /// The connection that is reset after the body.
    reset_at_end: Option<ConnectionControl>,
}

impl ReplyBody {
    pub(super) fn new(chunks: Vec<Bytes>, interval: Duration) -> Self {
        Self { chunks: chunks.into(), interval, pause: None, reset_at_end: None }
    }

    /// Resets the connection when the response has been sent.
    pub(super) fn then_reset(mut self, control: ConnectionControl) -> Self {
        self.reset_at_end = Some(control);
        self
    }
}

/// hyper drops a body when it has passed on all of it, and at once if the response has no body, as after `HEAD`.
impl Drop for ReplyBody {
    fn drop(&mut self) {
        if let Some(control) = &self.reset_at_end {
            control.reset_after_flush();
        }
    }
}

impl Body for ReplyBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(pause) = &mut self.pause {
            ready!(pause.as_mut().poll(context));
            self.pause = None;
        }
        let chunk = self.chunks.pop_front();
        if !self.chunks.is_empty() && !self.interval.is_zero() {
            self.pause = Some(Box::pin(sleep(self.interval)));
        }
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        // Several parts are sent as chunks, and one part with its length.
        match self.chunks.len() {
            0 => SizeHint::with_exact(0),
            1 if self.pause.is_none() => SizeHint::with_exact(self.chunks[0].len() as u64),
            _ => SizeHint::default(),
        }
    }
}
