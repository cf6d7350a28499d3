//! The settings of a service's container.

/// The folder of the server's files inside of the container. The folder is in memory.
pub(crate) const MEMORY: &str = "/itest";

/// The settings of a service's container.
#[derive(Debug)]
pub(crate) struct ContainerSettings {
    /// The variables of the image, without those of the password.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// The variables of the image that hold the administrator's password.
    pub(crate) password_variables: Vec<&'static str>,
    /// The arguments of the server.
    pub(crate) arguments: Vec<String>,
}
