//! The kinds of bad tokens.

use std::fmt;

/// A way in which a token is bad. Everything else of the token is as in the good one, so that a service which refuses it has checked this
/// property. [`NewToken::bad`](crate::NewToken::bad) makes the token.
///
/// # Examples
///
/// ```
/// use itest::BadToken;
///
/// assert_eq!(BadToken::HmacWithPublicKey.to_string(), "hmac-with-public-key");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BadToken {
    /// The token expired an hour ago. `iat` and `nbf` are earlier by the lifetime of the token.
    Expired,
    /// The token is valid from the next hour on (`nbf`). A verifier must be told to check `nbf` in some libraries.
    NotYetValid,
    /// The header names the issuer's key, but another key has signed.
    WrongKey,
    /// The header names a key that the issuer does not publish, and this key has signed.
    UnknownKey,
    /// The header contains a key (`jwk`), and this key has signed. A verifier must not trust a key that comes with the token.
    EmbeddedKey,
    /// The algorithm is `none`, and there is no signature.
    AlgorithmNone,
    /// The algorithm is HS256, and the secret is the issuer's public key in the PEM format, which every client can read. A verifier must not let
    /// the token choose how its key is used.
    HmacWithPublicKey,
    /// The subject was replaced after the token was signed.
    Tampered,
    /// The token is for another audience (`aud`).
    WrongAudience,
    /// The token names another issuer (`iss`).
    WrongIssuer,
    /// The token has another role in the place of each of its roles, and another scope in the place of its scopes.
    WrongRole,
    /// The token has no time of expiry (`exp`).
    MissingExpiry,
    /// The token has no audience (`aud`). Some libraries accept that unless they are told to require it.
    MissingAudience,
    /// The token has no issuer (`iss`). Some libraries accept that unless they are told to require it.
    MissingIssuer,
    /// The token has no subject (`sub`).
    MissingSubject,
    /// The second half of the signature was cut off.
    Truncated,
    /// A text that is no token.
    NotAToken,
}

impl BadToken {
    /// All kinds of bad tokens. A service must refuse each of them, unless it does not use the claim that is missing or wrong.
    pub const ALL: [Self; 17] = [
        Self::Expired,
        Self::NotYetValid,
        Self::WrongKey,
        Self::UnknownKey,
        Self::EmbeddedKey,
        Self::AlgorithmNone,
        Self::HmacWithPublicKey,
        Self::Tampered,
        Self::WrongAudience,
        Self::WrongIssuer,
        Self::WrongRole,
        Self::MissingExpiry,
        Self::MissingAudience,
        Self::MissingIssuer,
        Self::MissingSubject,
        Self::Truncated,
        Self::NotAToken,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not-yet-valid",
            Self::WrongKey => "wrong-key",
            Self::UnknownKey => "unknown-key",
            Self::EmbeddedKey => "embedded-key",
            Self::AlgorithmNone => "algorithm-none",
            Self::HmacWithPublicKey => "hmac-with-public-key",
            Self::Tampered => "tampered",
            Self::WrongAudience => "wrong-audience",
            Self::WrongIssuer => "wrong-issuer",
            Self::WrongRole => "wrong-role",
            Self::MissingExpiry => "missing-expiry",
            Self::MissingAudience => "missing-audience",
            Self::MissingIssuer => "missing-issuer",
            Self::MissingSubject => "missing-subject",
            Self::Truncated => "truncated",
            Self::NotAToken => "not-a-token",
        }
    }
}

impl fmt::Display for BadToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn all_kinds_are_listed_once_with_different_names() {
        let names: HashSet<String> = BadToken::ALL.iter().map(ToString::to_string).collect();
        assert_eq!(names.len(), BadToken::ALL.len());
    }
}
