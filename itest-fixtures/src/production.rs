//! Whether the host of a server shows that it is not for tests, and which servers the user has allowed.

/// The reason why a server at another machine is not used, or none if the host is this machine.
pub(crate) fn suspicion_of_host(host: &str) -> Option<String> {
    let is_local = host == "localhost" || host == "::1" || host == "[::1]" || host.starts_with("127.");
    (!is_local).then(|| format!("its host, {host}, is another machine"))
}

/// Whether the user has allowed a server and a namespace, in a list that is separated by commas.
pub(crate) fn is_allowed(list: Option<String>, title: &str) -> bool {
    list.is_some_and(|list| list.split(',').any(|allowed| allowed.trim() == title))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_of_another_machine_is_suspicious() {
        assert_eq!((suspicion_of_host("localhost"), suspicion_of_host("127.0.0.9")), (None, None));
        assert!(suspicion_of_host("db.example.com").is_some_and(|reason| reason.contains("another machine")));
    }

    #[test]
    fn allowed_servers_are_separated_by_commas() {
        let list = || Some("db.example.com/test, 127.0.0.1/*".to_owned());
        assert!(is_allowed(list(), "127.0.0.1/*") && !is_allowed(list(), "127.0.0.1/a") && !is_allowed(None, ""));
    }
}
