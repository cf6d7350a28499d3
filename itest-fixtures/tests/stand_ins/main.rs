//! Tests of stand-ins: which stub answers, what it replies, and what the test reads back.

mod choice;
mod conditions;
mod faults;
mod replies;
mod transport;

use itest::Api;

itest::main!();

/// A payment provider.
struct Payments;

impl Api for Payments {
    const NAME: &'static str = "payments";
}
