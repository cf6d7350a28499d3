//! Runs whose processes are all killed.

use std::path::Path;
use std::process::{Child, Command, Stdio};

use itest::prelude::*;

/// The variable that marks the processes of a run.
const MARK: &str = "RUN_OF_TEST";

/// A run in a folder of its own.
pub(crate) struct KilledRun<'a> {
    pub(crate) folder: &'a Path,
    /// The variable with the URL of a server.
    pub(crate) variable: &'a str,
    pub(crate) url: &'a str,
}

impl KilledRun<'_> {
    pub(crate) fn command(&self, arguments: &[&str]) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        let is_of_this_run = |name: &str| name.starts_with("NEXTEST") || name.starts_with("ITEST_");
        for (name, _) in std::env::vars().filter(|(name, _)| is_of_this_run(name)) {
            command.env_remove(name);
        }
        command.env(crate::nested::NESTED, "1").env(self.variable, self.url).env(MARK, self.folder);
        command.env("ITEST_SESSION_DIR", self.folder.join("sessions")).args(arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command)
    }

    /// Kills all processes of the run. It stops all of them first, so that none can react to the death of another.
    pub(crate) fn kill(&self, mut child: Child) -> Result<()> {
        let wanted = format!("{MARK}={}", self.folder.display());
        for signal in ["-STOP", "-KILL"] {
            for entry in std::fs::read_dir("/proc")?.filter_map(Result::ok) {
                let environment = std::fs::read(entry.path().join("environ")).unwrap_or_default();
                if environment.split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes()) {
                    let id = entry.file_name();
                    Command::new("kill").arg(signal).arg(id).stderr(Stdio::null()).status()?;
                }
            }
        }
        child.wait()?;
        Ok(())
    }
}
