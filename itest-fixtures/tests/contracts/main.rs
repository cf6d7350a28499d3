//! Contracts, judged by test suites and descriptions that are not itest's.

#![expect(clippy::unwrap_used, reason = "a panic fails the test")]

mod descriptions;
mod schema_suite;

itest::main!();
