//! Tokens: an issuer of signed tokens for each test, good and bad tokens, and an OpenID discovery document with keys that rotate.

mod algorithm;
mod bad_form;
mod bad_token;
mod claims;
mod client_grant;
mod discovery;
mod issuer;
mod issuer_key;
mod key_set;
mod new_token;
mod random;
mod rsa_key;
mod unsigned;

pub use algorithm::SigningAlgorithm;
pub use bad_token::BadToken;
pub use issuer::TokenIssuer;
pub use new_token::NewToken;
