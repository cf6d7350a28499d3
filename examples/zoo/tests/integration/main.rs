//! A suite of tests that lie, one file for each way to do so, and of honest ones that are tempting to accuse.

mod application;
mod brittle;
mod broken;
mod contention;
mod environment;
mod flaky;
mod honest;
mod office;
mod repeated;
mod surroundings;
mod victims;

itest::main!();
