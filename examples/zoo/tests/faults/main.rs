//! Small services with known weaknesses, and sound ones that look similar. All tests pass as long as nothing goes wrong; what happens
//! when a call fails is what `--faults` explores. `faults-key.toml` says what it must find.

mod fixtures;
mod sound;
mod weak;

itest::main!();
