//! Where a server is, in a form that crosses from one process to another without its password.

use serde::{Deserialize, Serialize};

use itest_runtime::__private::variable;
use itest_runtime::Error;

#[cfg(feature = "containers")]
use super::container::Container;
use super::private_server::PrivateServer;

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Address {
    /// In the URL that an environment variable holds. The password stays there, because every process of the run can read it.
    Variable(String),
    /// In a folder: a server that was started for the run.
    Private(PrivateServer),
    /// At a port of a container that was started for the run.
    #[cfg(feature = "containers")]
    Container(Container),
}

impl Address {
    /// Whether nothing on the server outlives the run.
    pub(crate) fn is_private(&self) -> bool {
        !matches!(self, Self::Variable(_))
    }

    /// The private server, unless the address is another one.
    pub(crate) fn private(&self) -> Option<&PrivateServer> {
        if let Self::Private(server) = self { Some(server) } else { None }
    }

    /// Whether this is a private server that has ended, so that it will not answer again.
    pub(crate) fn has_ended(&self) -> bool {
        self.private().is_some_and(|server| server.process().is_none())
    }

    /// In words, without user and password. `place` is host and port of a URL.
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
