//! Tests of stand-ins: which stub answers, what it replies, and what the test reads back.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a panic fails the test")]

mod choice;
mod conditions;
mod faults;
mod recordings;
mod replies;
mod transport;

use itest::Api;

itest::main!();

/// A payment provider.
struct Payments;

impl Api for Payments {
    const NAME: &'static str = "payments";
}
