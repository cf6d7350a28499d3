//! Checks whether the server of a URL is for tests, because itest makes and deletes buckets there.

use itest_runtime::__private::variable;
use itest_runtime::Error;

use super::address::VARIABLE;
use super::client::{RemoteBucket, RemoteRequest};
use crate::production::{is_allowed, suspicion_of_host};
use crate::sigv4::ServerUrl;

/// The variable that lists servers which tests may use although they are not on this machine.
const ALLOW_VARIABLE: &str = "ITEST_S3_ALLOW";

/// Checks that tests may use a server, and that it answers, and describes it for the run's summary.
///
/// # Errors
///
/// When the server is not allowed, or does not accept the credentials.
pub(in crate::s3) async fn description(server: ServerUrl) -> Result<String, Error> {
    refuse_unless_for_tests(&server, variable(ALLOW_VARIABLE))?;
    let place = server.endpoint.authority.clone();
    // An empty name stands for the server itself, so this lists its buckets.
    let server = RemoteBucket::new(server.endpoint, String::new());
    let action = "list the buckets";
    let answer = server.send(RemoteRequest::default(), action).await?;
    answer.text().map_err(|error| server.failed(action, &error))?;
    let product = answer.0.headers.get("server").and_then(|product| product.to_str().ok());
    let product = product.map_or_else(String::new, |product| format!(" ({product})"));
    Ok(format!("S3{product} at {place} (from {VARIABLE}), a bucket for each test"))
}

/// Refuses a server that does not look like one for tests, unless the user has allowed it.
fn refuse_unless_for_tests(server: &ServerUrl, allowed: Option<String>) -> Result<(), Error> {
    let host = &server.endpoint.host;
    if let Some(bucket) = &server.path {
        return Err(Error::new(format!(
            "{VARIABLE} names the bucket {bucket}, and itest does not use it, because it would delete everything in it; remove the path of the \
             URL, and each test gets a bucket of its own"
        )));
    }
    let title = format!("{host}/*");
    let Some(reason) = suspicion_of_host(host).filter(|_| !is_allowed(allowed, &title)) else { return Ok(()) };
    let remedy = format!("If tests may make and delete buckets there, set {ALLOW_VARIABLE}={title}");
    Err(Error::new(format!("{VARIABLE} does not look like a server for tests: {reason}. {remedy}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(url: &str, allowed: Option<&str>) -> Option<String> {
        let server = super::super::address::parse(url).unwrap();
        refuse_unless_for_tests(&server, allowed.map(str::to_owned)).err().map(|error| error.to_string())
    }

    #[test]
    fn server_on_another_machine_must_be_allowed() {
        assert_eq!(refusal("http://key:secret@127.0.0.1:9000", None), None);
        let message = refusal("https://key:secret@s3.eu-central-1.amazonaws.com", None).unwrap();
        assert!(message.contains("set ITEST_S3_ALLOW=s3.eu-central-1.amazonaws.com/*"), "{message}");
        assert_eq!(refusal("http://key:secret@minio.test", Some("a/*, minio.test/*")), None);
    }

    #[test]
    fn bucket_of_the_user_is_refused() {
        let message = refusal("http://key:secret@127.0.0.1:9000/photos", Some("127.0.0.1/*")).unwrap();
        assert!(message.starts_with("ITEST_S3_URL names the bucket photos"), "{message}");
    }
}
