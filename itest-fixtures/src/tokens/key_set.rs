//! The keys of an issuer: the one that signs, those that it publishes, and how they rotate.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::algorithm::SigningAlgorithm;
use super::issuer_key::IssuerKey;

/// The keys of an issuer.
pub(super) struct KeySet(Mutex<Keys>);

struct Keys {
    current: Arc<IssuerKey>,
    /// Earlier keys that are still published, in their order.
    previous: Vec<Arc<IssuerKey>>,
    /// Earlier keys that are not published any longer. They are kept until the issuer ends, so that it does not get one of them again.
    revoked: Vec<Arc<IssuerKey>>,
    /// A key that is never published. It is generated for the first bad token that needs it.
    unpublished: Option<Arc<IssuerKey>>,
}

impl KeySet {
    pub(super) fn generate(algorithm: SigningAlgorithm) -> Self {
        let current = Arc::new(IssuerKey::generate(algorithm));
        Self(Mutex::new(Keys { current, previous: Vec::new(), revoked: Vec::new(), unpublished: None }))
    }

    /// The key that signs.
    pub(super) fn current(&self) -> Arc<IssuerKey> {
        Arc::clone(&self.lock().current)
    }

    /// A key of the same algorithm that the issuer never publishes.
    pub(super) fn unpublished(&self) -> Arc<IssuerKey> {
        let mut keys = self.lock();
        let algorithm = keys.current.algorithm();
        let usable = keys.unpublished.as_ref().filter(|key| key.algorithm() == algorithm).map(Arc::clone);
        let key = usable.unwrap_or_else(|| Arc::new(IssuerKey::generate(algorithm)));
        keys.unpublished = Some(Arc::clone(&key));
        key
    }

    /// Signs with a new key of the same algorithm from now on. The earlier ones stay published.
    pub(super) fn rotate(&self) {
        self.rotate_to(self.current().algorithm());
    }

    /// Signs with a new key of this algorithm from now on. The earlier ones stay published.
    pub(super) fn rotate_to(&self, algorithm: SigningAlgorithm) {
        // The lock is free while the key is generated, because requests for the published keys need it.
        let next = Arc::new(IssuerKey::generate(algorithm));
        let mut keys = self.lock();
        let previous = std::mem::replace(&mut keys.current, next);
        keys.previous.push(previous);
    }

    /// Publishes only the key that signs.
    pub(super) fn revoke_previous(&self) {
        let mut keys = self.lock();
        let previous = std::mem::take(&mut keys.previous);
        keys.revoked.extend(previous);
    }

    /// The published keys as a set of JSON web keys (RFC 7517). The key that signs is the first.
    pub(super) fn jwks(&self) -> Value {
        let keys: Vec<Value> = self.published().iter().map(|key| key.public_jwk()).collect();
        json!({ "keys": keys })
    }

    /// The algorithms of the published keys, without repetitions.
    pub(super) fn algorithms(&self) -> Vec<SigningAlgorithm> {
        let published = self.published();
        let is_used = |algorithm: &SigningAlgorithm| published.iter().any(|key| key.algorithm() == *algorithm);
        SigningAlgorithm::ALL.into_iter().filter(is_used).collect()
    }

    fn published(&self) -> Vec<Arc<IssuerKey>> {
        let keys = self.lock();
        std::iter::once(&keys.current).chain(keys.previous.iter().rev()).map(Arc::clone).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Keys> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KeySet {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.published()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn published_ids(keys: &KeySet) -> Vec<String> {
        let jwks = keys.jwks();
        jwks["keys"].as_array().unwrap().iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn rotation_publishes_the_new_key_beside_the_earlier_ones_until_they_are_revoked() {
        let keys = KeySet::generate(SigningAlgorithm::Es256);
        let first = keys.current().id().to_owned();
        keys.rotate();
        let second = keys.current().id().to_owned();
        assert_eq!(published_ids(&keys), [second.clone(), first]);
        keys.revoke_previous();
        assert_eq!(published_ids(&keys), [second]);
    }

    #[test]
    fn algorithms_are_those_of_the_published_keys() {
        let keys = KeySet::generate(SigningAlgorithm::EdDsa);
        keys.rotate_to(SigningAlgorithm::Es256);
        assert_eq!(keys.algorithms(), [SigningAlgorithm::Es256, SigningAlgorithm::EdDsa]);
        keys.revoke_previous();
        assert_eq!(keys.algorithms(), [SigningAlgorithm::Es256]);
    }

    #[test]
    fn key_for_bad_tokens_is_never_published() {
        let keys = KeySet::generate(SigningAlgorithm::Es256);
        let unpublished = keys.unpublished();
        assert!(!published_ids(&keys).iter().any(|id| id == unpublished.id()));
        assert_eq!(keys.unpublished().id(), unpublished.id());
        keys.rotate_to(SigningAlgorithm::EdDsa);
        assert_eq!(keys.unpublished().algorithm(), SigningAlgorithm::EdDsa);
    }

    #[test]
    fn debug_output_contains_no_key() {
        let keys = KeySet::generate(SigningAlgorithm::EdDsa);
        let id = keys.current().id().to_owned();
        assert_eq!(format!("{keys:?}"), format!("[IssuerKey(EdDSA {id})]"));
    }

    /// RFC 7517, RFC 7518 and RFC 8037 require these members.
    #[test]
    fn public_key_has_the_members_of_its_type_and_no_private_ones() {
        for (algorithm, members) in [
            (SigningAlgorithm::Es256, &["kty", "crv", "x", "y"][..]),
            (SigningAlgorithm::Rs256, &["kty", "n", "e"][..]),
            (SigningAlgorithm::EdDsa, &["kty", "crv", "x"][..]),
        ] {
            let jwk = IssuerKey::generate(algorithm).public_jwk();
            let mut expected: Vec<&str> = members.iter().chain(&["use", "alg", "kid"]).copied().collect();
            expected.sort_unstable();
            let mut actual: Vec<&str> = jwk.as_object().unwrap().keys().map(String::as_str).collect();
            actual.sort_unstable();
            assert_eq!(actual, expected, "{algorithm}");
        }
    }
}
