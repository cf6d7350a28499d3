//! Servers in containers: the engine, the container of a service, its readiness, and its removal after the run, even after a crash.

mod engine;
mod host;
mod password;
mod removal;
mod running;
mod settings;
mod spec;
mod starting;

pub(super) use engine::Engine;
pub(super) use starting::start;

pub(crate) use running::Container;
pub(crate) use settings::{ContainerSettings, MEMORY};
