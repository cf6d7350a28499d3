//! The signature of a request: [AWS Signature Version 4](https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-header-based-auth.html).

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest as _, Sha256};

use super::credentials::Credentials;
use super::hex::hex;

/// The characters that a signed query encodes.
const IN_QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The characters that a signed path encodes.
const IN_PATH: &AsciiSet = &IN_QUERY.remove(b'/');

/// A request that is to be signed.
#[derive(Debug)]
pub(super) struct Unsigned<'a> {
    pub(super) method: &'a str,
    /// The path, encoded.
    pub(super) path: &'a str,
    /// The query, encoded and in order.
    pub(super) query: &'a str,
    /// The headers that are signed, with names in lower case, in the order of the names.
    pub(super) headers: &'a [(String, String)],
    /// The SHA-256 of the body, in hexadecimal digits.
    pub(super) body_hash: &'a str,
    /// The time, as `20130524T000000Z`.
    pub(super) time: &'a str,
}

/// For what a signature is valid.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    pub(super) region: &'a str,
    /// The name of the service, as AWS writes it in signatures: `s3`.
    pub(super) service: &'a str,
}

/// The value of the header `authorization`.
pub(super) fn authorization(request: &Unsigned<'_>, scope: Scope<'_>, credentials: &Credentials) -> String {
    let Unsigned { method, path, query, headers, body_hash, time } = request;
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}:{}", value.trim())).collect();
    // An empty line follows the headers.
    let canonical = format!("{method}\n{path}\n{query}\n{}\n\n{names}\n{body_hash}", lines.join("\n"));
    let date = time.get(..8).unwrap_or_default();
    let Scope { region, service } = scope;
    let scope = format!("{date}/{region}/{service}/aws4_request");
    let to_sign = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(canonical.as_bytes()));
    let secret = format!("AWS4{}", credentials.secret_key);
    let key =
        [date, region, service, "aws4_request"].iter().fold(secret.into_bytes(), |key, part| keyed_hash(&key, part));
    let signature = hex(&keyed_hash(&key, &to_sign));
    let access_key = &credentials.access_key;
    format!("AWS4-HMAC-SHA256 Credential={access_key}/{scope},SignedHeaders={names},Signature={signature}")
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// HMAC-SHA256.
fn keyed_hash(key: &[u8], text: &str) -> Vec<u8> {
    // A key of any length is valid.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

/// A path as it is signed and sent.
pub(super) fn encode_path(path: &str) -> String {
    utf8_percent_encode(path, IN_PATH).to_string()
}

/// A query as it is signed and sent.
pub(super) fn encode_query(pairs: &[(&str, &str)]) -> String {
    let encode = |text: &str| utf8_percent_encode(text, IN_QUERY).to_string();
    let mut pairs: Vec<String> =
        pairs.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
    pairs.sort();
    pairs.join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the documentation of S3.
    #[test]
    fn signature_of_the_example_for_s3_is_the_documented_one() {
        let empty = sha256(b"");
        let headers = [
            ("host", "examplebucket.s3.amazonaws.com"),
            ("range", "bytes=0-9"),
            ("x-amz-content-sha256", &empty),
            ("x-amz-date", "20130524T000000Z"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Unsigned {
            method: "GET",
            path: "/test.txt",
            query: "",
            headers: &headers,
            body_hash: &empty,
            time: "20130524T000000Z",
        };
        let credentials = Credentials {
            access_key: "AKIAIOSFODNN7EXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".to_owned(),
        };
        let expected = "Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41";
        let header = authorization(&request, Scope { region: "us-east-1", service: "s3" }, &credentials);
        assert!(header.ends_with(expected), "{header}");
    }

    /// The example of the general documentation of AWS, whose service is IAM.
    #[test]
    fn signature_of_the_example_for_another_service_is_the_documented_one() {
        let headers = [
            ("content-type", "application/x-www-form-urlencoded; charset=utf-8"),
            ("host", "iam.amazonaws.com"),
            ("x-amz-date", "20150830T123600Z"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let request = Unsigned {
            method: "GET",
            path: "/",
            query: &encode_query(&[("Action", "ListUsers"), ("Version", "2010-05-08")]),
            headers: &headers,
            body_hash: &sha256(b""),
            time: "20150830T123600Z",
        };
        let credentials = Credentials {
            access_key: "AKIDEXAMPLE".to_owned(),
            secret_key: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
        };
        let expected = "Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7";
        let header = authorization(&request, Scope { region: "us-east-1", service: "iam" }, &credentials);
        assert!(header.ends_with(expected), "{header}");
    }

    #[test]
    fn path_and_query_are_encoded_as_they_are_signed() {
        assert_eq!(encode_path("/b/a b+ü/c"), "/b/a%20b%2B%C3%BC/c");
        assert_eq!(encode_query(&[("uploads", ""), ("a", "/ ")]), "a=%2F%20&uploads=");
    }
}
