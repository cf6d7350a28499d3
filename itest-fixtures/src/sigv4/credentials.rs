//! The credentials of a client.

use std::fmt;

/// An access key and its secret key.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:***", self.access_key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_key_is_not_shown() {
        let credentials = Credentials { access_key: "AKIA".to_owned(), secret_key: "s3cret".to_owned() };
        assert_eq!(format!("{credentials:?}"), "AKIA:***");
    }
}
