//! Finds the installed server of NATS, and configures a private one.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use itest_runtime::__private::variable;
use itest_runtime::{Error, Program};

use super::configuration::accounts;
use crate::service::{Account, PrivateServer, Programs, SERVER_PORT, write_secret};

/// The name of the configuration file in the folder of a private server.
const CONFIGURATION: &str = "nats.conf";

/// The file with the process id of a private server.
pub(super) const PID_FILE: &str = "pid";

/// An installed server.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Installation {
    server: PathBuf,
    version: String,
}

impl fmt::Display for Installation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "NATS {}", self.version)
    }
}

impl Installation {
    fn of(server: PathBuf) -> Option<Self> {
        let output = Command::new(&server).arg("--version").output().ok()?;
        let version = parse_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { server, version })
    }
}

impl Programs for Installation {
    const NAME: &'static str = "NATS";

    /// Searches the `PATH`, and then the folders of Debian and Homebrew.
    fn find() -> Option<Self> {
        let path = variable("PATH").unwrap_or_default();
        let standard_folders = ["/usr/sbin", "/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"];
        let folders = std::env::split_paths(&path).chain(standard_folders.map(PathBuf::from));
        let programs = folders.map(|folder| folder.join("nats-server"));
        programs.filter(|program| program.is_file()).find_map(Self::of)
    }

    fn initialize(&self, folder: &Path, account: Option<&Account>) -> Result<(), Error> {
        let password = PrivateServer::new_password(folder)?;
        let store = folder.join("jetstream");
        let (store, pid_file) = (store.display(), folder.join(PID_FILE));
        let configuration = format!(
            "pid_file: \"{}\"\njetstream {{ store_dir: \"{store}\" }}\n{}",
            pid_file.display(),
            accounts(&password)
        );
        write_secret(&folder.join(CONFIGURATION), &configuration, account)
    }

    fn server(&self, folder: &Path) -> Program {
        Program::new(&self.server)
            .port(SERVER_PORT)
            .arg("--config")
            .arg(folder.join(CONFIGURATION))
            .args(["--addr", "127.0.0.1", "--port"])
            .arg(format!("{{port:{SERVER_PORT}}}"))
    }
}

/// The version in the output of `--version`: `nats-server: v2.9.10`.
fn parse_version(output: &str) -> Option<String> {
    output.trim().strip_prefix("nats-server: v").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_from_the_output_of_the_program() {
        assert_eq!(parse_version("nats-server: v2.9.10\n"), Some("2.9.10".to_owned()));
        assert_eq!(parse_version("something else"), None);
    }
}
