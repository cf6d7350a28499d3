//! Tests of the token issuer, judged by verifiers that are not itest's: the crate `jsonwebtoken` in a service, and the OpenID client
//! `openidconnect`.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic fails the test")]

mod bad_tokens;
mod clients;
mod lax_verifiers;
mod openid;
mod rotation;
mod shop;

itest::main!();
