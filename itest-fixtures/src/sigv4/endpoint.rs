//! The URL of a server: `https://key:secret@host:port?region=…`.

use percent_encoding::percent_decode_str;
use url::Url;

use super::credentials::Credentials;

/// The region if the URL names none.
pub(crate) const DEFAULT_REGION: &str = "us-east-1";

/// A server, and the credentials of the tests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Endpoint {
    /// The URL of the server without credentials, path and query.
    pub(crate) url: String,
    pub(crate) host: String,
    /// The host with its port, as a client sends it.
    pub(crate) authority: String,
    pub(crate) region: String,
    pub(crate) credentials: Credentials,
}

/// A URL of a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ServerUrl {
    pub(crate) endpoint: Endpoint,
    /// The path, if the URL has one.
    pub(crate) path: Option<String>,
}

impl ServerUrl {
    /// Reads a URL. The result is `None` if it is none of a server, or if it has no credentials.
    pub(crate) fn read(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        let decode = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
        let credentials = Credentials { access_key: decode(url.username()), secret_key: decode(url.password()?) };
        // A secret key with a `/` that is not encoded ends the host of the URL.
        if credentials.access_key.is_empty() || url.path().contains('@') {
            return None;
        }
        let host = url.host_str()?.to_owned();
        let authority = url.port().map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let region = url.query_pairs().find(|(name, _)| name == "region").map(|(_, region)| region.into_owned());
        let path = Some(url.path().trim_matches('/')).filter(|path| !path.is_empty()).map(decode);
        let endpoint = Endpoint {
            url: format!("{}://{authority}", url.scheme()),
            host,
            authority,
            region: region.unwrap_or_else(|| DEFAULT_REGION.to_owned()),
            credentials,
        };
        Some(Self { endpoint, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_is_read_from_the_url() {
        let ServerUrl { endpoint, path } =
            ServerUrl::read("https://key:s%2Fc@s3.example.com/photos?region=eu-central-1").unwrap();
        assert_eq!((endpoint.url.as_str(), endpoint.authority.as_str()), ("https://s3.example.com", "s3.example.com"));
        assert_eq!((endpoint.credentials.secret_key.as_str(), endpoint.region.as_str()), ("s/c", "eu-central-1"));
        assert_eq!(path.as_deref(), Some("photos"));
        let ServerUrl { endpoint, path } = ServerUrl::read("http://key:secret@127.0.0.1:9000").unwrap();
        assert_eq!((endpoint.url.as_str(), endpoint.region.as_str()), ("http://127.0.0.1:9000", "us-east-1"));
        assert_eq!(path, None);
    }

    #[test]
    fn text_that_is_no_url_of_a_server_is_not_read() {
        for text in ["", "s3://key:s3cret@h", "http://h", "http://key@h", "http://key:s3cret/x@h", "http://:s3cret@h"] {
            assert_eq!(ServerUrl::read(text), None, "{text}");
        }
    }
}
