//! A request in the parts that parameters are read from.

use hyper::HeaderMap;

use super::super::http_parts::RequestParts;

/// A request, taken apart.
#[derive(Debug)]
pub(super) struct RequestView<'r> {
    /// The values of the path's parameters, as they were sent.
    pub(super) path: Vec<(String, String)>,
    /// The pairs of the query, as they were sent.
    pub(super) query: Vec<(&'r str, &'r str)>,
    pub(super) headers: &'r HeaderMap,
    pub(super) cookies: Vec<(String, String)>,
}

impl<'r> RequestView<'r> {
    pub(super) fn new(request: &RequestParts<'r>, path: Vec<(String, String)>) -> Self {
        let cookies = request.headers.get_all("cookie").iter().filter_map(|header| header.to_str().ok());
        let cookies = cookies.flat_map(|header| header.split(';')).filter_map(|pair| pair.trim().split_once('='));
        Self {
            path,
            query: pairs(request.query),
            headers: request.headers,
            cookies: cookies.map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        }
    }
}

/// The pairs of `a=1&b=2`, as they were sent.
pub(super) fn pairs(text: &str) -> Vec<(&str, &str)> {
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect()
}

/// A part of a query or a form, decoded (application/x-www-form-urlencoded).
pub(super) fn decoded(text: &str) -> String {
    decoded_path(&text.replace('+', " "))
}

/// A part of a path, decoded.
pub(super) fn decoded_path(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}
