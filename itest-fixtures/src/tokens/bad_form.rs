//! Makes bad tokens of a good one.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;

use super::bad_token::BadToken;
use super::claims::Validity;
use super::issuer_key::IssuerKey;
use super::key_set::KeySet;
use super::unsigned::Unsigned;

/// How long ago an expired token expired, and how long it takes until a token that is not valid yet becomes valid. It is more than the
/// tolerance for differences of clocks that libraries have by default.
const DISTANCE_SECONDS: u64 = 3600;

/// A good token, and all that is needed to make it bad.
pub(super) struct Good<'g> {
    pub(super) token: Unsigned,
    pub(super) validity: Validity,
    /// The JSON pointer of the roles.
    pub(super) roles_pointer: &'g str,
    pub(super) keys: &'g KeySet,
    /// The key that signs the good token.
    pub(super) key: &'g IssuerKey,
}

impl Good<'_> {
    /// The token of this kind.
    ///
    /// # Panics
    ///
    /// If it would be the good token.
    #[track_caller]
    pub(super) fn into_bad(mut self, kind: BadToken) -> String {
        match kind {
            BadToken::WrongKey => self.signed_by_another_key(),
            BadToken::UnknownKey => {
                self.token.header["kid"] = self.keys.unpublished().id().into();
                self.signed_by_another_key()
            }
            BadToken::EmbeddedKey => {
                self.token.header["jwk"] = self.keys.unpublished().public_jwk();
                self.token.header["jwk"]["kid"] = self.key.id().into();
                self.signed_by_another_key()
            }
            BadToken::AlgorithmNone => {
                self.token.header["alg"] = "none".into();
                self.token.signed(|_| Vec::new())
            }
            BadToken::HmacWithPublicKey => {
                self.token.header["alg"] = "HS256".into();
                let secret = self.key.public_pem();
                self.token.signed(|input| hmac_sha256(secret.as_bytes(), input.as_bytes()))
            }
            BadToken::Tampered => {
                let signature = self.key.sign(&self.token.signing_input());
                let is_taken = self.token.claims["sub"] == "tampered-subject";
                let subject = if is_taken { "another-tampered-subject" } else { "tampered-subject" };
                self.token.claims["sub"] = subject.into();
                self.token.signed(|_| signature)
            }
            BadToken::Truncated => self.token.signed(|input| {
                let signature = self.key.sign(input);
                signature[..signature.len() / 2].to_vec()
            }),
            BadToken::NotAToken => "not-a-token".to_owned(),
            BadToken::Expired
            | BadToken::NotYetValid
            | BadToken::WrongAudience
            | BadToken::WrongIssuer
            | BadToken::WrongRole
            | BadToken::MissingExpiry
            | BadToken::MissingAudience
            | BadToken::MissingIssuer
            | BadToken::MissingSubject => self.with_bad_claims(kind),
        }
    }

    fn signed_by_another_key(&self) -> String {
        self.token.signed(|input| self.keys.unpublished().sign(input))
    }

    #[track_caller]
    fn with_bad_claims(mut self, kind: BadToken) -> String {
        let good = self.token.claims.clone();
        self.spoil_claims(kind);
        let reason = match kind {
            BadToken::WrongRole => "the token has no role and no scope: add one with `role` or `scope`",
            _ => "the token has this property already: leave out the call that gives it this property",
        };
        assert!(self.token.claims != good, "cannot make a bad token of the kind {kind}: {reason}");
        self.token.signed(|input| self.key.sign(input))
    }

    fn spoil_claims(&mut self, kind: BadToken) {
        let claims = &mut self.token.claims;
        let Validity { now, lifetime } = self.validity;
        match kind {
            BadToken::Expired => {
                let expiry = now.saturating_sub(DISTANCE_SECONDS);
                claims["exp"] = expiry.into();
                for name in ["iat", "nbf"] {
                    replace(claims, name, expiry.saturating_sub(lifetime));
                }
            }
            BadToken::NotYetValid => {
                let begin = now.saturating_add(DISTANCE_SECONDS);
                claims["nbf"] = begin.into();
                replace(claims, "exp", begin.saturating_add(lifetime));
            }
            BadToken::WrongAudience => claims["aud"] = "wrong-audience".into(),
            BadToken::WrongIssuer => claims["iss"] = "https://wrong-issuer.example".into(),
            BadToken::WrongRole => {
                replace(claims, "scope", "wrong-scope");
                match claims.pointer_mut(self.roles_pointer) {
                    Some(Value::Array(roles)) if !roles.is_empty() => *roles = vec!["wrong-role".into()],
                    Some(Value::String(role)) => "wrong-role".clone_into(role),
                    _ => {}
                }
            }
            BadToken::MissingExpiry => remove(claims, "exp"),
            BadToken::MissingAudience => remove(claims, "aud"),
            BadToken::MissingIssuer => remove(claims, "iss"),
            BadToken::MissingSubject => remove(claims, "sub"),
            _ => {}
        }
    }
}

/// Sets a claim that the token has.
fn replace(claims: &mut Value, name: &str, value: impl Into<Value>) {
    if let Some(claim) = claims.get_mut(name) {
        *claim = value.into();
    }
}

fn remove(claims: &mut Value, name: &str) {
    claims.as_object_mut().and_then(|claims| claims.remove(name));
}

#[expect(clippy::expect_used, reason = "HMAC accepts keys of every length")]
fn hmac_sha256(secret: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("every length is valid");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}
