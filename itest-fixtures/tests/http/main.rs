//! Tests of the client and of the in-process server, on real frameworks.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic fails the test")]

mod bodies;
mod cookies;
mod exchanges;
mod frameworks;
mod requests;
mod responses;
mod streams;
mod upgrades;

itest::main!();
