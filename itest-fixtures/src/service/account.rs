//! The account that a private server runs under if the tests run as root.

use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use itest_runtime::Error;
use nix::unistd::User;

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
        for name in accounts {
            let user = User::from_name(name).map_err(|error| failed_to(&format!("look up the user {name}"), &error))?;
            if let Some(user) = user {
                return Ok(Some(Self { uid: user.uid.as_raw(), gid: user.gid.as_raw() }));
            }
        }
        let accounts = accounts.join("` or `");
        let remedy = "run the tests as another user, or set the URL of a server for tests";
        Err(Error::new(format!(
            "{server} does not run as root, and there is no user `{accounts}` that it could run as; {remedy}"
        )))
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
    fn first_known_account_is_used_instead_of_root() {
        let account = Account::instead_of_root("the server", &["no_such_user", "root"]).unwrap();
        let root = Account { uid: 0, gid: 0 };
        assert_eq!(account, rustix::process::geteuid().is_root().then_some(root));
    }

    #[test]
    fn error_names_all_missing_system_users() {
        let account = Account::instead_of_root("the server", &["no_such_user", "nor_this_one"]);
        if rustix::process::geteuid().is_root() {
            let message = account.unwrap_err().to_string();
            assert!(message.contains("there is no user `no_such_user` or `nor_this_one`"), "{message}");
        } else {
            assert_eq!(account.unwrap(), None);
        }
    }
}
