//! The user that a private server runs as, where tests run as root.

use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use itest_runtime::Error;

use super::failed_to;

/// Whose a private server's files and processes are, when this process is root's: servers refuse to run as root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    uid: u32,
    gid: u32,
}

impl Owner {
    /// Whoever shall own the server's files if it must be somebody else; the first of these users that there is.
    pub(crate) fn instead_of_root(server: &str, users: &[&str]) -> Result<Option<Self>, Error> {
        if !rustix::process::geteuid().is_root() {
            return Ok(None);
        }
        let known = fs::read_to_string("/etc/passwd").map_err(|error| failed_to("read /etc/passwd", &error))?;
        let found = users.iter().find_map(|name| Self::named(&known, name));
        let missing = || {
            let users = users.join("` or `");
            let told = "run the tests as another user, or set the URL of a server for tests";
            Error::new(format!(
                "{server} does not run as root, and there is no user `{users}` that it could run as; {told}"
            ))
        };
        found.map(Some).ok_or_else(missing)
    }

    fn named(users: &str, name: &str) -> Option<Self> {
        let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    }

    /// Makes a program run as this user.
    pub(crate) fn run(&self, command: &mut Command) {
        command.uid(self.uid).gid(self.gid);
    }

    /// Gives a file or a folder to this user.
    pub(crate) fn give(&self, path: &Path) -> io::Result<()> {
        chown(path, Some(self.uid), Some(self.gid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_in_the_list_of_users() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:104:106:,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(Owner::named(users, "postgres"), Some(Owner { uid: 104, gid: 106 }));
        assert_eq!(Owner::named(users, "nobody"), None);
    }
}
