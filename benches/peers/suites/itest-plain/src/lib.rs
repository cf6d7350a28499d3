//! Empty: cargo wants a library or a binary beside the test target.
