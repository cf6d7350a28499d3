//! Small services with known weaknesses, and sound services that look similar. Without a fault, all tests pass. `--faults` must find the
//! weaknesses that `faults-key.toml` names, and no other.

mod fixtures;
mod sound;
mod weak;

itest::main!();
