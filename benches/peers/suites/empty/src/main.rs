//! The least a Rust program can do: what the start of a test binary is measured against.

fn main() {}
