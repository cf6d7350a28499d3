//! The discovery document of an issuer (OpenID Connect Discovery 1.0, RFC 8414).

use serde_json::{Value, json};

use super::algorithm::SigningAlgorithm;

/// The path of the document in OpenID Connect.
pub(super) const OPENID_PATH: &str = "/.well-known/openid-configuration";

/// The path of the document in OAuth 2.0.
pub(super) const OAUTH_PATH: &str = "/.well-known/oauth-authorization-server";

/// The path of the keys.
pub(super) const JWKS_PATH: &str = "/.well-known/jwks.json";

/// The path of the token endpoint.
pub(super) const TOKEN_PATH: &str = "/token";

/// The document of the issuer at this URL, which signs with these algorithms.
pub(super) fn document(url: &str, algorithms: &[SigningAlgorithm]) -> Value {
    let names: Vec<&str> = algorithms.iter().map(|algorithm| algorithm.name()).collect();
    json!({
        "issuer": url,
        "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}{TOKEN_PATH}"),
        "jwks_uri": format!("{url}{JWKS_PATH}"),
        "grant_types_supported": ["authorization_code", "client_credentials"],
        "response_types_supported": ["code"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": names,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        "scopes_supported": ["openid"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nbf", "jti"],
    })
}
