//! Hundreds of small tests that take all kinds of resources, and look whether they are there while they use them.
//!
//! The driver sets `SOAK_JOURNAL`, a file in which everything taken is noted; `SOAK_OUTSIDE`, a folder for things that no process
//! holds; and `SOAK_ADDRESS`, on which children listen.

mod green;
mod leaky;
mod red;
mod resources;
mod surroundings;

itest::main!();
