//! An empty program. The start of test binaries is compared with its start.

fn main() {}
