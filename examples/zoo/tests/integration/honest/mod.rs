//! Honest tests: they share the same state as the lying tests, but are correct.

mod alone;
mod clock;
mod files;
mod network;
mod process;
mod random;
mod rows;
