//! How the server of a service is set up in a container.

/// The folder in memory that the server's files are in.
pub(crate) const MEMORY: &str = "/itest";

/// How the server of a service is set up in a container.
#[derive(Debug)]
pub(crate) struct ContainerSettings {
    /// The variables of the image, without those of the password.
    pub(crate) environment: Vec<(&'static str, String)>,
    /// The variables of the image that hold the administrator's password.
    pub(crate) password_variables: &'static [&'static str],
    /// The arguments of the server.
    pub(crate) arguments: Vec<String>,
}
