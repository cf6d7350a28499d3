//! A suite that reports the record of another run.

use itest::prelude::*;

itest::main!();

#[integration_test]
fn passes() {}
