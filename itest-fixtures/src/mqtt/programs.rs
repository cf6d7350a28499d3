//! Finds the installed Mosquitto, and configures a private server.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use itest_runtime::__private::variable;
use itest_runtime::{Error, Program};

use crate::failure::{failed_to, with_action};
use crate::service::{Account, PrivateServer, Programs, SERVER_PORT, write_secret};

/// The user of the tests.
pub(super) const TEST_USER: &str = "itest";

/// The file with the process id of a private server.
pub(super) const PID_FILE: &str = "pid";

/// The name of the configuration file in the folder of a private server.
const CONFIGURATION: &str = "mosquitto.conf";

/// The name of the file with the users and the hashes of their passwords.
const USERS: &str = "users";

/// Adds the port to the configuration, and starts the server.
///
/// The option `-p` of the server would leave a port of IPv4 that is in use to its owner, and listen with IPv6 only.
const START: &str = "printf 'listener %s 127.0.0.1\\n' \"$2\" >>\"$1\" && exec \"$0\" -c \"$1\"";

/// An installed Mosquitto.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Installation {
    server: PathBuf,
    /// The program that hashes passwords.
    hasher: PathBuf,
    version: String,
}

impl fmt::Display for Installation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Mosquitto {}", self.version)
    }
}

impl Installation {
    /// Replaces the passwords in a file by their hashes.
    fn hash_passwords(&self, file: &Path) -> Result<(), Error> {
        let action = "hash the password of the tests";
        let output = Command::new(&self.hasher).arg("-U").arg(file).output();
        let output = output.map_err(|error| failed_to(action, &error))?;
        if output.status.success() {
            return Ok(());
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(with_action(action, &format!("{} says {}", self.hasher.display(), text.trim())))
    }
}

impl Programs for Installation {
    const NAME: &'static str = "MQTT";

    /// Searches the `PATH`, and then the folders of Debian and Homebrew.
    fn find() -> Option<Self> {
        let path = variable("PATH").unwrap_or_default();
        let standard_folders = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/opt/homebrew/sbin", "/opt/homebrew/bin"];
        let folders: Vec<PathBuf> = std::env::split_paths(&path).chain(standard_folders.map(PathBuf::from)).collect();
        let program = |name: &str| folders.iter().map(|folder| folder.join(name)).find(|program| program.is_file());
        let (server, hasher) = (program("mosquitto")?, program("mosquitto_passwd")?);
        let output = Command::new(&server).arg("-h").output().ok()?;
        let version = parse_version(&String::from_utf8_lossy(&output.stdout))?;
        Some(Self { server, hasher, version })
    }

    fn initialize(&self, folder: &Path, account: Option<&Account>) -> Result<(), Error> {
        let password = PrivateServer::new_password(folder)?;
        let users = folder.join(USERS);
        write_secret(&users, &format!("{TEST_USER}:{}\n", password.expose()), None)?;
        self.hash_passwords(&users)?;
        let hashed = fs::read_to_string(&users);
        let hashed = hashed.map_err(|error| failed_to(&format!("read {}", users.display()), &error))?;
        write_secret(&users, &hashed, account)?;
        write_secret(&folder.join(CONFIGURATION), &configuration(folder), account)
    }

    fn server(&self, folder: &Path) -> Program {
        Program::new("/bin/sh")
            .port(SERVER_PORT)
            .args(["-c", START])
            .arg(&self.server)
            .arg(folder.join(CONFIGURATION))
            .arg(format!("{{port:{SERVER_PORT}}}"))
    }
}

/// The configuration without the port. The server keeps its data in memory, and publishes nothing about itself.
fn configuration(folder: &Path) -> String {
    let (pid_file, users) = (folder.join(PID_FILE), folder.join(USERS));
    format!(
        "pid_file {}\nallow_anonymous false\npassword_file {}\npersistence false\nsys_interval 0\nset_tcp_nodelay true\n\
         connection_messages false\nlog_dest stderr\n",
        pid_file.display(),
        users.display()
    )
}

/// The version in the output of `-h`: `mosquitto version 2.0.11`.
fn parse_version(output: &str) -> Option<String> {
    output.lines().next()?.trim().strip_prefix("mosquitto version ").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_from_the_output_of_the_program() {
        let output = "mosquitto version 2.0.11\n\nmosquitto is an MQTT v5.0/v3.1.1/v3.1 broker.\n";
        assert_eq!(parse_version(output), Some("2.0.11".to_owned()));
        assert_eq!(parse_version("something else"), None);
    }
}
