//! The password of a server that itest starts.

use std::fmt;
use std::fs::File;
use std::io::Read;

use serde::{Deserialize, Serialize};

use itest_runtime::Error;

use crate::failure::failed_to;

/// A password that is generated for one server. It is passed between the run's own processes, and not shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Password(String);

impl Password {
    /// Generates a password of letters and digits.
    pub(crate) fn random() -> Result<Self, Error> {
        let mut bytes = [0; 16];
        let read = File::open("/dev/urandom").and_then(|mut file| file.read_exact(&mut bytes));
        read.map_err(|error| failed_to("make a password from /dev/urandom", &error))?;
        Ok(Self(format!("{:032x}", u128::from_ne_bytes(bytes))))
    }

    /// The secret text, for the server and its clients.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

#[cfg(feature = "_server-password")]
impl From<String> for Password {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_passwords_differ_and_are_not_shown() {
        let (one, other) = (Password::random().unwrap(), Password::random().unwrap());
        assert_ne!(one, other);
        assert_eq!(one.expose().len(), 32);
        assert_eq!(format!("{one:?}"), "Password");
    }
}
