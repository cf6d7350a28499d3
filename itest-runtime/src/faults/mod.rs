//! Layer 1, pure: the explorer of faults. It plans which fault each call of a test gets, judges how the test took it, and groups the
//! weaknesses that it finds by their cause.
//!
//! This module does not use a clock, the environment, files, processes or tokio.

mod cells;
mod findings;
mod verdict;

pub(crate) use cells::{Baseline, Cell, cells};
pub(crate) use findings::findings;
pub(crate) use verdict::judge;
