//! A suite of lying tests, one file for each kind of lie, and of honest tests that look similar.

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
