//! Floor 1, pure: finds tests that lie, says what kind of lie it is, and who is behind it.
//!
//! Probes are run by a [`Laboratory`]; nothing here knows a clock, the environment, files, processes, tokio or randomness.

mod bisect;
mod detective;
mod examine;
mod experiment;
mod log;
mod meetings;
mod probe;
#[cfg(test)]
mod simulation;
mod statistics;

pub(crate) use detective::{Detection, Note, Subject, detect, explain};
pub(crate) use probe::{Laboratory, Noise, Probe, Sighting, Spot, Stopped};
pub(crate) use statistics::{Confidence, Tally};
#[cfg(feature = "history")]
pub(crate) use statistics::{percent, probability_that_greater};
