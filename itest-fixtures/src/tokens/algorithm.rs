//! The algorithms of signatures.

use std::fmt;

/// An algorithm with which an issuer signs its tokens (RFC 7518, RFC 8037). Its text is the value of `alg`, such as `ES256`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// ECDSA with the curve P-256 and SHA-256. The default, because a new key takes milliseconds.
    #[default]
    Es256,
    /// RSA with PKCS#1 v1.5, SHA-256 and keys of 2048 bits, the default of most identity providers. A new key takes up to seconds in a
    /// build without optimizations, so that later tests of the same process use the RSA keys of earlier ones again, with other key ids.
    Rs256,
    /// Ed25519. Its `alg` is `EdDSA`.
    EdDsa,
}

impl SigningAlgorithm {
    /// All algorithms.
    pub const ALL: [Self; 3] = [Self::Es256, Self::Rs256, Self::EdDsa];

    /// The value of `alg` in the header of a token.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Rs256 => "RS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

impl fmt::Display for SigningAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}
