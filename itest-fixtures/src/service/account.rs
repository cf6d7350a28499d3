//! The account that a private server runs under if the tests run as root.

use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use itest_runtime::Error;

use crate::failure::failed_to;

/// The account that a private server runs under, because servers refuse to run as root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// The first of these accounts that exists on the system, or `None` if the tests do not run as root, because then the server does not
    /// either.
    ///
    /// # Errors
    ///
    /// When the system has none of them.
    pub(crate) fn instead_of_root(server: &str, accounts: &[&str]) -> Result<Option<Self>, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let known = fs::read_to_string("/etc/passwd").map_err(|error| failed_to("read /etc/passwd", &error))?;
        let account = accounts.iter().find_map(|name| Self::named(&known, name));
        let missing = || {
            let accounts = accounts.join("` or `");
            let remedy = "run the tests as another user, or set the URL of a server for tests";
            Error::new(format!(
                "{server} does not run as root, and there is no user `{accounts}` that it could run as; {remedy}"
            ))
        };
        account.map(Some).ok_or_else(missing)
    }

    fn named(users: &str, name: &str) -> Option<Self> {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    }

    /// Makes a program run under this account.
    pub(crate) fn run(&self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Makes this account the owner of a file or a folder.
    pub(crate) fn own(&self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_is_parsed_from_the_list_of_accounts() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:104:106:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(Account::named(users, "postgres"), Some(Account { uid: 104, gid: 106 }));
        assert_eq!(Account::named(users, "nobody"), None);
    }
}
