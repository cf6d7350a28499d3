//! Statistics of failure rates: intervals, comparison of two rates, and the number of runs that a conclusion needs.

mod beta;
mod binomial;
mod confidence;
mod interval;
mod posterior;
mod repeats;
mod stopping;
mod tally;
mod words;

pub(crate) use confidence::Confidence;
pub(crate) use posterior::probability_that_greater;
pub(crate) use repeats::runs_needed;
pub(crate) use stopping::{Comparison, StoppingRule};
pub(crate) use tally::{Run, Tally};
#[cfg(feature = "history")]
pub(crate) use words::percent;
