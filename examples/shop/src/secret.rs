//! Text that must not end up in a log.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A password or key. Its `Debug` output hides the text, so that printing a whole request or
/// configuration is safe; serializing it does not, because a client has to send it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// The hidden text.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl<Text: Into<String>> From<Text> for Secret {
    fn from(text: Text) -> Self {
        Self(text.into())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(…)")
    }
}
