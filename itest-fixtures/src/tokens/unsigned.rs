//! A token before it is signed, and its compact form (RFC 7515): header, claims and signature in base64, separated by dots.

use base64ct::{Base64UrlUnpadded, Encoding};
use serde_json::Value;

/// The header and the claims of a token.
#[derive(Clone)]
pub(super) struct Unsigned {
    pub(super) header: Value,
    pub(super) claims: Value,
}

impl Unsigned {
    /// The token with the signature that the closure makes of the text that is to be signed.
    pub(super) fn signed(&self, sign: impl FnOnce(&str) -> Vec<u8>) -> String {
        let input = self.signing_input();
        let signature = sign(&input);
        format!("{input}.{}", encoded(&signature))
    }

    /// The text that is signed.
    pub(super) fn signing_input(&self) -> String {
        let encoded_json = |part: &Value| encoded(part.to_string().as_bytes());
        format!("{}.{}", encoded_json(&self.header), encoded_json(&self.claims))
    }
}

/// Bytes in the base64 of URLs, without padding.
pub(super) fn encoded(bytes: &[u8]) -> String {
    Base64UrlUnpadded::encode_string(bytes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// The example of RFC 7515, appendix A.1, whose JSON has other whitespace.
    #[test]
    fn compact_form_is_that_of_the_standard() {
        let token = Unsigned { header: json!({"alg": "HS256"}), claims: json!({"iss": "joe"}) };
        assert_eq!(token.signed(|_| vec![0xfb, 0xff]), "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UifQ.-_8");
        assert_eq!(token.signed(|_| Vec::new()), "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UifQ.");
    }
}
