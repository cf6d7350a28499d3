//! The address of the container engine, and where it runs.

/// The variable with the address of the engine.
pub(crate) const HOST: &str = "DOCKER_HOST";

/// The address if the variable is not set.
pub(crate) const STANDARD_HOST: &str = "unix:///var/run/docker.sock";

/// The address of this machine for its own processes. The name `localhost` may resolve to an address of IPv6, where the engine does not listen.
pub(crate) const LOCALHOST: &str = "127.0.0.1";

/// Where the container engine runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum EngineHost {
    /// On this machine: 127.0.0.1 of the engine is that of this process.
    Local,
    /// Outside of the container that this process runs in.
    OutsideOfOwnContainer(Bridge),
    /// On another machine.
    Remote,
}

/// The bridge that connects the containers of a network with their engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bridge {
    pub(crate) network: String,
    /// The address of the engine on the bridge.
    pub(crate) gateway: String,
}
