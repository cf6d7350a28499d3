//! RSA keys, which are used again, because it takes long to generate them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use getrandom::SysRng;
use getrandom::rand_core::UnwrapErr;
use p256::ecdsa::signature::{SignatureEncoding, Signer};
use rsa::pkcs1v15::SigningKey;
use rsa::{PrivateKey, PublicKey};
use sha2::Sha256;

/// The length of the modulus, which RFC 7518 requires at least.
const KEY_BITS: usize = 2048;

/// The keys of this process whose issuers have ended.
static UNUSED_KEYS: KeyPool = KeyPool::new();

/// Keys that can be used again.
struct KeyPool(Mutex<Vec<Arc<SigningKey<Sha256>>>>);

impl KeyPool {
    const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    fn acquire(&'static self) -> RsaKey {
        let unused = self.lock().pop();
        RsaKey { key: unused.unwrap_or_else(|| Arc::new(SigningKey::new(generate()))), pool: self }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<SigningKey<Sha256>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An RSA key that no other issuer of this process has at the same time.
pub(super) struct RsaKey {
    key: Arc<SigningKey<Sha256>>,
    pool: &'static KeyPool,
}

impl RsaKey {
    /// A key of an issuer that has ended, or else a new one.
    pub(super) fn acquire() -> Self {
        UNUSED_KEYS.acquire()
    }

    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.key.sign(message).to_vec()
    }

    pub(super) fn public_key(&self) -> &PublicKey {
        let private: &PrivateKey = (*self.key).as_ref();
        private.as_public_key()
    }
}

impl Drop for RsaKey {
    fn drop(&mut self) {
        self.pool.lock().push(Arc::clone(&self.key));
    }
}

#[expect(clippy::expect_used, reason = "key generation fails only for lengths that are not supported")]
fn generate() -> PrivateKey {
    PrivateKey::new(&mut UnwrapErr(SysRng), KEY_BITS).expect("2048 bits are supported")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_is_used_again_only_after_its_issuer_has_ended() {
        static POOL: KeyPool = KeyPool::new();
        let (first, second) = (POOL.acquire(), POOL.acquire());
        assert_ne!(first.public_key(), second.public_key());
        let ended = second.public_key().clone();
        drop(second);
        assert_eq!(POOL.acquire().public_key(), &ended);
    }
}
