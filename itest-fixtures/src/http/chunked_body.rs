//! The body of a request that is sent in chunks.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::body::{Body, Bytes, Frame};

/// A body whose chunks an iterator yields.
#[derive(Debug)]
pub(super) struct ChunkedBody<I>(I);

impl<I: Iterator<Item = Bytes>> ChunkedBody<I> {
    pub(super) fn new(chunks: I) -> Self {
        Self(chunks)
    }
}

impl<I: Iterator<Item = Bytes> + Unpin> Body for ChunkedBody<I> {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        // An empty chunk would end the body.
        let chunk = self.0.find(|chunk| !chunk.is_empty());
        Poll::Ready(chunk.map(|chunk| Ok(Frame::data(chunk))))
    }
}
