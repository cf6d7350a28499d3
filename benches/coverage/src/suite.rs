//! A suite of 10,000 tests that declare integration points.

use itest::prelude::*;

itest::main!();

include!(concat!(env!("OUT_DIR"), "/tests.rs"));
