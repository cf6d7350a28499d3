//! A private server in its folder.

use std::fs;
#[cfg(feature = "_run-server")]
use std::fs::File;
#[cfg(feature = "_run-server")]
use std::io::Write as _;
#[cfg(feature = "_server-password")]
use std::path::Path;
use std::path::PathBuf;

use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

#[cfg(any(feature = "_run-server", feature = "_server-password"))]
use itest_runtime::Error;
use itest_runtime::ProgramPorts;

use super::lifetime::Lifetime;
#[cfg(feature = "_server-password")]
use super::password::Password;
#[cfg(feature = "_server-password")]
use super::secret_file::write_secret;
#[cfg(any(feature = "_run-server", feature = "_server-password"))]
use crate::failure::failed_to;

/// The log file in the folder of a server.
pub(super) const LOG: &str = "log";

/// The name of the port of a server's program, if it listens on one: `Program::port(SERVER_PORT)`.
pub(crate) const SERVER_PORT: &str = "PORT";

/// The name of the second port of a server's program, at which the server is administered: `Program::port(API_PORT)`.
pub(crate) const API_PORT: &str = "API_PORT";

/// The file with the password of a server that listens on a port.
#[cfg(feature = "_server-password")]
const PASSWORD: &str = "password";

/// The file with the error because of which a server that has ended is not started again.
const RESTART_ERROR: &str = "restart-error";

/// The file with a line for each end of a server of the run: the reason for which itest has killed it, or nothing.
#[cfg(feature = "_run-server")]
pub(super) const ENDS: &str = "ends";

/// The text before the quoted log of a server that has ended.
pub(crate) const LOG_FOLLOWS: &str = "; the server has ended; its log ends with:\n";

/// A private server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrivateServer {
    /// The folder with its socket, its files and its log.
    pub(crate) folder: PathBuf,
    pid_file: String,
    /// The port of 127.0.0.1 that it listens on, or `None` if it listens on its socket only.
    port: Option<u16>,
    /// The port of 127.0.0.1 at which it is administered, if it has one.
    api_port: Option<u16>,
    lifetime: Lifetime,
}

impl PrivateServer {
    /// The server in a folder. The first line of `pid_file` in the folder is its process id.
    pub(crate) fn new(folder: PathBuf, pid_file: &str) -> Self {
        Self { folder, pid_file: pid_file.to_owned(), port: None, api_port: None, lifetime: Lifetime::Run }
    }

    /// The same server on the ports that were chosen for its program, if the program has any.
    pub(super) fn at(self, ports: &ProgramPorts) -> Self {
        Self { port: ports.port(SERVER_PORT).ok(), api_port: ports.port(API_PORT).ok(), ..self }
    }

    /// How long it stays.
    pub(super) fn lifetime(&self) -> Lifetime {
        self.lifetime
    }

    /// Changes how long it stays.
    #[cfg(feature = "_run-server")]
    pub(super) fn set_lifetime(&mut self, lifetime: Lifetime) {
        self.lifetime = lifetime;
    }

    /// The id of the server's process, or `None` if the process has ended.
    pub(crate) fn process(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder.join(&self.pid_file)).ok()?;
        let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
        // A killed server leaves the file behind, and the system may have given its process id to another process.
        let command = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero()));
        let names_folder = |line: Vec<u8>| String::from_utf8_lossy(&line).contains(&*self.folder.to_string_lossy());
        (command.map_or(true, names_folder) && test_kill_process(pid).is_ok()).then_some(pid)
    }

    /// Records that the server, which has ended, could not be started again. Every process of the run reads this record.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    #[cfg(feature = "_run-server")]
    pub(super) fn record_restart_error(&self, error: &Error) -> Result<(), Error> {
        let path = self.folder.join(RESTART_ERROR);
        fs::write(&path, error.to_string()).map_err(|error| failed_to(&format!("write {}", path.display()), &error))
    }

    /// Why the server, which has ended, could not be started again, or `None` if it runs or is being started.
    pub(super) fn restart_error(&self) -> Option<String> {
        fs::read_to_string(self.folder.join(RESTART_ERROR)).ok()
    }

    /// Records that the server has ended, and why itest has killed it, if it has. Every process of the run reads this record, which on a full disk
    /// is lost.
    #[cfg(feature = "_run-server")]
    pub(super) fn record_end(&self, reason_of_kill: Option<&str>) {
        let opened = File::options().create(true).append(true).open(self.folder.join(ENDS));
        let _ = opened.and_then(|mut file| writeln!(file, "{}", reason_of_kill.unwrap_or_default()));
    }

    /// How often the server has ended.
    #[cfg(feature = "_awaited-run-server")]
    pub(super) fn ends(&self) -> usize {
        self.recorded_ends().lines().count()
    }

    /// Why itest has killed the server, if that was its last end.
    #[cfg(feature = "_run-server")]
    pub(super) fn reason_of_kill(&self) -> Option<String> {
        self.recorded_ends().lines().last().filter(|reason| !reason.is_empty()).map(str::to_owned)
    }

    #[cfg(feature = "_run-server")]
    fn recorded_ends(&self) -> String {
        fs::read_to_string(self.folder.join(ENDS)).unwrap_or_default()
    }

    /// Its log.
    #[cfg(feature = "any-service")]
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.folder.join(LOG)).unwrap_or_default()
    }

    /// The end of its log, for the message that it has ended.
    pub(crate) fn end_of_log(&self) -> String {
        const LINES: usize = 5;
        let log = fs::read_to_string(self.folder.join(LOG)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}

impl PrivateServer {
    /// The port of 127.0.0.1 that it listens on.
    #[cfg(any(feature = "_awaited-run-server", feature = "_server-password"))]
    pub(crate) fn port(&self) -> Option<u16> {
        self.port
    }
}

#[cfg(feature = "_server-password")]
impl PrivateServer {
    /// The port of 127.0.0.1 at which it is administered, if it has one.
    #[cfg(feature = "_api-server")]
    pub(crate) fn api_port(&self) -> Option<u16> {
        self.api_port
    }

    /// Generates the password of a server that listens on a port, where every user of the machine can reach it. The password is written to a
    /// file in the folder, which only the user of the tests can read.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    #[cfg(feature = "_built-in-service")]
    pub(crate) fn new_password(folder: &Path) -> Result<Password, Error> {
        let password = Password::random()?;
        Self::write_password(folder, &password)?;
        Ok(password)
    }

    /// Writes the password of a server that listens on a port to a file in the folder, which only the user of the tests can read.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub(crate) fn write_password(folder: &Path, password: &Password) -> Result<(), Error> {
        write_secret(&folder.join(PASSWORD), password.expose(), None)
    }

    /// The password of a server that listens on a port.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, for example because the server was removed.
    pub(crate) fn password(&self) -> Result<Password, Error> {
        let path = self.folder.join(PASSWORD);
        let text = fs::read_to_string(&path);
        text.map(Password::from).map_err(|error| failed_to(&format!("read {}", path.display()), &error))
    }
}
