//! The token endpoint for the grant `client_credentials` (RFC 6749, section 4.4).

use base64ct::{Base64, Encoding};
use percent_encoding::percent_decode_str;
use serde_json::json;

use super::new_token::NewToken;
use crate::wire::{Received, Reply};

/// A client that may request tokens for itself.
#[derive(Clone)]
pub(super) struct RegisteredClient {
    pub(super) id: String,
    pub(super) secret: String,
    /// The description of its tokens.
    pub(super) token: NewToken,
}

/// Why a request gets no token: the codes of RFC 6749, section 5.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TokenError {
    InvalidClient,
    InvalidRequest,
    InvalidScope,
    UnsupportedGrantType,
}

/// The id and the secret that a request contains.
struct Credentials {
    id: String,
    secret: String,
}

/// Answers a request for a token.
pub(super) fn answer(clients: &[RegisteredClient], request: &Received) -> Reply {
    match granted(clients, request) {
        Ok((token, scopes)) => {
            let mut body = json!({
                "access_token": token.sign(), "token_type": "Bearer", "expires_in": token.lifetime_seconds(),
            });
            if !scopes.is_empty() {
                body["scope"] = scopes.join(" ").into();
            }
            Reply::json(200, body).header("cache-control", "no-store")
        }
        Err(TokenError::InvalidClient) => Reply::json(401, json!({"error": "invalid_client"}))
            .header("www-authenticate", "Basic realm=\"token issuer\""),
        Err(error) => Reply::json(400, json!({"error": error.code()})),
    }
}

/// The token that a request gets, and its scopes.
fn granted(clients: &[RegisteredClient], request: &Received) -> Result<(NewToken, Vec<String>), TokenError> {
    let grant = request.form("grant_type").ok_or(TokenError::InvalidRequest)?;
    if grant != "client_credentials" {
        return Err(TokenError::UnsupportedGrantType);
    }
    let credentials = credentials(request)?;
    let has_credentials =
        |client: &&RegisteredClient| client.id == credentials.id && client.secret == credentials.secret;
    let client = clients.iter().rev().find(has_credentials).ok_or(TokenError::InvalidClient)?;
    let requested = request.form("scope").unwrap_or_default();
    let requested: Vec<String> = requested.split_whitespace().map(str::to_owned).collect();
    let allowed = client.token.scopes();
    let scopes = if requested.is_empty() { allowed.to_vec() } else { requested };
    if !scopes.iter().all(|scope| allowed.contains(scope)) {
        return Err(TokenError::InvalidScope);
    }
    Ok((client.token.clone().for_client(&client.id, scopes.clone()), scopes))
}

/// A client sends its credentials either in the header or in the form.
fn credentials(request: &Received) -> Result<Credentials, TokenError> {
    let in_form = (request.form("client_id"), request.form("client_secret"));
    match (request.header("authorization"), in_form) {
        (Some(header), (_, None)) => basic_credentials(header).ok_or(TokenError::InvalidClient),
        (Some(_), (_, Some(_))) => Err(TokenError::InvalidRequest),
        (None, (Some(id), Some(secret))) => Ok(Credentials { id, secret }),
        (None, _) => Err(TokenError::InvalidClient),
    }
}

/// RFC 6749, section 2.3.1: id and secret are encoded like fields of a form, and then like a user name and a password.
fn basic_credentials(header: &str) -> Option<Credentials> {
    let (scheme, encoded) = header.split_once(' ')?;
    let decoded = String::from_utf8(Base64::decode_vec(encoded.trim()).ok()?).ok()?;
    let (id, secret) = decoded.split_once(':').filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let of_form = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    Some(Credentials { id: of_form(id), secret: of_form(secret) })
}

impl TokenError {
    fn code(self) -> &'static str {
        match self {
            Self::InvalidClient => "invalid_client",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::UnsupportedGrantType => "unsupported_grant_type",
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn encoded(text: &str) -> String {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string().replace("%20", "+")
    }

    proptest! {
        #[test]
        fn credentials_survive_the_header(id in "[ -~é]{0,12}", secret in "[ -~é]{0,12}") {
            let pair = format!("{}:{}", encoded(&id), encoded(&secret));
            let header = format!("basic {}", Base64::encode_string(pair.as_bytes()));
            let read = basic_credentials(&header).map(|credentials| (credentials.id, credentials.secret));
            prop_assert_eq!(read, Some((id, secret)));
        }

        #[test]
        fn other_headers_are_no_credentials(header in "(Basic|Bearer|basic)? ?[ -~]{0,12}") {
            if let Some(credentials) = basic_credentials(&header) {
                prop_assert!(header.to_lowercase().starts_with("basic "), "{}", credentials.id);
            }
        }
    }
}
