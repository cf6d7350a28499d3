//! The folders of a round, and the runs of the suite in them.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use figures::{Context, Failure};

use crate::nextest::Nextest;
use crate::processes::MARK;

/// What a test, a setup and a step of a teardown may take. A process that was stopped is waited for as long as this.
pub(crate) const LIMIT_OF_TEST: &str = "4s";

/// Where a round takes place.
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
    complaints: PathBuf,
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

    /// Where children listen.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// What the marks of all runs of this round begin with.
    pub(crate) fn mark(&self) -> String {
        format!("{}/", self.folder.display())
    }

    /// Starts a run, in a process group of its own. Its name tells it from the round's others.
    pub(crate) fn start(&self, name: &str, program: &Path, arguments: &[String]) -> Result<Run, Failure> {
        let mut command = Command::new(program);
        command.args(arguments);
        self.spawn(name, command)
    }

    /// Starts a run under cargo-nextest.
    pub(crate) fn start_nextest(&self, name: &str, nextest: &Nextest, arguments: &[String]) -> Result<Run, Failure> {
        let mut command = nextest.command(arguments);
        let variables = ["ITEST_TIMEOUT", "ITEST_SETUP_TIMEOUT", "ITEST_TEARDOWN_TIMEOUT"];
        command.envs(variables.map(|variable| (variable, LIMIT_OF_TEST)));
        self.spawn(name, command)
    }

    fn spawn(&self, name: &str, mut command: Command) -> Result<Run, Failure> {
        let mark = format!("{}{name}/", self.mark());
        let (events, complaints) = (self.folder.join(format!("{name}.out")), self.folder.join(format!("{name}.err")));
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
            .env("SOAK_ADDRESS", &self.address)
            .env(MARK, &mark)
            .stdin(Stdio::null())
            .stdout(create(&events)?)
            .stderr(create(&complaints)?)
            .process_group(0)
            .spawn()
            .context(|| format!("starting {}", command.get_program().display()))?;
        Ok(Run { child, mark, events, complaints })
    }

    /// Removes everything.
    pub(crate) fn clear(&self) -> Result<(), Failure> {
        fs::remove_dir_all(&self.folder).context(|| format!("removing {}", self.folder.display()))
    }
}

impl Run {
    /// Waits for the end of the process that was started; none if it takes longer than this.
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

    /// What it wrote to stdout, line by line.
    pub(crate) fn events(&self) -> Vec<serde_json::Value> {
        let text = fs::read_to_string(&self.events).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// What it wrote to stdout and stderr.
    pub(crate) fn output(&self) -> String {
        let read = |path| fs::read_to_string(path).unwrap_or_default();
        format!("{}{}", read(&self.events), read(&self.complaints))
    }
}
