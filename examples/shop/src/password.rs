//! Stores passwords as hashes that are expensive to compute.

use argon2::password_hash::Error as HashError;
use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier};

use crate::error::Error;
use crate::secret::Secret;

/// The cost of hashing one password, for the service and for an attacker with a copy of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PasswordCost {
    /// Memory in KiB, at least 8.
    pub memory_kib: u32,
    /// Passes over that memory, at least 1.
    pub iterations: u32,
}

impl PasswordCost {
    /// The lowest cost that Argon2 allows, for tests that register many users.
    pub const MINIMAL: Self = Self { memory_kib: Params::MIN_M_COST, iterations: Params::MIN_T_COST };
}

impl Default for PasswordCost {
    /// The defaults that the authors of Argon2 recommend.
    fn default() -> Self {
        Self { memory_kib: Params::DEFAULT_M_COST, iterations: Params::DEFAULT_T_COST }
    }
}

/// Hashes a password with a fresh salt.
pub(crate) async fn hash(password: Secret, cost: PasswordCost) -> Result<String, Error> {
    run_blocking(move || {
        let params =
            Params::new(cost.memory_kib, cost.iterations, Params::DEFAULT_P_COST, None).map_err(Error::internal)?;
        let hash = Argon2::from(params).hash_password(password.reveal().as_bytes()).map_err(Error::internal)?;
        Ok(hash.to_string())
    })
    .await
}

/// Whether a password matches a hash. The hash contains its cost parameters.
pub(crate) async fn verify(password: Secret, hash: String) -> Result<bool, Error> {
    run_blocking(move || match Argon2::default().verify_password(password.reveal().as_bytes(), hash.as_str()) {
        Ok(()) => Ok(true),
        Err(HashError::PasswordInvalid) => Ok(false),
        Err(error) => Err(Error::internal(error)),
    })
    .await
}

/// Runs a closure on a blocking thread. Hashing takes milliseconds, and would delay other requests on an async worker thread.
async fn run_blocking<Output: Send + 'static>(
    work: impl FnOnce() -> Result<Output, Error> + Send + 'static,
) -> Result<Output, Error> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
