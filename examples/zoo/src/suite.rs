//! The zoo's suites as programs, which cargo builds. Each run has its own temp dir and session folder.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::Value;

use crate::Problem;

/// One of the two suites, as a test target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// The lying tests, for `--detect`.
    Integration,
    /// The services with weaknesses, for `--faults`.
    Faults,
}

impl Target {
    /// The name of the test target.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Integration => "integration",
            Self::Faults => "faults",
        }
    }

    /// The flag of the mode that is measured with this suite.
    #[must_use]
    pub fn mode(self) -> &'static str {
        match self {
            Self::Integration => "--detect",
            Self::Faults => "--faults",
        }
    }

    /// The command `cargo test -p zoo --test NAME`, without further arguments.
    #[must_use]
    pub fn cargo_test(self) -> Command {
        let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(["test", "-p", "zoo", "--test", self.name()]).current_dir(env!("CARGO_MANIFEST_DIR"));
        command
    }
}

/// The suite's executable.
#[derive(Debug, Clone)]
pub struct Suite {
    program: PathBuf,
}

/// The outcome of one run of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestOutcome {
    /// The test.
    pub id: String,
    /// `passed`, `failed`, `errored`, ...
    pub outcome: String,
}

impl TestOutcome {
    /// Whether it passed.
    #[must_use]
    pub fn has_passed(&self) -> bool {
        self.outcome == "passed"
    }
}

impl Suite {
    /// Builds a suite.
    ///
    /// # Errors
    ///
    /// When the build fails; cargo prints the errors to the standard error.
    pub fn build(target: Target) -> Result<Self, Problem> {
        let mut command = target.cargo_test();
        command.args(["--no-run", "--message-format", "json"]).stderr(Stdio::inherit());
        let output = command.output().map_err(|error| Problem::because("cannot start cargo", error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let programs = messages.filter(|message| message["target"]["name"] == target.name());
        let program = programs.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
        program.map(|program| Self { program }).ok_or_else(|| Problem::new("cargo did not build the zoo's tests"))
    }

    /// The names of all tests.
    ///
    /// # Errors
    ///
    /// When the suite does not start.
    pub fn names(&self) -> Result<Vec<String>, Problem> {
        let text = self.output(&["--list", "--format", "terse"])?;
        Ok(text.lines().filter_map(|line| line.strip_suffix(": test")).map(str::to_owned).collect())
    }

    /// Runs tests in a new temp dir, and returns their outcomes in the order in which they ended. Changes that a test makes to its
    /// process stay for the next test.
    ///
    /// # Errors
    ///
    /// When the suite does not start.
    pub fn run<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<Vec<TestOutcome>, Problem> {
        let arguments = arguments.iter().map(AsRef::as_ref);
        let all: Vec<_> = ["--format", "json", "--leaks", "ignore", "--records", "0"]
            .map(OsStr::new)
            .into_iter()
            .chain(arguments)
            .collect();
        let text = self.output(&all)?;
        let events = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let ends = events.filter(|event| event["event"] == "case_finished");
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(ends.map(|event| TestOutcome { id: word(&event["id"]), outcome: word(&event["outcome"]) }).collect())
    }

    fn output<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<String, Problem> {
        let folder = Folder::make()?;
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(env!("CARGO_MANIFEST_DIR")).env("TMPDIR", &folder.path);
        // The run must be independent, even if a test under cargo-nextest starts it.
        command.env_remove("NEXTEST").env_remove("NEXTEST_EXECUTION_MODE").env_remove("NEXTEST_RUN_ID");
        command.env("ITEST_SESSION_DIR", folder.path.join("sessions"));
        let output = command
            .output()
            .map_err(|error| Problem::because(format!("cannot start {}", self.program.display()), error))?;
        // 0 and 101: the tests passed, or some did not.
        if !matches!(output.status.code(), Some(0 | 101)) {
            let stderr = String::from_utf8_lossy(&output.stderr);
            return Err(Problem::new(format!("the zoo's tests ended with {}: {stderr}", output.status)));
        }
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// A temp dir for one run, removed after it.
struct Folder {
    path: PathBuf,
}

impl Folder {
    fn make() -> Result<Self, Problem> {
        static NUMBERS: AtomicU32 = AtomicU32::new(0);
        let number = NUMBERS.fetch_add(1, Ordering::Relaxed);
        let path = env::temp_dir().join(format!("zoo-run-{}-{number}", process::id()));
        let make = |path: &Path| fs::create_dir_all(path);
        make(&path).map_err(|error| Problem::because(format!("cannot make {}", path.display()), error))?;
        Ok(Self { path })
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder that cannot be removed stays in the temp dir, where its unique name causes no conflict.
        let _ = fs::remove_dir_all(&self.path);
    }
}
