//! Shared code of the benchmarks: samples of durations, the time of a command, Markdown tables, and the error type.

mod command;
mod failure;
mod samples;
mod table;

pub use command::timed;
pub use failure::{Context, Failure};
pub use samples::Samples;
pub use table::Table;
