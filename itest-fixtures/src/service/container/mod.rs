//! Servers in containers: the engine, the container of a service, its readiness, and its removal after the run, even after a crash.

#[cfg(feature = "_startable-service")]
mod creation;
mod engine;
mod host;
mod image;
#[cfg(feature = "any-service")]
mod inspection;
mod own_container;
#[cfg(feature = "_startable-service")]
mod removal;
#[cfg(feature = "_startable-service")]
mod running;
#[cfg(feature = "_startable-service")]
mod settings;
#[cfg(feature = "_startable-service")]
mod spec;
#[cfg(feature = "_startable-service")]
mod starting;

#[cfg(feature = "_startable-service")]
pub(super) use spec::Spec;
#[cfg(feature = "_startable-service")]
pub(super) use starting::start;

pub(crate) use engine::Engine;
#[cfg(feature = "compose")]
pub(crate) use engine::{engine_at, engine_failed_to, engine_failed_to_remove};
#[cfg(feature = "compose")]
pub(crate) use host::{EngineHost, HOST, STANDARD_HOST};
#[cfg(feature = "_startable-service")]
pub(crate) use running::Container;
#[cfg(feature = "_startable-service")]
pub(crate) use settings::ContainerSettings;
#[cfg(feature = "_built-in-service")]
pub(crate) use settings::MEMORY;
