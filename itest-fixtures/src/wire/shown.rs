//! The text of bodies in reports, without secrets.

use itest_runtime::__private::{redact_json, redacted};
use serde_json::Value;

/// The maximum number of bytes of a body that are searched for secrets, for each character that is shown.
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

/// A value of a JSON body, with secrets redacted. The last name of the pointer may mark the value as a secret.
pub(crate) fn redacted_at(pointer: &str, value: &Value) -> Value {
    let name = pointer.rsplit('/').next().unwrap_or_default();
    let mut field = serde_json::json!({ name: value });
    redact_json(&mut field);
    field[name].take()
}
