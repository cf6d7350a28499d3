//! A container whose server answers.

use serde::{Deserialize, Serialize};

use crate::service::password::Password;

/// A container whose server answers. All processes of the run know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Container {
    /// Its name in the engine.
    pub(crate) name: String,
    /// Its image.
    pub(crate) image: String,
    /// The host on which its port is open.
    pub(crate) host: String,
    /// The open port on this host.
    pub(crate) port: u16,
    /// The port there at which the server is administered, if it has one.
    #[cfg(feature = "_api-server")]
    pub(crate) api_port: Option<u16>,
    /// The password of the server's administrator.
    pub(crate) password: Password,
}

impl Container {
    /// The container for a message, without the password.
    pub(crate) fn in_words(&self) -> String {
        let Self { name, image, host, port, .. } = self;
        format!("{host}:{port} (the container {name} of {image})")
    }
}
