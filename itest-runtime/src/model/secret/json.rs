//! Secrets in JSON.

use std::borrow::Cow;

use serde_json::Value;

use super::name::{REDACTED, can_be_secret, is_count_name, is_secret_name};
use super::text::redacted;

/// Hides the secrets in a value: all values under the names of secrets, and texts with the shape of a secret under any name.
pub fn redact_json(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // Headers and cookies are often lists of objects with the fields `name` and `value`. The value of `name` then decides whether
            // `value` is a secret.
            let named =
                ["name", "key"].iter().find_map(|field| fields.get(*field).and_then(Value::as_str)).map(str::to_owned);
            for (name, value) in fields {
                let is_named_secret = name == "value" && named.as_deref().is_some_and(is_secret_name);
                if is_secret_name(name) || is_named_secret { hide(name, value) } else { redact_json(value) }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(redact_json),
        Value::String(text) => {
            if let Cow::Owned(shown) = redacted(text) {
                *text = shown;
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Hides every text and number in a secret value. Its structure, booleans and nulls stay visible.
fn hide(name: &str, value: &mut Value) {
    match value {
        Value::Object(fields) => fields.values_mut().for_each(|value| hide(name, value)),
        Value::Array(values) => values.iter_mut().for_each(|value| hide(name, value)),
        Value::String(text) if !can_be_secret(name, text) => {}
        Value::Number(_) if is_count_name(name) => {}
        Value::String(_) | Value::Number(_) => *value = REDACTED.into(),
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_secrets_are_hidden_at_every_depth() {
        let mut value = json!({
            "email": "ann@example.com", "password": "s3cret", "pin_password": 1234, "has_password": true, "token": null,
            "usage": {"total_tokens": 17, "token_type": "bearer", "expires_in": 3600},
            "nested": [{"apiKey": "s3cret"}, {"credentials": {"user": "s3cret", "list": ["s3cret", 7]}}],
            "headers": [{"name": "Authorization", "value": "s3cret"}, {"name": "Accept", "value": "text/html"}],
            "note": "see https://ann:s3cret@example.com/?token=s3cret&page=2",
        });
        redact_json(&mut value);
        let expected = json!({
            "email": "ann@example.com", "password": "***", "pin_password": "***", "has_password": true, "token": null,
            "usage": {"total_tokens": 17, "token_type": "bearer", "expires_in": 3600},
            "nested": [{"apiKey": "***"}, {"credentials": {"user": "***", "list": ["***", "***"]}}],
            "headers": [{"name": "Authorization", "value": "***"}, {"name": "Accept", "value": "text/html"}],
            "note": "see https://ann:***@example.com/?token=***&page=2",
        });
        assert_eq!(value, expected);
    }
}
