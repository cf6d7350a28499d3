//! Secrets in JSON.

use std::borrow::Cow;

use serde_json::Value;

use super::name::{REDACTED, can_be_secret, is_count_name, is_secret_name};
use super::text::redacted;

/// Hides the secrets in a value: everything under a name that is one of a secret, and what looks like a secret under any name.
pub fn redact_json(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            // A list of pairs, as headers and cookies often are: the name of the secret is a value itself.
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

/// Hides every text and number of a secret. Its shape, and what is true, false or not there, may be seen.
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
    fn secrets_are_hidden_at_every_depth_and_the_rest_stays() {
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
