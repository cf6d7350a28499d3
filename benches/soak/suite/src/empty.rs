//! An empty program. The start of the session server is compared with its start.

fn main() {}
