//! A request that was sent, as reports show it.

use std::fmt;

use hyper::body::Bytes;
use itest_runtime::__private::{redacted, redacted_value};
use reqwest::Url;
use reqwest::header::HeaderMap;

use crate::shown::{Completeness, shown_body};

/// The maximum number of characters of a body that are shown.
const MAX_SHOWN_CHARS: usize = 4096;

/// A request that was sent.
#[derive(Clone)]
pub(super) struct Sent {
    pub(super) method: String,
    pub(super) url: Url,
    headers: HeaderMap,
    pub(super) body: SentBody,
}

/// The body of a request.
#[derive(Debug, Clone)]
pub(super) enum SentBody {
    Bytes(Bytes),
    /// A body that is described instead of shown: its description without secrets, and its length if that is known.
    Described {
        description: String,
        bytes: Option<u64>,
    },
}

impl SentBody {
    /// The number of bytes, or 0 if it is not known.
    pub(super) fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Described { bytes, .. } => bytes.unwrap_or_default(),
        }
    }

    /// The beginning of the body without secrets.
    pub(super) fn shown(&self, max_chars: usize) -> (String, Completeness) {
        match self {
            Self::Bytes(bytes) => shown_body(bytes, max_chars),
            Self::Described { description, .. } => match description.char_indices().nth(max_chars) {
                None => (description.clone(), Completeness::Whole),
                Some((end, _)) => (description[..end].to_owned(), Completeness::Beginning),
            },
        }
    }
}

impl Sent {
    /// A request, with its body if the request does not show it itself.
    pub(super) fn new(request: &reqwest::Request, described: Option<SentBody>) -> Self {
        let bytes = || request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        Self {
            method: request.method().to_string(),
            url: request.url().clone(),
            headers: request.headers().clone(),
            body: described.unwrap_or_else(|| SentBody::Bytes(Bytes::copy_from_slice(bytes()))),
        }
    }

    #[cfg(feature = "contracts")]
    pub(super) fn headers(&self) -> &HeaderMap {
        &self.headers
    }

    /// `POST http://127.0.0.1:8080/orders`, without secrets.
    pub(super) fn line(&self) -> String {
        format!("{} {}", self.method, redacted(self.url.as_str()))
    }

    /// `/orders?page=2`, as it was sent.
    pub(super) fn target(&self) -> String {
        let query = self.url.query().map_or_else(String::new, |query| format!("?{query}"));
        format!("{}{query}", self.url.path())
    }
}

impl fmt::Display for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(formatter, "> {}", self.line())?;
        let (body, bytes) = (self.body.shown(MAX_SHOWN_CHARS), self.body.len());
        show(formatter, ">", &self.headers, (body, bytes))
    }
}

impl fmt::Debug for Sent {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.line())
    }
}

/// Shows the headers and the body of a response.
pub(super) fn show_response(formatter: &mut fmt::Formatter<'_>, headers: &HeaderMap, body: &[u8]) -> fmt::Result {
    show(formatter, "<", headers, (shown_body(body, MAX_SHOWN_CHARS), body.len() as u64))
}

fn show(
    formatter: &mut fmt::Formatter<'_>,
    margin: &str,
    headers: &HeaderMap,
    ((text, completeness), bytes): ((String, Completeness), u64),
) -> fmt::Result {
    for (name, value) in headers {
        let value = value.to_str().unwrap_or("(no text)");
        writeln!(formatter, "{margin} {name}: {}", redacted_value(name.as_str(), value))?;
    }
    for line in text.lines() {
        writeln!(formatter, "{margin}   {line}")?;
    }
    if completeness == Completeness::Beginning {
        writeln!(formatter, "{margin}   … {bytes} bytes in all")?;
    }
    Ok(())
}
