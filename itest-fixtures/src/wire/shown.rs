//! The text of requests in reports, without secrets.

use itest_runtime::__private::{redacted, redacted_parameter};
use percent_encoding::percent_decode_str;

use crate::shown::{MAX_CHARS_IN_EXCHANGE, SEARCHED_BYTES_PER_CHAR, shown_body};

/// The beginning of a body that arrives in parts, for an exchange.
#[derive(Debug, Default)]
pub(crate) struct ShownBeginning(Vec<u8>);

impl ShownBeginning {
    /// Adds a part of the body. Parts after the beginning are not kept.
    pub(crate) fn add(&mut self, part: &[u8]) {
        let missing = (MAX_CHARS_IN_EXCHANGE * SEARCHED_BYTES_PER_CHAR).saturating_sub(self.0.len());
        self.0.extend_from_slice(&part[..part.len().min(missing)]);
    }

    /// The text without secrets.
    pub(crate) fn shown(&self) -> String {
        shown_body(&self.0, MAX_CHARS_IN_EXCHANGE).0
    }
}

/// A request in one line, without secrets: `POST /charge?page=2`.
pub(crate) fn operation(method: &str, target: &str) -> String {
    // The query is shown as it was sent, because a decoded one may contain control characters and separators.
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{method} {}{mark}{}", redacted(path), redacted_pairs(query))
}

/// The pairs of a query or a form as they were sent, without secrets.
pub(super) fn redacted_pairs(pairs: &str) -> String {
    pairs.split('&').map(redacted_pair).collect::<Vec<_>>().join("&")
}

/// A pair of a query as it was sent, without a secret.
fn redacted_pair(pair: &str) -> String {
    let Some((name, value)) = pair.split_once('=') else { return redacted(pair).into_owned() };
    let value_text = decoded(value);
    let shown = redacted_parameter(&decoded(name), &value_text);
    if *shown == value_text { pair.to_owned() } else { format!("{name}={shown}") }
}

/// A part of a query or a form, decoded (application/x-www-form-urlencoded).
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operation_contains_neither_secrets_nor_signatures_of_presigned_links() {
        let link = "/receipts/7.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=f5a0c1&X-Amz-Expires=60&sig=f5a0c1&token=f5a0c1";
        assert_eq!(
            operation("GET", link),
            "GET /receipts/7.pdf?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Signature=***&X-Amz-Expires=60&sig=***&token=***"
        );
    }
}
