//! Builds the suites with Cargo, and locates the executables.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use figures::{Context, Failure};
use serde_json::Value;

use crate::generate::Generated;
use crate::launcher::{Finished, Launcher};
use crate::layout::Layout;

/// The time limit of a build: long enough for a large suite on a slow machine, from an empty target directory.
const BUILD_TIMEOUT: Duration = Duration::from_mins(30);
const QUERY_TIMEOUT: Duration = Duration::from_mins(1);

/// Cargo, set up for the suites.
#[derive(Debug)]
pub(crate) struct Cargo<'parts> {
    pub(crate) layout: &'parts Layout,
    pub(crate) launcher: &'parts Launcher,
}

/// The features of a suite in a cold build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Features {
    Default,
    None,
}

impl Cargo<'_> {
    /// Builds the tests of a suite and returns their binary.
    pub(crate) fn build(&self, suite: &Generated) -> Result<PathBuf, Failure> {
        let finished = self.build_tests(suite)?;
        let artifact = artifact(&finished.stdout, "suite")?;
        executable(&artifact)
    }

    /// Builds the tests of a suite that was changed, and returns how long that took.
    pub(crate) fn rebuild(&self, suite: &Generated) -> Result<Duration, Failure> {
        let finished = self.build_tests(suite)?;
        let artifact = artifact(&finished.stdout, "suite")?;
        if artifact.get("fresh") == Some(&Value::Bool(false)) {
            Ok(finished.elapsed)
        } else {
            Err(Failure::new("Cargo did not rebuild the changed suite, so there is no time to measure"))
        }
    }

    /// Builds the program that does nothing, and returns its binary.
    pub(crate) fn build_empty(&self) -> Result<PathBuf, Failure> {
        let mut command = command("build", self.layout.root(), &self.layout.suites_target());
        command.args(["--package", "empty", "--message-format=json-render-diagnostics"]);
        let finished = self.launcher.capture(&mut command, BUILD_TIMEOUT)?;
        executable(&artifact(&finished.stdout, "empty")?)
    }

    /// Builds what a suite depends on in this target directory, and returns how long that took.
    pub(crate) fn build_dependencies(
        &self,
        suite: &Generated,
        features: Features,
        target: &Path,
    ) -> Result<Duration, Failure> {
        let mut command = command("build", &suite.folder, target);
        if features == Features::None {
            command.arg("--no-default-features");
        }
        self.launcher.time(&mut command, BUILD_TIMEOUT)
    }

    /// Downloads what a suite depends on, so that no timed build has to.
    pub(crate) fn fetch(&self, suite: &Generated) -> Result<(), Failure> {
        let mut command = Command::new(program());
        command.arg("fetch").current_dir(&suite.folder);
        self.launcher.time(&mut command, BUILD_TIMEOUT).map(|_| ())
    }

    /// Runs a Cargo subcommand in the folder of a suite, and returns its output.
    pub(crate) fn query(&self, suite: &Generated, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new(program());
        command.args(arguments).current_dir(&suite.folder);
        command.env("CARGO_TARGET_DIR", self.layout.suites_target());
        command.env("CARGO_INCREMENTAL", "1");
        let finished = self.launcher.capture(&mut command, BUILD_TIMEOUT)?;
        Ok(finished.stdout)
    }

    /// The version line of the compiler, for the head of the report.
    pub(crate) fn compiler_version(&self) -> Result<String, Failure> {
        self.compiler(&["--version"])
    }

    /// The folder of the compiler's own libraries.
    pub(crate) fn libraries_of_compiler(&self) -> Result<PathBuf, Failure> {
        self.compiler(&["--print", "target-libdir"]).map(PathBuf::from)
    }

    fn compiler(&self, arguments: &[&str]) -> Result<String, Failure> {
        let compiler = env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
        let mut command = Command::new(compiler);
        command.args(arguments);
        let finished = self.launcher.capture(&mut command, QUERY_TIMEOUT)?;
        Ok(finished.stdout.trim().to_owned())
    }

    fn build_tests(&self, suite: &Generated) -> Result<Finished, Failure> {
        let mut command = command("test", &suite.folder, &self.layout.suites_target());
        command.args(["--no-run", "--test", "suite"]);
        command.arg("--message-format=json-render-diagnostics");
        self.launcher.capture(&mut command, BUILD_TIMEOUT)
    }
}

fn command(subcommand: &str, folder: &Path, target: &Path) -> Command {
    let mut command = Command::new(program());
    command.arg(subcommand).arg("--target-dir").arg(target);
    command.current_dir(folder);
    // CI systems often turn incremental compilation off, but rebuilds are measured with it.
    command.env("CARGO_INCREMENTAL", "1");
    command
}

/// The Cargo that started this program, or the one in `PATH`.
pub(crate) fn program() -> OsString {
    env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"))
}

/// The last message about a target of this name.
fn artifact(messages: &str, target: &str) -> Result<Value, Failure> {
    let mut artifact = None;
    for line in messages.lines().filter(|line| line.starts_with('{')) {
        let message: Value = serde_json::from_str(line).context(|| "reading Cargo's build messages".to_owned())?;
        if message.get("reason").and_then(Value::as_str) == Some("compiler-artifact")
            && message.pointer("/target/name").and_then(Value::as_str) == Some(target)
        {
            artifact = Some(message);
        }
    }
    artifact.ok_or_else(|| Failure::new(format!("Cargo built no target named `{target}`")))
}

fn executable(artifact: &Value) -> Result<PathBuf, Failure> {
    artifact
        .get("executable")
        .and_then(Value::as_str)
        .map(PathBuf::from)
        .ok_or_else(|| Failure::new("Cargo built something that cannot be run"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MESSAGES: &str = r#"
{"reason":"compiler-artifact","target":{"name":"tokio"},"executable":null,"fresh":true}
{"reason":"compiler-artifact","target":{"name":"suite"},"executable":"target/suite-1","fresh":false}
{"reason":"build-finished","success":true}
"#;

    #[test]
    fn executable_is_read_from_the_messages() -> Result<(), Failure> {
        let suite = artifact(MESSAGES, "suite")?;
        assert_eq!(executable(&suite)?, Path::new("target/suite-1"));
        assert!(executable(&artifact(MESSAGES, "tokio")?).is_err());
        assert!(artifact(MESSAGES, "other").is_err());
        Ok(())
    }
}
