//! Layer 1, pure: which integration points the tests declare, which their exchanges show, and which nothing has tested.
//!
//! This module does not use a clock, the environment, files, processes or tokio.

mod check;
mod collector;
#[cfg(test)]
mod collector_tests;
mod index;
mod observation;
mod point;
mod selection;
mod sql;
mod template;

pub(crate) use check::{CoverageLimits, LimitCheck, check_limits};
pub(crate) use collector::{CoverageCollector, DeclaringTest};
pub(crate) use point::Point;
pub(crate) use selection::PointSelection;
