//! A private server in its folder.

use std::fs;
use std::path::PathBuf;

use rustix::process::{Pid, test_kill_process};
use serde::{Deserialize, Serialize};

/// The log file in the folder of a server.
pub(super) const LOG: &str = "log";

/// The text before the quoted log of a server that has ended.
pub(crate) const LOG_FOLLOWS: &str = "; the server has ended, and said last:\n";

/// A private server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrivateServer {
    /// The folder with its socket, its files and its log.
    pub(crate) folder: PathBuf,
    pid_file: String,
}

impl PrivateServer {
    /// The server in a folder. The first line of `pid_file` in the folder is its process id.
    pub(crate) fn new(folder: PathBuf, pid_file: &str) -> Self {
        Self { folder, pid_file: pid_file.to_owned() }
    }

    /// The id of its process, or `None` if the process has ended.
    pub(crate) fn process(&self) -> Option<Pid> {
        let text = fs::read_to_string(self.folder.join(&self.pid_file)).ok()?;
        let pid = Pid::from_raw(text.lines().next()?.trim().parse().ok()?)?;
        // A killed server leaves the file behind, and the system may have given its process id to another process.
        let command = fs::read(format!("/proc/{}/cmdline", pid.as_raw_nonzero()));
        let names_folder = |line: Vec<u8>| String::from_utf8_lossy(&line).contains(&*self.folder.to_string_lossy());
        (command.map_or(true, names_folder) && test_kill_process(pid).is_ok()).then_some(pid)
    }

    /// The end of its log, for the message that it has ended.
    pub(crate) fn end_of_log(&self) -> String {
        const LINES: usize = 5;
        let log = fs::read_to_string(self.folder.join(LOG)).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LINES)..].join("\n")
    }
}
