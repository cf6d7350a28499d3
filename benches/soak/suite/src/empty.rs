//! The least a Rust program can do: what the start of the session's server is measured against.

fn main() {}
