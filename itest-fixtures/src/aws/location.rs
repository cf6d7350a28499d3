//! Where the server is, and the credentials of the tests there.

use itest_runtime::Error;

use crate::service::Address;
use crate::service::url::url_of;
use crate::sigv4::{Credentials, DEFAULT_REGION, Endpoint, ServerUrl};

/// The host of AWS itself. Each of its services has a host of its own below it.
const AWS_HOST: &str = "amazonaws.com";

/// The credentials for a private server, which verifies none.
const PRIVATE_KEY: &str = "itest";

/// The server at an address.
///
/// # Errors
///
/// When the text in the variable is no URL of a server, or the server has no port.
pub(super) fn endpoint_of(address: &Address) -> Result<Endpoint, Error> {
    let (host, port) = match address {
        Address::Variable(name) => return parse(name, &url_of(name)?),
        Address::Private(server) => {
            let port = server.port().ok_or_else(|| Error::new("the private server has no port"))?;
            ("127.0.0.1".to_owned(), port)
        }
        #[cfg(feature = "containers")]
        Address::Container(container) => (container.host.clone(), container.port),
    };
    let authority = format!("{host}:{port}");
    let credentials = Credentials { access_key: PRIVATE_KEY.to_owned(), secret_key: PRIVATE_KEY.to_owned() };
    Ok(Endpoint { url: format!("http://{authority}"), host, authority, region: DEFAULT_REGION.to_owned(), credentials })
}

fn parse(variable: &str, text: &str) -> Result<Endpoint, Error> {
    let url = ServerUrl::read(text).filter(|url| url.path.is_none()).ok_or_else(|| {
        Error::new(format!(
            "{variable} is no URL of AWS or of an imitation; write it as http://access-key:secret-key@localhost:4566?region={DEFAULT_REGION}, or as \
             https://access-key:secret-key@{AWS_HOST}?region=eu-central-1, and percent-encode special characters of the secret key: / is %2F, + is \
             %2B"
        ))
    })?;
    Ok(url.endpoint)
}

/// Whether this is AWS itself, whose services have different hosts.
pub(super) fn is_aws_itself(endpoint: &Endpoint) -> bool {
    endpoint.host == AWS_HOST
}

/// The same server, as clients of a service reach it.
pub(super) fn of_service(endpoint: &Endpoint, service: &str) -> Endpoint {
    if !is_aws_itself(endpoint) {
        return endpoint.clone();
    }
    let host = format!("{service}.{}.{AWS_HOST}", endpoint.region);
    Endpoint { url: format!("https://{host}"), authority: host.clone(), host, ..endpoint.clone() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_of_aws_itself_has_a_host_of_its_own() {
        let url = |text: &str, service: &str| of_service(&parse("ITEST_AWS_URL", text).unwrap(), service).url;
        assert_eq!(url("https://k:s@amazonaws.com?region=eu-west-1", "sqs"), "https://sqs.eu-west-1.amazonaws.com");
        assert_eq!(url("http://k:s@localhost:4566", "sqs"), "http://localhost:4566");
    }

    #[test]
    fn text_that_is_no_url_of_a_server_is_refused_without_its_secret() {
        for text in ["sqs://key:s3cret@h", "http://key:s3cret/x@h", "http://key:s3cret@h/orders"] {
            let message = parse("ITEST_AWS_URL", text).unwrap_err().to_string();
            assert!(message.starts_with("ITEST_AWS_URL is no URL") && !message.contains("s3cret"), "{text}: {message}");
        }
    }
}
