//! Checks whether a server looks like one for tests, because itest creates and removes data there.

use itest_runtime::__private::variable;

#[cfg(feature = "_startable-service")]
use super::definition::Service;
use crate::production::{is_allowed, suspicion_of_host};
use itest_runtime::Error;

/// Words in the name of a namespace that is not for tests.
const PRODUCTION_WORDS: [&str; 5] = ["prod", "production", "live", "staging", "master"];

/// The target of a URL.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    /// The variable that holds the URL.
    pub(crate) variable: &'a str,
    pub(crate) host: &'a str,
    pub(crate) is_socket: bool,
    /// The name of the namespace, such as a database.
    pub(crate) namespace: &'a str,
}

/// How the user says what a server is for.
#[derive(Debug)]
pub(crate) struct Purpose {
    /// The variable that lists servers which tests may use although they do not look like servers for tests.
    pub(crate) allow_variable: &'static str,
    /// The term for a namespace of the service.
    pub(crate) namespace: &'static str,
}

/// Like [`refuse`], for a service that itest can start.
///
/// # Errors
///
/// As there.
#[cfg(feature = "_startable-service")]
pub(crate) async fn refuse_unless_for_tests<S: Service>(
    target: Target<'_>,
    in_use: impl Future<Output = Result<Option<String>, Error>>,
) -> Result<(), Error> {
    refuse(Purpose { allow_variable: S::ALLOW_VARIABLE, namespace: S::NAMESPACE }, target, in_use).await
}

/// Refuses a server that does not look like one for tests, unless the user has allowed it by name. `in_use` checks the namespace of the
/// URL, and returns the reason if it seems to be in use for something else.
///
/// # Errors
///
/// The error contains the reason, and how to allow the server.
pub(crate) async fn refuse(
    purpose: Purpose,
    target: Target<'_>,
    in_use: impl Future<Output = Result<Option<String>, Error>>,
) -> Result<(), Error> {
    let Target { variable: name, host, namespace, .. } = target;
    let title = format!("{host}/{namespace}");
    if is_allowed(variable(purpose.allow_variable), &title) {
        return Ok(());
    }
    let reason = match suspicion(&target, purpose.namespace) {
        None => in_use.await?,
        reason => reason,
    };
    reason.map_or(Ok(()), |reason| {
        let remedy = format!("If the server is for tests, set {}={title}", purpose.allow_variable);
        Err(Error::new(format!("{name} does not look like a server for tests: {reason}. {remedy}")))
    })
}

/// The part of the message about the used server that says why the application's URL was not used.
#[cfg(feature = "_startable-service")]
pub(crate) fn application_is_not_used<S: Service>(reason: Option<&str>) -> String {
    let name = S::APPLICATION_VARIABLE;
    let text = |reason: &str| match reason.strip_prefix(name) {
        Some(reason) => format!("; {name} is not used: it{reason}"),
        None => format!("; {name} is not used: {reason}"),
    };
    reason.map(text).unwrap_or_default()
}

/// The reason why the address alone looks like that of a server which is not for tests.
fn suspicion(&Target { host, is_socket, namespace, .. }: &Target<'_>, kind: &str) -> Option<String> {
    let of_host = if is_socket { None } else { suspicion_of_host(host) };
    of_host.or_else(|| suspicion_of_namespace(namespace, kind))
}

/// The reason why a namespace looks like one that is not for tests. `kind` is the term for it, such as `database`.
fn suspicion_of_namespace(namespace: &str, kind: &str) -> Option<String> {
    let words: Vec<_> = namespace.split(|character: char| !character.is_alphanumeric()).collect();
    let live = PRODUCTION_WORDS.iter().find(|live| words.iter().any(|word| word.eq_ignore_ascii_case(live)))?;
    Some(format!("the name of its {kind}, {namespace}, contains \"{live}\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_is_suspicious_by_its_host_and_by_its_namespace() {
        let suspicion =
            |host, is_socket, namespace| suspicion(&Target { variable: "", host, is_socket, namespace }, "database");
        assert_eq!(suspicion("localhost", false, "postgres"), None);
        assert_eq!(suspicion("/var/run/postgresql", true, "alive_and_well"), None);
        assert!(suspicion("db.example.com", false, "test").is_some_and(|reason| reason.contains("another machine")));
        assert!(suspicion("127.0.0.1", false, "shop-PROD").is_some_and(|reason| reason.contains("\"prod\"")));
    }
}
