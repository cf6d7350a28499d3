//! The text of requests and bodies in reports, without secrets.

use itest_runtime::__private::{redact_json, redacted, redacted_value};
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// The maximum number of characters of a body in an exchange.
const MAX_CHARS_IN_EXCHANGE: usize = 1024;

/// How much more of a body is searched for secrets than is shown, because a secret may begin before the end of what is shown.
const SEARCHED_BYTES_PER_CHAR: usize = 16;

/// The beginning of a body: indented if it is JSON, without secrets, and whether that is less than the whole body.
pub(crate) fn shown_body(body: &[u8], max_chars: usize) -> (String, Completeness) {
    let text = if let Ok(mut json) = serde_json::from_slice::<Value>(body) {
        redact_json(&mut json);
        serde_json::to_string_pretty(&json).unwrap_or_default()
    } else {
        let text = String::from_utf8_lossy(body);
        redacted(&text[..text.floor_char_boundary(max_chars.saturating_mul(SEARCHED_BYTES_PER_CHAR))]).into_owned()
    };
    match text.char_indices().nth(max_chars) {
        None => (text, Completeness::Whole),
        Some((end, _)) => (text[..end].to_owned(), Completeness::Beginning),
    }
}

/// Whether a text is all of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completeness {
    Whole,
    Beginning,
}

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
    let pairs: Vec<String> = query.split('&').map(redacted_pair).collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{method} {}{mark}{}", redacted(path), pairs.join("&"))
}

/// A pair of a query as it was sent, without a secret.
fn redacted_pair(pair: &str) -> String {
    let Some((name, value)) = pair.split_once('=') else { return redacted(pair).into_owned() };
    let value_text = decoded(value);
    let shown = redacted_value(&decoded(name), &value_text);
    if *shown == value_text { pair.to_owned() } else { format!("{name}={shown}") }
}

/// A part of a query or a form, decoded (application/x-www-form-urlencoded).
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// A value of a JSON body, with secrets redacted. Any name of the pointer may mark the value as a secret.
pub(crate) fn redacted_at(pointer: &str, value: &Value) -> Value {
    let names: Vec<&str> = pointer.split('/').skip(1).collect();
    let mut whole = names.iter().rev().fold(value.clone(), |inner, name| serde_json::json!({ *name: inner }));
    redact_json(&mut whole);
    names.iter().fold(whole, |mut outer, name| outer.get_mut(*name).map(Value::take).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn any_name_of_a_pointer_marks_a_secret() {
        for pointer in ["/tokens/0", "/password/value", "/card/token", "/clientSecret/0/x"] {
            assert_eq!(redacted_at(pointer, &json!("hunter2")), json!("***"), "{pointer}");
        }
        assert_eq!(redacted_at("/card/amount", &json!(7)), json!(7));
        assert_eq!(redacted_at("", &json!({"password": "hunter2", "page": 2})), json!({"password": "***", "page": 2}));
    }
}
