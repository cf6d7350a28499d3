//! The user and the password of a URL.

use std::fmt;

use percent_encoding::percent_decode_str;

/// The user and the password of a URL.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: String,
    pub(crate) password: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Login")
    }
}

impl Login {
    /// The login of a URL from its encoded user and password.
    pub(crate) fn decode(user: &str, password: Option<&str>) -> Self {
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        Self { user: decode(user), password: password.map(decode) }
    }
}
