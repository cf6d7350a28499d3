//! What the benchmarks share: times of one thing, tables of many, and why a benchmark could not go on.

mod failure;
mod samples;
mod table;

pub use failure::{Context, Failure};
pub use samples::Samples;
pub use table::Table;
