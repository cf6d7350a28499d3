//! Empty async tests under libtest, each with the runtime that `#[tokio::test]` makes for it.

mod cases;
