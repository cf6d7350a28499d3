//! The parts of an HTTP exchange that a contract judges.

use hyper::HeaderMap;

/// A request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestParts<'r> {
    pub(crate) method: &'r str,
    /// The path as it was sent.
    pub(crate) path: &'r str,
    /// The query as it was sent.
    pub(crate) query: &'r str,
    pub(crate) headers: &'r HeaderMap,
    /// The body. None if it is not known.
    pub(crate) body: Option<&'r [u8]>,
}

/// The answer to a request.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AnswerParts<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a HeaderMap,
    /// The body. None if it is not known.
    pub(crate) body: Option<&'a [u8]>,
}
