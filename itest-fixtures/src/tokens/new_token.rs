//! Tokens by their claims.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::bad_form::Good;
use super::bad_token::BadToken;
use super::claims::{Claims, Validity};
use super::issuer_key::IssuerKey;
use super::key_set::KeySet;
use super::unsigned::Unsigned;

/// How long a token is valid by default.
const DEFAULT_LIFETIME: Duration = Duration::from_mins(5);

/// A description of tokens. [`sign`](Self::sign) makes a good one, and [`bad`](Self::bad) a bad one.
///
/// A token has the claims `iss`, `sub`, `aud`, `exp`, `iat`, `nbf` and `jti`. Without other instructions, the subject is `test-subject`, the
/// audience is `test-audience`, and the token is valid for five minutes.
///
/// # Examples
///
/// ```
/// use itest::{BadToken, NewToken, TokenIssuer};
///
/// /// A token of a customer of the shop.
/// fn customer(issuer: &TokenIssuer) -> NewToken {
///     issuer.token().subject("ann").audience("shop").role("customer")
/// }
///
/// fn tokens(issuer: &TokenIssuer) -> [String; 3] {
///     let customer = customer(issuer);
///     [customer.sign(), customer.clone().role("admin").sign(), customer.bad(BadToken::Expired)]
/// }
/// ```
#[derive(Clone)]
#[must_use = "a description is no token: call `sign` or `bad`"]
pub struct NewToken {
    keys: Arc<KeySet>,
    claims: Claims,
    lifetime: Duration,
    /// Members of the header that the test sets.
    header: Map<String, Value>,
}

impl NewToken {
    pub(super) fn new(keys: Arc<KeySet>, issuer: String) -> Self {
        Self { keys, claims: Claims::new(issuer), lifetime: DEFAULT_LIFETIME, header: Map::new() }
    }

    /// The user or the service that the token is about (`sub`).
    pub fn subject(self, subject: impl Into<String>) -> Self {
        self.claim("sub", subject.into())
    }

    /// The service that the token is for (`aud`). For several audiences, use `claim("aud", json!(["shop", "bank"]))`.
    pub fn audience(self, audience: impl Into<String>) -> Self {
        self.claim("aud", audience.into())
    }

    /// Adds a role to the list of roles, which is the claim `roles` unless [`roles_at`](Self::roles_at) names another place.
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.claims.roles.push(role.into());
        self
    }

    /// The JSON pointer (RFC 6901) of the roles, such as `/realm_access/roles` for Keycloak. A slash in a name is `~1`.
    ///
    /// # Panics
    ///
    /// If the text is no JSON pointer of a claim.
    #[track_caller]
    pub fn roles_at(mut self, pointer: &str) -> Self {
        assert!(
            pointer.starts_with('/'),
            "{pointer:?} is no JSON pointer of a claim: write \"/{pointer}\", and ~1 for a slash in a name"
        );
        pointer.clone_into(&mut self.claims.roles_pointer);
        self
    }

    /// Adds a scope to the claim `scope`, which separates scopes by spaces (RFC 8693).
    pub fn scope(mut self, scope: impl Into<String>) -> Self {
        self.claims.scopes.push(scope.into());
        self
    }

    /// Sets a claim, also one of the standard claims.
    pub fn claim(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.claims.set.insert(name.into(), value.into());
        self
    }

    /// Leaves a claim out. To test that a service refuses tokens without a claim, use [`bad`](Self::bad) for the usual ones.
    pub fn without_claim(mut self, name: impl Into<String>) -> Self {
        self.claims.removed.push(name.into());
        self
    }

    /// How long the token is valid, in whole seconds.
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets a member of the header, such as `header("typ", "at+jwt")` for access tokens of RFC 9068.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.header.insert(name.into(), value.into());
        self
    }

    /// A token that is valid from now on, signed with the current key of the issuer.
    #[must_use]
    pub fn sign(&self) -> String {
        let key = self.keys.current();
        self.unsigned(Validity::from_now(self.lifetime), &key).signed(|input| key.sign(input))
    }

    /// A token that is like the good one but for one property.
    ///
    /// # Panics
    ///
    /// If the bad token would be the good one, for example one with a wrong role if the good token has neither a role nor a scope.
    #[must_use]
    #[track_caller]
    pub fn bad(&self, kind: BadToken) -> String {
        let (key, validity) = (self.keys.current(), Validity::from_now(self.lifetime));
        let token = self.unsigned(validity, &key);
        let roles_pointer = &self.claims.roles_pointer;
        Good { token, validity, roles_pointer, keys: &self.keys, key: &key }.into_bad(kind)
    }

    pub(super) fn scopes(&self) -> &[String] {
        &self.claims.scopes
    }

    pub(super) fn lifetime_seconds(&self) -> u64 {
        self.lifetime.as_secs()
    }

    /// The token of a client that acts for itself. It is the subject, unless the test has set another one (RFC 9068, section 2.2).
    pub(super) fn for_client(mut self, id: &str, scopes: Vec<String>) -> Self {
        for name in ["sub", "client_id"] {
            self.claims.set.entry(name).or_insert_with(|| id.into());
        }
        self.claims.scopes = scopes;
        self
    }

    fn unsigned(&self, validity: Validity, key: &IssuerKey) -> Unsigned {
        let mut header = json!({"alg": key.algorithm().name(), "typ": "JWT", "kid": key.id()});
        for (name, value) in &self.header {
            header[name] = value.clone();
        }
        Unsigned { header, claims: self.claims.to_json(validity) }
    }
}

