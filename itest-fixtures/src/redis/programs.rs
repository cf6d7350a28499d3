//! Finds the installed programs of Redis or Valkey, and configures a private server.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use itest_runtime::__private::variable;
use itest_runtime::{Error, Program};

use super::address::ADMINISTRATOR;
use super::cleaner::LAST_COMMAND;
use super::version::Version;
use crate::service::password::Password;
use crate::service::{Account, PrivateServer, Programs, SERVER_PORT, write_secret};

/// The lowest version of a private server: older servers do not count subcommands, which the cleaning between tests needs.
const MIN_VERSION: Version = Version { major: 7, minor: 0 };

/// The name of the configuration file in the folder of a private server.
const CONFIGURATION: &str = "redis.conf";

/// The file with the process id of a private server.
pub(super) const PID_FILE: &str = "pid";

/// An installation of the programs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Installation {
    server: PathBuf,
    /// The product and its version: `Redis 7.0.15`.
    product: String,
    version: Version,
}

impl fmt::Display for Installation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.product)
    }
}

impl Installation {
    fn of(server: PathBuf) -> Option<Self> {
        let output = Command::new(&server).arg("--version").output().ok()?;
        let (product, version) = parse_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { server, product, version })
    }
}

impl Programs for Installation {
    const NAME: &'static str = "Redis";

    /// Searches the `PATH`, and then the folders of Debian and Homebrew.
    fn find() -> Option<Self> {
        let path = variable("PATH").unwrap_or_default();
        let standard_folders = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
        let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(standard_folders.map(PathBuf::from)).collect();
        let find = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|program| program.is_file());
        Self::of(find("redis-server").or_else(|| find("valkey-server"))?)
    }

    fn initialize(&self, folder: &Path, account: Option<&Account>) -> Result<(), Error> {
        if self.version < MIN_VERSION {
            let Self { server, product, .. } = self;
            return Err(Error::new(format!(
                "{} is {product}, and a private server needs at least {MIN_VERSION}: upgrade it, or set ITEST_REDIS_URL to a server for tests",
                server.display()
            )));
        }
        let administrator = PrivateServer::new_password(folder)?;
        let configuration = configuration(folder, &administrator, &Password::random()?);
        write_secret(&folder.join(CONFIGURATION), &configuration, account)
    }

    fn server(&self, folder: &Path) -> Program {
        Program::new(&self.server)
            .port(SERVER_PORT)
            .arg(folder.join(CONFIGURATION))
            .args(["--port".to_owned(), format!("{{port:{SERVER_PORT}}}")])
    }
}

/// The configuration of a private server. Its data are in memory only.
pub(super) fn configuration(folder: &Path, administrator: &Password, default: &Password) -> String {
    let (folder, pid_file) = (folder.display(), folder.join(PID_FILE));
    let (pid_file, administrator, default) = (pid_file.display(), administrator.expose(), default.expose());
    format!(
        "bind 127.0.0.1\n\
         daemonize no\n\
         dir \"{folder}\"\n\
         pidfile \"{pid_file}\"\n\
         save \"\"\n\
         appendonly no\n\
         # The title of the process would hide the folder, by which itest recognizes the process.\n\
         set-proc-title no\n\
         user default on ~* &* +@all -{LAST_COMMAND} >{default}\n\
         user {ADMINISTRATOR} on ~* &* +@all >{administrator}\n"
    )
}

/// The product and the version in the output of `--version`: `Redis server v=7.0.15 sha=00000000:0 …`.
fn parse_version(output: &str) -> Option<(String, Version)> {
    let product = output.split_whitespace().next()?;
    let number = output.split_whitespace().find_map(|word| word.strip_prefix("v="))?;
    Some((format!("{product} {number}"), Version::parse(number)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_from_the_output_of_both_products() {
        let read = |output| parse_version(output).map(|(product, version)| (product, version.to_string()));
        let expected = |product: &str, version: &str| Some((product.to_owned(), version.to_owned()));
        assert_eq!(read("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0"), expected("Redis 7.0.15", "7.0"));
        assert_eq!(read("Valkey server v=8.1.3 sha=00000000:0"), expected("Valkey 8.1.3", "8.1"));
        assert_eq!(read("no version"), None);
    }
}
