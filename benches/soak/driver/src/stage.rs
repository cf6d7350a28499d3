//! The folders of a round, and the runs of the suite in them.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use figures::{Context, Failure};

use crate::nextest::Nextest;
use crate::processes::MARK;

/// The time limit of a test, of a setup and of a teardown step. itest waits this long for a stopped process.
pub(crate) const TEST_TIMEOUT: &str = "4s";

/// The folders and the address of a round.
#[derive(Debug)]
pub(crate) struct Stage {
    folder: PathBuf,
    address: String,
}

/// A run of the suite.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) child: Child,
    pub(crate) mark: String,
    events: PathBuf,
    stderr: PathBuf,
}

impl Stage {
    /// Makes the folders; children listen on an address that no other round uses.
    pub(crate) fn new(parent: &Path, round: u32) -> Result<Self, Failure> {
        let folder = parent.join(format!("round-{round}"));
        let process = std::process::id() % 128 + 64;
        let address = format!("127.{process}.{}.{}", round / 250 % 250, round % 250 + 1);
        let stage = Self { folder, address };
        for folder in [stage.temp(), stage.outside(), stage.sessions()] {
            fs::create_dir_all(&folder).context(|| format!("making {}", folder.display()))?;
        }
        Ok(stage)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    pub(crate) fn temp(&self) -> PathBuf {
        self.folder.join("temp")
    }

    pub(crate) fn outside(&self) -> PathBuf {
        self.folder.join("outside")
    }

    pub(crate) fn sessions(&self) -> PathBuf {
        self.folder.join("sessions")
    }

    pub(crate) fn journal(&self) -> PathBuf {
        self.folder.join("journal")
    }

    /// The file in which each process of the suite notes its id.
    pub(crate) fn process_ids(&self) -> PathBuf {
        self.folder.join("processes")
    }

    /// The address on which programs of tests listen.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// The common prefix of the marks of all runs of this round.
    pub(crate) fn mark(&self) -> String {
        format!("{}/", self.folder.display())
    }

    /// Starts a run in a process group of its own. The name must be unique in the round.
    pub(crate) fn start(&self, name: &str, program: &Path, arguments: &[String]) -> Result<Run, Failure> {
        let mut command = Command::new(program);
        command.args(arguments);
        self.spawn(name, command)
    }

    /// Starts a run under cargo-nextest.
    pub(crate) fn start_nextest(&self, name: &str, nextest: &Nextest, arguments: &[String]) -> Result<Run, Failure> {
        let mut command = nextest.command(arguments);
        let variables = ["ITEST_TIMEOUT", "ITEST_SETUP_TIMEOUT", "ITEST_TEARDOWN_TIMEOUT"];
        command.envs(variables.map(|variable| (variable, TEST_TIMEOUT)));
        self.spawn(name, command)
    }

    fn spawn(&self, name: &str, mut command: Command) -> Result<Run, Failure> {
        let mark = format!("{}{name}/", self.mark());
        let (events, stderr) = (self.folder.join(format!("{name}.out")), self.folder.join(format!("{name}.err")));
        let create = |path: &Path| File::create(path).context(|| format!("creating {}", path.display()));
        for (variable, _) in std::env::vars() {
            let ours =
                ["ITEST_", "NEXTEST", "RUST_TEST_", "RUST_BACKTRACE", "CI", "NO_COLOR", "CARGO", "LD_LIBRARY_PATH"];
            if ours.iter().any(|beginning| variable.starts_with(beginning)) {
                command.env_remove(variable);
            }
        }
        let child = command
            .current_dir(&self.folder)
            .env("TMPDIR", self.temp())
            .env("ITEST_SESSION_DIR", self.sessions())
            .env("SOAK_OUTSIDE", self.outside())
            .env("SOAK_JOURNAL", self.journal())
            .env("SOAK_PROCESSES", self.process_ids())
            .env("SOAK_ADDRESS", &self.address)
            .env(MARK, &mark)
            .stdin(Stdio::null())
            .stdout(create(&events)?)
            .stderr(create(&stderr)?)
            .process_group(0)
            .spawn()
            .context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Run { child, mark, events, stderr })
    }

    /// Removes the folders of the round.
    pub(crate) fn clear(&self) -> Result<(), Failure> {
        fs::remove_dir_all(&self.folder).context(|| format!("removing {}", self.folder.display()))
    }
}

impl Run {
    /// Waits for the end of the started process; `None` if it takes longer than `limit`.
    pub(crate) fn wait(&mut self, limit: Duration) -> Result<Option<ExitStatus>, Failure> {
        let began = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().context(|| "waiting for the suite".to_owned())? {
                return Ok(Some(status));
            }
            if began.elapsed() > limit {
                return Ok(None);
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// The JSON events on stdout.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(&self.events).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The output on stdout and stderr.
    pub(crate) fn output(&self) -> String {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        format!("{}{}", read(&self.events), read(&self.stderr))
    }
}
