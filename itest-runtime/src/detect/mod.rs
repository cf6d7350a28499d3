//! Layer 1, pure: the detection of unreliable tests. It finds tests whose outcome depends on the order, on other tests
//! or on chance, classifies them, and names the tests that cause their failures.
//!
//! A [`ProbeRunner`] runs the probes. This module does not use a clock, the environment, files, processes, tokio or
//! random numbers.

mod bisect;
mod detector;
mod examine;
mod experiment;
mod log;
mod pairwise;
mod probe;
#[cfg(test)]
mod simulation;
mod statistics;

pub(crate) use detector::{Detection, DetectionProgress, Subject, detect, explain};
pub(crate) use probe::{Noise, Observation, Probe, ProbeRunner, Spot, Stopped};
pub(crate) use statistics::{Confidence, Tally};
#[cfg(feature = "history")]
pub(crate) use statistics::{percent, probability_that_greater};
