//! Empty async tests under test-r.

#![allow(clippy::unused_async, reason = "the tests are async and do nothing")]

mod cases;

test_r::enable!();
