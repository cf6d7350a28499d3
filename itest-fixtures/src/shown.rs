//! The text of bodies in reports, without secrets.

#[cfg(any(feature = "_messages", feature = "http"))]
use itest_runtime::__private::redact_json;
use itest_runtime::__private::redacted;
#[cfg(any(feature = "_messages", feature = "http"))]
use serde_json::Value;

/// The maximum number of characters of a body in an exchange.
#[cfg(any(feature = "_messages", feature = "http"))]
pub(crate) const MAX_CHARS_IN_EXCHANGE: usize = 1024;

/// How much more of a body is searched for secrets than is shown, because a secret may begin before the end of what is shown.
pub(crate) const SEARCHED_BYTES_PER_CHAR: usize = 16;

/// The beginning of a text without secrets. It takes no longer for a long text, because only the beginning is searched for secrets.
#[cfg(any(feature = "mail", feature = "proxy", feature = "redis"))]
pub(crate) fn shown_text(text: &str, max_chars: usize) -> String {
    redacted_beginning(text, max_chars).chars().take(max_chars).collect()
}

/// At least the characters of a text that are shown, without secrets.
fn redacted_beginning(text: &str, max_chars: usize) -> std::borrow::Cow<'_, str> {
    redacted(&text[..text.floor_char_boundary(max_chars.saturating_mul(SEARCHED_BYTES_PER_CHAR))])
}

/// The beginning of a body: indented if it is JSON, without secrets, and whether that is less than the whole body.
#[cfg(any(feature = "_messages", feature = "http"))]
pub(crate) fn shown_body(body: &[u8], max_chars: usize) -> (String, Completeness) {
    let text = if let Ok(mut json) = serde_json::from_slice::<Value>(body) {
        redact_json(&mut json);
        serde_json::to_string_pretty(&json).unwrap_or_default()
    } else {
        let text = String::from_utf8_lossy(body);
        redacted_beginning(&text, max_chars).into_owned()
    };
    match text.char_indices().nth(max_chars) {
        None => (text, Completeness::Whole),
        Some((end, _)) => (text[..end].to_owned(), Completeness::Beginning),
    }
}

/// Whether a text is all of a body.
#[cfg(any(feature = "_messages", feature = "http"))]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Completeness {
    Whole,
    Beginning,
}

/// A value of a JSON body, with secrets redacted. Any name of the pointer may mark the value as a secret.
#[cfg(any(feature = "_messages", feature = "http"))]
pub(crate) fn redacted_at(pointer: &str, value: &Value) -> Value {
    let names: Vec<&str> = pointer.split('/').skip(1).collect();
    let mut whole = names.iter().rev().fold(value.clone(), |inner, name| serde_json::json!({ *name: inner }));
    redact_json(&mut whole);
    names.iter().fold(whole, |mut outer, name| outer.get_mut(*name).map(Value::take).unwrap_or_default())
}

#[cfg(all(test, any(feature = "_messages", feature = "http")))]
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
