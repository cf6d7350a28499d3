//! Shared code of the benchmarks: samples of durations, Markdown tables, and the error type.

mod failure;
mod samples;
mod table;

pub use failure::{Context, Failure};
pub use samples::Samples;
pub use table::Table;
