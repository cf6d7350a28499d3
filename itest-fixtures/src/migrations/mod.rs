//! A suite's migrations, checked on a real database: up, down and up again, with rows in it.
//!
//! [`Check`] is the call; an [`Example`] says which rows a migration must keep.

mod check;
mod example;
mod journey;
mod memory;
mod problem;
mod released;
mod report;
mod schema;
mod step;
mod tour;

pub use check::Check;
pub use example::{Example, NO_ROWS};
#[cfg(feature = "sqlite")]
pub use memory::in_memory;
pub use problem::MigrationError;
pub use report::Report;

pub use crate::backend::Backend;
