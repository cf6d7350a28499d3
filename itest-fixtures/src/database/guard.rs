//! Whether a server looks like one for tests: itest makes and drops databases there.

use itest_runtime::__private::variable;
use itest_runtime::Error;

/// Lists servers that are for tests although they do not look like it: `host/database`, separated by commas.
const ALLOW: &str = "ITEST_DATABASE_ALLOW";

/// Whether somebody has said that this server is for tests.
pub(crate) fn is_allowed(host: &str, database: &str) -> bool {
    let title = format!("{host}/{database}");
    variable(ALLOW).is_some_and(|allowed| allowed.split(',').any(|allowed| allowed.trim() == title))
}

/// The refusal of a server; `name` is the variable with its URL.
pub(crate) fn refusal(name: &str, host: &str, database: &str, reason: &str) -> Error {
    let told = format!("If it is one, set {ALLOW}={host}/{database}");
    Error::new(format!("{name} does not look like a server for tests: {reason}. {told}"))
}

/// Why the URL of an application was not used, as the end of what is said of the server that was.
pub(crate) fn passed_over_in_words(reason: Option<&str>) -> String {
    let told = |reason: &str| match reason.strip_prefix("DATABASE_URL ") {
        Some(reason) => format!("; DATABASE_URL is not used: it {reason}"),
        None => format!("; DATABASE_URL is not used: {reason}"),
    };
    reason.map(told).unwrap_or_default()
}

/// What the address alone tells.
pub(crate) fn suspicion(host: &str, is_socket: bool, database: &str) -> Option<String> {
    const LIVE: [&str; 5] = ["prod", "production", "live", "staging", "master"];
    if !is_socket && !is_local(host) {
        return Some(format!("its host, {host}, is another machine"));
    }
    let words: Vec<_> = database.split(|character: char| !character.is_alphanumeric()).collect();
    let live = LIVE.iter().find(|live| words.iter().any(|word| word.eq_ignore_ascii_case(live)))?;
    Some(format!("its database, {database}, is called \"{live}\""))
}

fn is_local(host: &str) -> bool {
    host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_suspicious_by_its_host_and_by_its_name() {
        assert_eq!(suspicion("localhost", false, "postgres"), None);
        assert_eq!(suspicion("/var/run/postgresql", true, "alive_and_well"), None);
        assert!(suspicion("db.example.com", false, "test").is_some_and(|reason| reason.contains("another machine")));
        assert!(suspicion("127.0.0.1", false, "shop-PROD").is_some_and(|reason| reason.contains("\"prod\"")));
    }
}
