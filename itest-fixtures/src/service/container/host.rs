//! Where the container engine is.

/// The variable that says where the engine is.
pub(super) const HOST: &str = "DOCKER_HOST";

/// Where it is unless the variable is set.
pub(super) const STANDARD_HOST: &str = "unix:///var/run/docker.sock";