impl fmt::Debug for NewToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The claims are left out, because those of a test may be secret.
        formatter.debug_struct("NewToken").field("issuer", &self.claims.issuer).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use base64ct::{Base64UrlUnpadded, Encoding};
    use itest_runtime::__private::redacted;

    use super::super::algorithm::SigningAlgorithm;
    use super::*;

    fn token() -> NewToken {
        let keys = Arc::new(KeySet::generate(SigningAlgorithm::EdDsa));
        NewToken::new(keys, "http://issuer".to_owned()).role("customer").scope("read")
    }

    /// Header, claims and signature.
    fn parts(token: &str) -> (Value, Value, String) {
        let json = |part: &str| serde_json::from_slice(&Base64UrlUnpadded::decode_vec(part).unwrap()).unwrap();
        let parts: Vec<&str> = token.split('.').collect();
        (json(parts[0]), json(parts[1]), parts[2].to_owned())
    }

    /// The names of the members in which two objects differ.
    fn differences(one: &Value, other: &Value) -> Vec<String> {
        let (one, other) = (one.as_object().unwrap(), other.as_object().unwrap());
        let mut names: Vec<&String> =
            one.keys().chain(other.keys()).filter(|name| one.get(*name) != other.get(*name)).collect();
        names.sort();
        names.dedup();
        names.into_iter().cloned().collect()
    }

    #[test]
    fn bad_token_differs_from_the_good_one_only_in_its_property() {
        // The ids of tokens always differ.
        let token = token().claim("jti", "1");
        let (good_header, good_claims, _) = parts(&token.sign());
        for kind in BadToken::ALL {
            let (header, claims): (&[&str], &[&str]) = match kind {
                BadToken::NotAToken => continue,
                BadToken::WrongKey | BadToken::Truncated => (&[], &[]),
                BadToken::UnknownKey => (&["kid"], &[]),
                BadToken::EmbeddedKey => (&["jwk"], &[]),
                BadToken::AlgorithmNone | BadToken::HmacWithPublicKey => (&["alg"], &[]),
                BadToken::Tampered | BadToken::MissingSubject => (&[], &["sub"]),
                BadToken::Expired => (&[], &["exp", "iat", "nbf"]),
                BadToken::NotYetValid => (&[], &["exp", "nbf"]),
                BadToken::WrongAudience | BadToken::MissingAudience => (&[], &["aud"]),
                BadToken::WrongIssuer | BadToken::MissingIssuer => (&[], &["iss"]),
                BadToken::WrongRole => (&[], &["roles", "scope"]),
                BadToken::MissingExpiry => (&[], &["exp"]),
            };
            let (bad_header, bad_claims, _) = parts(&token.bad(kind));
            assert_eq!(differences(&good_header, &bad_header), header, "{kind}");
            // The clock may have moved on by a second.
            let moved =
                |name: &String| claims.contains(&name.as_str()) || !["exp", "iat", "nbf"].contains(&name.as_str());
            let changed: Vec<String> = differences(&good_claims, &bad_claims).into_iter().filter(moved).collect();
            assert_eq!(changed, claims, "{kind}");
        }
    }

    #[test]
    fn messages_and_debug_output_contain_no_token() {
        let token = token().claim("jti", "1");
        for text in std::iter::once(token.sign()).chain(BadToken::ALL.map(|kind| token.bad(kind))) {
            if text.contains('.') {
                assert_eq!(redacted(&format!("left: {text:?}")), "left: \"***\"");
            }
        }
        assert_eq!(format!("{token:?}"), "NewToken { issuer: \"http://issuer\", .. }");
    }

    #[test]
    fn wrong_role_replaces_roles_at_their_pointer() {
        let token = token().roles_at("/realm_access/roles");
        let (_, claims, _) = parts(&token.bad(BadToken::WrongRole));
        assert_eq!(claims["realm_access"], json!({"roles": ["wrong-role"]}));
        assert_eq!(claims["scope"], "wrong-scope");
    }

    #[test]
    fn change_that_the_good_token_has_already_is_refused() {
        let token = token().without_claim("aud");
        let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| token.bad(BadToken::MissingAudience)));
        let message = *refused.unwrap_err().downcast::<String>().unwrap();
        assert!(message.starts_with("cannot make a bad token of the kind missing-audience: "), "{message}");
    }
}
