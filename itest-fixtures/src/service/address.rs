//! The address of a server, in a form that is passed between processes without its password.

use serde::{Deserialize, Serialize};

#[cfg(feature = "containers")]
use super::container::Container;
#[cfg(feature = "_run-server")]
use super::lifetime::Lifetime;
use super::private_server::{LOG_FOLLOWS, PrivateServer};

/// The address of a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Address {
    /// The server of the URL in an environment variable. The password stays in the variable, because every process of the run can read it.
    Variable(String),
    /// A server in a folder, started for the run, or kept by an earlier one.
    Private(PrivateServer),
    /// A server at a port of a container, started for the run.
    #[cfg(feature = "containers")]
    Container(Container),
}

impl Address {
    /// Whether itest has started the server.
    pub(crate) fn is_private(&self) -> bool {
        !matches!(self, Self::Variable(_))
    }

    /// Whether the server ends with the run, so that nothing on it needs to be dropped.
    #[cfg(any(feature = "_api-server", feature = "_database-server"))]
    pub(crate) fn ends_with_run(&self) -> bool {
        match self {
            Self::Variable(_) => false,
            Self::Private(server) => server.lifetime() == Lifetime::Run,
            #[cfg(feature = "containers")]
            Self::Container(_) => true,
        }
    }

    /// Whether itest has started the server, and the next run uses it again.
    #[cfg(feature = "_api-server")]
    pub(crate) fn is_kept(&self) -> bool {
        self.is_private() && !self.ends_with_run()
    }

    /// The same address of a server that stays for another time.
    #[cfg(feature = "_run-server")]
    pub(super) fn with_lifetime(mut self, lifetime: Lifetime) -> Self {
        if let Self::Private(server) = &mut self {
            server.set_lifetime(lifetime);
        }
        self
    }

    /// Whether the server is in a container.
    #[cfg(feature = "any-service")]
    pub(crate) fn is_container(&self) -> bool {
        match self {
            Self::Variable(_) | Self::Private(_) => false,
            #[cfg(feature = "containers")]
            Self::Container(_) => true,
        }
    }

    /// The private server, or `None` for another address.
    pub(crate) fn private(&self) -> Option<&PrivateServer> {
        if let Self::Private(server) = self { Some(server) } else { None }
    }

    /// The port at which a server that itest has started is administered, if it has one.
    #[cfg(feature = "_api-server")]
    pub(crate) fn api_port(&self) -> Option<u16> {
        match self {
            Self::Variable(_) => None,
            Self::Private(server) => server.api_port(),
            #[cfg(feature = "containers")]
            Self::Container(container) => container.api_port,
        }
    }

    /// Whether this is a private server that has ended. It may be started again.
    pub(crate) fn has_ended(&self) -> bool {
        self.private().is_some_and(|server| server.process().is_none())
    }

    /// Whether this is a private server that has ended and could not be started again.
    #[cfg(any(feature = "_awaited-run-server", feature = "_database-server"))]
    pub(crate) fn is_lost(&self) -> bool {
        self.has_ended() && self.private().is_some_and(|server| server.restart_error().is_some())
    }

    /// How often this server, if itest has started it from its program, has ended.
    #[cfg(feature = "_awaited-run-server")]
    pub(crate) fn ends(&self) -> usize {
        self.private().map_or(0, PrivateServer::ends)
    }

    /// What follows the message that this server has ended: why itest has killed it, if it has.
    #[cfg(feature = "_run-server")]
    pub(crate) fn reason_of_kill(&self) -> String {
        let reason = self.private().and_then(PrivateServer::reason_of_kill);
        reason.map(|reason| format!(" (itest has killed it, because {reason})")).unwrap_or_default()
    }

    /// What follows the error of a connection if this is a private server that has ended: why it could not be started again, and the end of
    /// its log.
    pub(crate) fn end_of_log(&self) -> Option<String> {
        let server = self.private().filter(|_| self.has_ended())?;
        let restart = server.restart_error().map(|error| format!("; it could not be started again: {error}"));
        Some(format!("{}{LOG_FOLLOWS}{}", restart.unwrap_or_default(), server.end_of_log()))
    }

    /// The name under which a test locks the server for its exclusive use. `place` is host and port.
    #[cfg(feature = "_exclusive")]
    pub(crate) fn name_for_lock(&self, place: String) -> String {
        match self {
            // The file of the lock is removed with the container, so it must not be that of a later server at the same port.
            #[cfg(feature = "containers")]
            Self::Container(container) => container.name.clone(),
            _ => place,
        }
    }

    /// The address for a message, without user and password. `place` is host and port of a URL.
    pub(crate) fn in_words(&self, place: impl FnOnce() -> String) -> String {
        match self {
            Self::Variable(name) => format!("{} (from {name})", place()),
            Self::Private(server) => format!("a private server in {}{}", server.folder.display(), server.lifetime()),
            #[cfg(feature = "containers")]
            Self::Container(container) => container.in_words(),
        }
    }
}
