//! Keeps passwords as hashes that are expensive to guess.

use argon2::password_hash::Error as HashError;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};

use crate::error::Error;
use crate::secret::Secret;

/// How much work it is to hash one password, for us and for whoever steals the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB, at least 8.
    pub memory_kib: u32,
    /// Passes over that memory, at least 1.
    pub iterations: u32,
}

impl PasswordCost {
    /// The least Argon2 can do. For tests, where registering users must not take all the time.
    pub const MINIMAL: Self = Self { memory_kib: Params::MIN_M_COST, iterations: Params::MIN_T_COST };
}

impl Default for PasswordCost {
    /// What the authors of Argon2 recommend for signing in.
    fn default() -> Self {
        Self { memory_kib: Params::DEFAULT_M_COST, iterations: Params::DEFAULT_T_COST }
    }
}

/// Hashes a password with a fresh salt.
pub(crate) async fn hash(password: Secret, cost: PasswordCost) -> Result<String, Error> {
    in_background(move || {
        let params =
            Params::new(cost.memory_kib, cost.iterations, Params::DEFAULT_P_COST, None).map_err(Error::internal)?;
        let hash = Argon2::from(params).hash_password(password.reveal().as_bytes()).map_err(Error::internal)?;
        Ok(hash.to_string())
    })
    .await
}

/// Whether a password is the one that was hashed. The hash itself says how expensive it was.
pub(crate) async fn verify(password: Secret, hash: String) -> Result<bool, Error> {
    in_background(move || match Argon2::default().verify_password(password.reveal().as_bytes(), hash.as_str()) {
        Ok(()) => Ok(true),
        Err(HashError::PasswordInvalid) => Ok(false),
        Err(error) => Err(Error::internal(error)),
    })
    .await
}

/// Hashing takes milliseconds on purpose; on an async worker thread, other requests would wait.
async fn in_background<Output: Send + 'static>(
    work: impl FnOnce() -> Result<Output, Error> + Send + 'static,
) -> Result<Output, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
