//! Empty async tests under itest.

#![allow(clippy::unused_async, reason = "the tests are async and do nothing")]

mod cases;

itest::main!();
