//! A suite whose author forgot the `mod` line.

itest::main!();
