//! The URL in a variable, and whether it can be parsed without exposing its password.

use itest_runtime::__private::variable;
use itest_runtime::Error;

/// The instruction for a URL with a password that contains special characters.
#[cfg(any(
    feature = "_database-server",
    feature = "_server-address",
    feature = "_url-service",
    feature = "_worker-server"
))]
pub(crate) const ENCODE: &str =
    "percent-encode special characters of the password: / is %2F, ? is %3F, # is %23, @ is %40";

/// Whether a URL has one of these schemes, and its password, if any, is where a parser expects it. A parser would take an unencoded
/// password with a `/` for a host, a port and a path, and show them in its error.
#[cfg(any(feature = "_database-server", feature = "_server-address", feature = "_worker-server"))]
pub(crate) fn is_readable(url: &str, schemes: &[&str]) -> bool {
    let Some(rest) = schemes.iter().find_map(|scheme| url.strip_prefix(scheme)) else { return false };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, behind) = rest.split_at(end);
    let (path, query) = behind.split_once('?').unwrap_or((behind, ""));
    // A value of the query may contain an `@`.
    let mut names = query.split('&').map(|pair| pair.split('=').next().unwrap_or_default());
    authority.contains('@') || !(path.contains('@') || query.contains('#') || names.any(|name| name.contains('@')))
}

/// The URL that a variable holds.
///
/// # Errors
///
/// When the variable is not set any more.
pub(crate) fn url_of(name: &str) -> Result<String, Error> {
    variable(name).ok_or_else(|| Error::new(format!("the variable {name} is not set any more")))
}

#[cfg(all(test, any(feature = "_database-server", feature = "_server-address", feature = "_worker-server")))]
mod tests {
    use super::*;

    #[test]
    fn password_that_is_not_encoded_makes_a_url_unreadable() {
        const SCHEMES: &[&str] = &["a://", "b://"];
        for url in ["a://u:p@h:1/d", "b://h", "a:///d?user=a@b&password=p@p", "a://u:p%23@h/d?x=1#", "a://h:1/d"] {
            assert!(is_readable(url, SCHEMES), "{url}");
        }
        for url in ["c://h", "nonsense", "a://u:1/p@h/d", "a://u:1#p@h/d", "a://u:1?p@h/d"] {
            assert!(!is_readable(url, SCHEMES), "{url}");
        }
    }
}
