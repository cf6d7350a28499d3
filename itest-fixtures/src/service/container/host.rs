//! The address of the container engine.

/// The variable with the address of the engine.
pub(super) const HOST: &str = "DOCKER_HOST";

/// The address if the variable is not set.
pub(super) const STANDARD_HOST: &str = "unix:///var/run/docker.sock";
