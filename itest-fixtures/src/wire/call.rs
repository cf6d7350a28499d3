//! The name of a call, which is the same each time that a test runs.

use itest_runtime::__private::redacted;
use percent_encoding::percent_decode_str;

use super::received::Received;
use crate::identifier;

/// The method and the path of a request without secrets, and without identifiers, which may differ each time: `POST /orders/{}/pay`.
pub(super) fn operation_of_call(request: &Received) -> String {
    let segments: Vec<&str> =
        request.path().split('/').map(|segment| if is_identifier(segment) { "{}" } else { segment }).collect();
    format!("{} {}", request.method(), redacted(&segments.join("/")))
}

/// Whether a segment of a path looks like a number, a UUID or another generated name, and not like `v1`.
fn is_identifier(segment: &str) -> bool {
    identifier::is_identifier(&percent_decode_str(segment).decode_utf8_lossy())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_generated_names_are_identifiers() {
        for segment in ["7", "2024", "8f14e45f-ceea-467f-9575-5b6c8f3a2d11", "pay_1a2b3c4d"] {
            assert!(is_identifier(segment), "{segment}");
        }
        for segment in ["", "v1", "orders", "oauth2", "{id}", "payments_of_today", "%C3%A9t%C3%A9", "a%20=%20b"] {
            assert!(!is_identifier(segment), "{segment}");
        }
    }
}
