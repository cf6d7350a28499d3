//! A key of an issuer: signs tokens, and describes its public half for verifiers.

use std::fmt;

use p256::ecdsa::signature::Signer;
use p256::elliptic_curve::Generate;
use p256::pkcs8::{EncodePublicKey, LineEnding};
use rsa::traits::PublicKeyParts;
use serde_json::{Map, Value, json};

use super::algorithm::SigningAlgorithm;
use super::random::{random_bytes, random_id};
use super::rsa_key::RsaKey;
use super::unsigned::encoded;

/// A pair of keys with an id.
pub(super) struct IssuerKey {
    id: String,
    pair: KeyPair,
}

/// A private key, from which the public one follows.
enum KeyPair {
    Es256(p256::ecdsa::SigningKey),
    Rs256(RsaKey),
    EdDsa(ed25519_dalek::SigningKey),
}

impl IssuerKey {
    pub(super) fn generate(algorithm: SigningAlgorithm) -> Self {
        let pair = match algorithm {
            SigningAlgorithm::Es256 => KeyPair::Es256(p256::ecdsa::SigningKey::generate()),
            SigningAlgorithm::Rs256 => KeyPair::Rs256(RsaKey::acquire()),
            SigningAlgorithm::EdDsa => KeyPair::EdDsa(ed25519_dalek::SigningKey::from_bytes(&random_bytes())),
        };
        // The id is random and not a hash of the key, because an RSA key is used again with another id.
        Self { id: random_id(), pair }
    }

    /// The value of `kid` in the headers of tokens.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    pub(super) fn algorithm(&self) -> SigningAlgorithm {
        match &self.pair {
            KeyPair::Es256(_) => SigningAlgorithm::Es256,
            KeyPair::Rs256(_) => SigningAlgorithm::Rs256,
            KeyPair::EdDsa(_) => SigningAlgorithm::EdDsa,
        }
    }

    /// The signature in the form of RFC 7518.
    pub(super) fn sign(&self, signing_input: &str) -> Vec<u8> {
        let message = signing_input.as_bytes();
        match &self.pair {
            KeyPair::Es256(key) => {
                let signature: p256::ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
            KeyPair::Rs256(key) => key.sign(message),
            KeyPair::EdDsa(key) => key.sign(message).to_bytes().to_vec(),
        }
    }

    /// The public key as a JSON web key (RFC 7517).
    pub(super) fn public_jwk(&self) -> Value {
        let mut jwk = Map::new();
        let mut insert = |name: &str, value: Value| jwk.insert(name.to_owned(), value);
        match &self.pair {
            KeyPair::Es256(key) => {
                let point = key.verifying_key().to_sec1_point(false);
                let coordinate = |bytes: Option<&p256::FieldBytes>| bytes.map(|bytes| encoded(bytes));
                insert("kty", "EC".into());
                insert("crv", "P-256".into());
                insert("x", json!(coordinate(point.x())));
                insert("y", json!(coordinate(point.y())));
            }
            KeyPair::Rs256(key) => {
                insert("kty", "RSA".into());
                insert("n", encoded(&key.public_key().n_bytes()).into());
                insert("e", encoded(&key.public_key().e_bytes()).into());
            }
            KeyPair::EdDsa(key) => {
                insert("kty", "OKP".into());
                insert("crv", "Ed25519".into());
                insert("x", encoded(key.verifying_key().as_bytes()).into());
            }
        }
        insert("use", "sig".into());
        insert("alg", self.algorithm().name().into());
        insert("kid", self.id.clone().into());
        Value::Object(jwk)
    }

    /// The public key in the PEM format (RFC 7468).
    #[expect(clippy::expect_used, reason = "a generated key can always be encoded")]
    pub(super) fn public_pem(&self) -> String {
        let pem = match &self.pair {
            KeyPair::Es256(key) => key.verifying_key().to_public_key_pem(LineEnding::LF),
            KeyPair::Rs256(key) => key.public_key().to_public_key_pem(LineEnding::LF),
            KeyPair::EdDsa(key) => key.verifying_key().to_public_key_pem(LineEnding::LF),
        };
        pem.expect("the key was generated")
    }
}

impl fmt::Debug for IssuerKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key itself is left out, because it is a secret.
        write!(formatter, "IssuerKey({} {})", self.algorithm(), self.id)
    }
}
