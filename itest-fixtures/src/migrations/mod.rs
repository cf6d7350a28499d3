//! Checks the migrations of a suite on a real database: apply, undo and apply again, with rows in it.
//!
//! [`Check`] runs the check; an [`Example`] defines rows that the migrations must keep.

mod check;
mod database;
mod example;
mod memory;
mod problem;
mod released;
mod report;
mod roundtrip;
mod schema;
mod step;

pub use check::Check;
pub use example::{Example, NO_ROWS};
#[cfg(feature = "sqlite")]
pub use memory::in_memory;
pub use problem::MigrationError;
pub use report::Report;

pub use crate::backend::Backend;
