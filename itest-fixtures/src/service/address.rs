//! The address of a server, in a form that is passed between processes without its password.

use serde::{Deserialize, Serialize};

use itest_runtime::__private::variable;
use itest_runtime::Error;

#[cfg(feature = "containers")]
use super::container::Container;
use super::private_server::PrivateServer;

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Address {
    /// The server of the URL in an environment variable. The password stays in the variable, because every process of the run can read it.
    Variable(String),
    /// A server in a folder, started for the run.
    Private(PrivateServer),
    /// A server at a port of a container, started for the run.
    #[cfg(feature = "containers")]
    Container(Container),
}

impl Address {
    /// Whether the server ends with the run, so that nothing on it needs to be dropped.
    pub(crate) fn is_private(&self) -> bool {
        !matches!(self, Self::Variable(_))
    }

    /// The private server, or `None` for another address.
    pub(crate) fn private(&self) -> Option<&PrivateServer> {
        if let Self::Private(server) = self { Some(server) } else { None }
    }

    /// Whether this is a private server that has ended, so that it will not answer again.
    pub(crate) fn has_ended(&self) -> bool {
        self.private().is_some_and(|server| server.process().is_none())
    }

    /// The address for a message, without user and password. `place` is host and port of a URL.
    pub(crate) fn in_words(&self, place: impl FnOnce() -> String) -> String {
        match self {
            Self::Variable(name) => format!("{} (from {name})", place()),
            Self::Private(server) => format!("a private server in {}", server.folder.display()),
            #[cfg(feature = "containers")]
            Self::Container(container) => container.in_words(),
        }
    }
}

/// The URL that a variable holds.
///
/// # Errors
///
/// When the variable is not set any more.
pub(crate) fn url_of(name: &str) -> Result<String, Error> {
    variable(name).ok_or_else(|| Error::new(format!("the variable {name} is not set any more")))
}
