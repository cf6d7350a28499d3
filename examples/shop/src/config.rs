//! The configuration of the shop.

use std::time::Duration;

use crate::auth::Keys;
use crate::password::PasswordCost;
use crate::secret::Secret;

/// All settings of the shop. Start from [`Config::new`] and change single fields:
///
/// ```
/// use std::time::Duration;
///
/// let config = shop::Config {
///     gateway_timeout: Duration::from_millis(200),
///     ..shop::Config::new("http://127.0.0.1:9000", "a key of at least thirty-two bytes")
/// };
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    /// The base URL of the payment gateway, for example `http://127.0.0.1:9000`.
    pub gateway_url: String,
    /// How long one charge may take before the customer is told to try again.
    pub gateway_timeout: Duration,
    /// The secret that signs tokens. Its owner can make tokens for every user.
    pub token_key: Secret,
    /// How long a token is valid, in whole seconds.
    pub token_lifetime: Duration,
    /// The cost of hashing a password.
    pub password_cost: PasswordCost,
}

impl Config {
    /// A configuration with defaults for everything but the two required values.
    pub fn new(gateway_url: impl Into<String>, token_key: impl Into<Secret>) -> Self {
        Self {
            gateway_url: gateway_url.into(),
            gateway_timeout: Duration::from_secs(10),
            token_key: token_key.into(),
            token_lifetime: Duration::from_hours(1),
            password_cost: PasswordCost::default(),
        }
    }

    /// The keys that sign and check this shop's tokens.
    #[must_use]
    pub fn keys(&self) -> Keys {
        Keys::new(&self.token_key, self.token_lifetime)
    }
}
