//! The server that the variable names.

use itest_runtime::__private::variable;
use itest_runtime::Error;

use crate::sigv4::{DEFAULT_REGION, ServerUrl};

/// The variable with the URL.
pub(in crate::s3) const VARIABLE: &str = "ITEST_S3_URL";

/// The server in the variable, or `None` if it is not set.
///
/// # Errors
///
/// When the text in the variable is no URL of a server.
pub(in crate::s3) fn server_of_variable() -> Result<Option<ServerUrl>, Error> {
    variable(VARIABLE).map(|text| parse(&text)).transpose()
}

/// Reads a URL.
///
/// # Errors
///
/// When the text is no URL of a server.
pub(super) fn parse(text: &str) -> Result<ServerUrl, Error> {
    ServerUrl::read(text).ok_or_else(|| {
        Error::new(format!(
            "{VARIABLE} is no URL of an object store; write it as http://access-key:secret-key@localhost:9000?region={DEFAULT_REGION}, \
             and percent-encode special characters of the secret key: / is %2F, + is %2B"
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_that_is_no_url_of_a_server_is_refused_without_its_secret() {
        for text in ["s3://key:s3cret@h", "http://key:s3cret/x@h"] {
            let message = parse(text).unwrap_err().to_string();
            assert!(message.starts_with(VARIABLE) && !message.contains("s3cret"), "{text}: {message}");
        }
    }
}
