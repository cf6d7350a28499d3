//! The replies of stubs.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Bytes;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, TRANSFER_ENCODING};
use hyper::{HeaderMap, StatusCode};
use itest_runtime::Error;
use serde::Serialize;

use super::received::Received;

/// A reply of a stub.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use itest::Reply;
/// use serde_json::json;
///
/// let paid = Reply::json(201, json!({"id": "pay_1"})).header("location", "/payments/pay_1");
/// let late = Reply::status(503).header("retry-after", "2").delay(Duration::from_millis(200));
/// let first_late_then_paid = Reply::sequence([late, paid]);
/// let echo = Reply::with(|request| Reply::text(200, request.text()));
/// ```
#[derive(Clone)]
#[must_use = "a reply does nothing until it is mounted"]
pub struct Reply(Kind);

#[derive(Clone)]
enum Kind {
    Fixed(FixedReply),
    /// One reply after another; the last one repeats.
    Sequence(Arc<[Reply]>),
    Computed(Arc<dyn Fn(&Received) -> Reply + Send + Sync>),
}

/// A change of fixed replies.
type Change = Arc<dyn Fn(&mut FixedReply) + Send + Sync>;

/// The bytes of a reply, and when they are sent.
#[derive(Debug, Clone)]
pub(super) struct FixedReply {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The parts of the body.
    pub(super) chunks: Vec<Bytes>,
    /// The time before the first byte.
    pub(super) delay: Duration,
    /// The time before each part of the body but the first.
    pub(super) interval: Duration,
    /// Whether a fault resets the connection at the end of the body.
    pub(super) resets_at_end: bool,
}

impl FixedReply {
    /// A reply of itest itself, with a text.
    pub(super) fn of_itest(status: StatusCode, text: String) -> Self {
        Self::new(status, vec![text.into()])
    }

    pub(super) fn new(status: StatusCode, chunks: Vec<Bytes>) -> Self {
        let (delay, interval) = (Duration::ZERO, Duration::ZERO);
        Self { status, headers: HeaderMap::new(), chunks, delay, interval, resets_at_end: false }
    }

    /// The number of bytes in the body.
    pub(super) fn body_bytes(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.len() as u64).sum()
    }
}

/// How deep replies that are computed or in sequences may be nested.
const MAX_DEPTH: usize = 16;

impl Reply {
    /// A reply without a body.
    ///
    /// # Panics
    ///
    /// If the status is not between 200 and 999.
    #[track_caller]
    pub fn status(status: u16) -> Self {
        Self::fixed(status, Vec::new())
    }

    /// A JSON reply.
    ///
    /// # Panics
    ///
    /// If the status is not between 200 and 999, or the value cannot be written as JSON, such as a map whose keys are no strings.
    #[expect(clippy::panic, reason = "a reply that cannot be sent is a mistake in the test")]
    #[track_caller]
    pub fn json(status: u16, body: impl Serialize) -> Self {
        let body = serde_json::to_vec(&body).unwrap_or_else(|error| panic!("the reply is no JSON: {error}"));
        Self::fixed(status, vec![body.into()]).header("content-type", "application/json")
    }

    /// A reply of plain text in UTF-8.
    ///
    /// # Panics
    ///
    /// If the status is not between 200 and 999.
    #[track_caller]
    pub fn text(status: u16, body: impl Into<String>) -> Self {
        Self::bytes(status, "text/plain; charset=utf-8", body.into())
    }

    /// A reply of any content type.
    ///
    /// # Panics
    ///
    /// If the status is not between 200 and 999, or the content type is no valid header.
    #[track_caller]
    pub fn bytes(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self::fixed(status, vec![body.into().into()]).header("content-type", content_type)
    }

    /// The contents of a file, whose content type you add with [`Reply::header`]. A relative path starts at the working directory, which is the
    /// folder of the package unless the code under test changes it.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    ///
    /// # Panics
    ///
    /// If the status is not between 200 and 999.
    #[track_caller]
    pub fn file(status: u16, path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        match std::fs::read(path) {
            Ok(body) => Ok(Self::fixed(status, vec![body.into()])),
            Err(error) => Err(Error::new(format!("cannot read the reply {}: {error}", path.display()))),
        }
    }

