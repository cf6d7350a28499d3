//! A response whose body is read in parts as they arrive.

use std::fmt;
use std::time::Duration;

use hyper::body::Bytes;
use itest_runtime::__private::timeout;
use itest_runtime::Error;

use super::pending_exchange::PendingExchange;
use super::response::Response;
use super::server_sent_event::{EventParser, ServerSentEvent};
use super::transport_error::innermost_cause;

/// A response whose body is read in parts as they arrive, such as a stream of server-sent events.
///
/// # Examples
///
/// ```
/// # use itest_fixtures::Client;
/// # async fn watch(client: &Client) -> itest::Result<()> {
/// let mut stream = client.get("/orders/7/events").stream().await?;
/// stream.head().assert_status(200).assert_content_type("text/event-stream");
/// let event = stream.next_event().await?.ok_or("the stream has ended")?;
/// assert_eq!((&*event.event, &*event.data), ("paid", "25.98"));
/// # Ok(())
/// # }
/// ```
pub struct Streaming {
    head: Response,
    body: reqwest::Response,
    limit: Duration,
    pending: PendingExchange,
    events: EventParser,
}

impl Streaming {
    pub(super) fn new(head: Response, body: reqwest::Response, limit: Duration, pending: PendingExchange) -> Self {
        Self { head, body, limit, pending, events: EventParser::default() }
    }

    /// The status and the headers, with the assertions of a response. Its body is empty.
    #[must_use]
    pub fn head(&self) -> &Response {
        &self.head
    }

    /// The next part of the body, as it arrived. None at the end of the body.
    ///
    /// # Errors
    ///
    /// When nothing arrives within the time limit of the request, which is 30 seconds by default, or the connection is lost.
    ///
    /// # Cancel safety
    ///
    /// A part that has not been returned is returned by the next call.
    #[track_caller]
    pub fn next_chunk(&mut self) -> impl Future<Output = Result<Option<Vec<u8>>, Error>> + Send {
        let caller = std::panic::Location::caller();
        async move {
            let chunk = self.receive().await.map_err(|cause| Error::at(cause, caller))?;
            Ok(chunk.map(|chunk| chunk.to_vec()))
        }
    }

    /// The next server-sent event. None at the end of the body.
    ///
    /// # Errors
    ///
    /// When nothing arrives within the time limit of the request, which is 30 seconds by default, or the connection is lost.
    ///
    /// # Cancel safety
    ///
    /// An event that has not been returned is returned by the next call.
    #[track_caller]
    pub fn next_event(&mut self) -> impl Future<Output = Result<Option<ServerSentEvent>, Error>> + Send {
        let caller = std::panic::Location::caller();
        async move {
            loop {
                if let Some(event) = self.events.next() {
                    return Ok(Some(event));
                }
                match self.receive().await.map_err(|cause| Error::at(cause, caller))? {
                    Some(chunk) => self.events.add(&chunk),
                    None => return Ok(None),
                }
            }
        }
    }

    async fn receive(&mut self) -> Result<Option<Bytes>, String> {
        let cause = match timeout(self.limit, self.body.chunk()).await {
            Ok(Ok(chunk)) => {
                self.pending.received(chunk.as_deref().unwrap_or_default());
                return Ok(chunk);
            }
            Ok(Err(error)) => innermost_cause(&error),
            Err(_) => format!("nothing arrived within {:?}", self.limit),
        };
        Err(format!("{}: {cause}", self.head.request_line()))
    }
}

impl fmt::Debug for Streaming {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.head, formatter)
    }
}
