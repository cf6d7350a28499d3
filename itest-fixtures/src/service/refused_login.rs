//! The error of a server that refuses the user or the password.

use std::fmt;

use itest_runtime::Error;

/// The server refuses the user or the password. The caller does not try again, because the server would refuse the next attempt too.
#[derive(Debug)]
pub(crate) struct RefusedLogin(String);

impl RefusedLogin {
    /// The error with this message.
    #[cfg(feature = "_built-in-service")]
    pub(crate) fn error(message: String) -> Error {
        Error::from(Self(message))
    }

    /// Whether an error has this reason.
    #[cfg(feature = "containers")]
    pub(super) fn is_reason_of(error: &Error) -> bool {
        error.inner().is::<Self>()
    }
}

impl fmt::Display for RefusedLogin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for RefusedLogin {}