    /// A reply whose body is sent in parts, with a pause before each part but the first (`Transfer-Encoding: chunked`).
    ///
    /// # Panics
    ///
    /// If the status is not between 200 and 999.
    #[track_caller]
    pub fn stream<C: Into<Vec<u8>>>(status: u16, chunks: impl IntoIterator<Item = C>, interval: Duration) -> Self {
        let chunks = chunks.into_iter().map(|chunk| chunk.into().into()).collect();
        let mut reply = Self::fixed(status, chunks);
        reply.change(Arc::new(move |fixed| fixed.interval = interval));
        reply
    }

    /// One reply after another. The last one is repeated.
    ///
    /// # Panics
    ///
    /// If there is no reply.
    #[track_caller]
    pub fn sequence(replies: impl IntoIterator<Item = Self>) -> Self {
        let replies: Arc<[Self]> = replies.into_iter().collect();
        assert!(!replies.is_empty(), "a sequence needs at least one reply");
        Self(Kind::Sequence(replies))
    }

    /// A reply that depends on the request.
    pub fn with(reply: impl Fn(&Received) -> Self + Send + Sync + 'static) -> Self {
        Self(Kind::Computed(Arc::new(reply)))
    }

    /// Adds a header, to each reply of a sequence as well. `content-type` replaces the earlier one.
    ///
    /// # Panics
    ///
    /// If the name or the value is not valid in a header, or the header follows from the body: `content-length`, `transfer-encoding`.
    #[expect(clippy::panic, reason = "a reply that cannot be sent is a mistake in the test")]
    #[track_caller]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else { panic!("{name:?} is no name of a header") };
        assert!(
            header != CONTENT_LENGTH && header != TRANSFER_ENCODING,
            "{name:?} follows from the body, and cannot be set"
        );
        let Ok(value) = HeaderValue::from_str(value) else { panic!("the value of the header {name:?} is not valid") };
        self.change(Arc::new(move |fixed| {
            if header == CONTENT_TYPE {
                fixed.headers.remove(&header);
            }
            fixed.headers.append(&header, value.clone());
        }));
        self
    }

    /// Sends the reply after this time.
    pub fn delay(mut self, delay: Duration) -> Self {
        self.change(Arc::new(move |fixed| fixed.delay = delay));
        self
    }

    #[expect(clippy::panic, reason = "a reply that cannot be sent is a mistake in the test")]
    #[track_caller]
    fn fixed(status: u16, chunks: Vec<Bytes>) -> Self {
        let Some(status) = StatusCode::from_u16(status).ok().filter(|status| !status.is_informational()) else {
            panic!("{status} is no status of a response");
        };
        Self(Kind::Fixed(FixedReply::new(status, chunks)))
    }

    /// Changes all fixed replies of which this one consists.
    fn change(&mut self, change: Change) {
        match &mut self.0 {
            Kind::Fixed(fixed) => change(fixed),
            Kind::Sequence(replies) => {
                let mut changed = replies.to_vec();
                for reply in &mut changed {
                    reply.change(Arc::clone(&change));
                }
                *replies = changed.into();
            }
            Kind::Computed(compute) => {
                let compute = Arc::clone(compute);
                *self = Self::with(move |request| {
                    let mut reply = compute(request);
                    reply.change(Arc::clone(&change));
                    reply
                });
            }
        }
    }

    /// The fixed replies of which this one consists, without those that are computed.
    #[cfg(feature = "contracts")]
    pub(super) fn fixed_replies(&self) -> Vec<&FixedReply> {
        match &self.0 {
            Kind::Fixed(fixed) => vec![fixed],
            Kind::Sequence(replies) => replies.iter().flat_map(Self::fixed_replies).collect(),
            Kind::Computed(_) => Vec::new(),
        }
    }

    /// The bytes for the request that a stub answers as its use number `position`, counted from 0.
    pub(super) fn resolve(&self, position: usize, request: &Received) -> FixedReply {
        let mut reply = self.clone();
        for _ in 0..MAX_DEPTH {
            reply = match reply.0 {
                Kind::Fixed(fixed) => return fixed,
                Kind::Sequence(replies) => replies[position.min(replies.len() - 1)].clone(),
                Kind::Computed(compute) => compute(request),
            };
        }
        let text = format!("this reply consists of more than {MAX_DEPTH} nested replies");
        FixedReply::of_itest(StatusCode::NOT_IMPLEMENTED, text)
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Bodies and headers are left out, because they may contain secrets.
        match &self.0 {
            Kind::Fixed(fixed) => write!(formatter, "Reply({})", fixed.status.as_u16()),
            Kind::Sequence(replies) => formatter.debug_list().entries(replies.iter()).finish(),
            Kind::Computed(_) => formatter.write_str("Reply(computed)"),
        }
    }
}
