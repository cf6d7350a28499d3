//! A server in a container: found an engine for, started, waited for, and removed, whatever happens to the run.

mod engine;
mod recipe;
mod removal;
mod running;
mod secret;

pub(crate) use engine::Engine;
pub(crate) use recipe::{MEMORY, Recipe};
pub(crate) use running::Container;
pub(crate) use secret::Password;
