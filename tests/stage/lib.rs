//! Spawns a suite as a user would, and gives tests its events, its exit code, its output and its leftovers.

#![deny(unsafe_code)]

mod nextest;
mod signals;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use itest::TempDir;
use rustix::process::Signal;
use serde_json::Value;

pub use self::signals::with_default_signals;

/// A suite that takes longer is killed.
const RUN_TIMEOUT: Duration = Duration::from_mins(1);

/// A suite that can be run in a temp dir and an environment of its own.
#[derive(Debug)]
pub struct Suite<'t> {
    program: PathBuf,
    dir: &'t TempDir,
    arguments: Vec<String>,
    variables: Vec<(String, String)>,
}

impl<'t> Suite<'t> {
    /// A suite with this binary, such as `env!("CARGO_BIN_EXE_suite-…")`. The suite gets its own temp dir inside of `dir`.
    #[must_use]
    pub fn new(program: &str, dir: &'t TempDir) -> Self {
        Self { program: program.into(), dir, arguments: Vec::new(), variables: Vec::new() }
    }

    /// Adds arguments.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(ToString::to_string));
        self
    }

    /// Sets an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    /// The temp dir of the suite's own tests.
    #[must_use]
    pub fn temp(&self) -> PathBuf {
        self.dir.join("temp")
    }

    /// The folder of the suite's sessions.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.dir.join("sessions")
    }

    /// The command, without the settings of this process in its environment.
    ///
    /// # Errors
    ///
    /// When the suite's temp dir cannot be made.
    pub fn command(&self) -> io::Result<Command> {
        fs::create_dir_all(self.temp())?;
        let mut command = Command::new(&self.program);
        for (name, _) in std::env::vars() {
            let ours = ["ITEST_", "NEXTEST", "RUST_TEST_", "RUST_BACKTRACE", "CI", "NO_COLOR", "CARGO"];
            let of_others = ["GITHUB_", "TEST_TOTAL_SHARDS", "TEST_SHARD_", "JOB_COMPLETION_INDEX"];
            if ours.iter().chain(&of_others).any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name);
            }
        }
        with_default_signals(&mut command)
            .args(&self.arguments)
            .current_dir(self.dir)
            .env("TMPDIR", self.temp())
            .env("ITEST_SESSION_DIR", self.sessions())
            .env(MARK, self.mark())
            .envs(self.variables.iter().cloned())
            .stdin(Stdio::null());
        Ok(command)
    }

    /// The current processes and leftovers of the suite, without output.
    #[must_use]
    pub fn traces(&self) -> Finished {
        let nothing = Output { status: ExitStatus::default(), stdout: Vec::new(), stderr: Vec::new() };
        Finished::of(nothing, self)
    }

    /// Kills all processes of the suite. It stops all of them first, so that none can react to the death of another.
    pub fn kill_everything(&self) {
        for sent in [Signal::STOP, Signal::KILL] {
            for id in self.traces().process_ids() {
                signal(id, sent);
            }
        }
    }

    /// Runs the suite to its end.
    ///
    /// # Errors
    ///
    /// When it cannot be started, or takes longer than a minute.
    pub fn run(&self) -> io::Result<Finished> {
        self.wait_for(self.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
    }

    /// Waits for the end of a process that was started from [`Self::command`] or another command of this suite.
    ///
    /// # Errors
    ///
    /// When it takes longer than a minute.
    pub fn wait_for(&self, child: Child) -> io::Result<Finished> {
        let id = child.id();
        // Reading and waiting block this thread, so a watchdog thread kills a suite that hangs.
        let (done, ended) = std::sync::mpsc::channel::<()>();
        let watchdog = std::thread::spawn(move || {
            if ended.recv_timeout(RUN_TIMEOUT).is_err() {
                signal(id, Signal::KILL);
            }
        });
        let output = child.wait_with_output()?;
        let _ = done.send(());
        let _ = watchdog.join();
        Ok(Finished::of(output, self))
    }

    /// Runs the suite with `--format json`, and parses its events.
    ///
    /// # Errors
    ///
    /// As [`Self::run`].
    pub fn events(self, arguments: &[&str]) -> io::Result<Events> {
        Events::of(self.args(&["--format", "json"]).args(arguments).run()?)
    }

    /// The value of the variable that marks the processes of this suite, whatever their parents are.
    fn mark(&self) -> String {
        self.dir.path().display().to_string()
    }
}

/// The environment variable that all processes of a suite inherit.
const MARK: &str = "STAGE_MARK";

/// Sends a signal to a process.
pub fn signal(process: u32, signal: Signal) {
    if let Some(process) = i32::try_from(process).ok().and_then(rustix::process::Pid::from_raw) {
        // An error means that the process has ended already, which is no problem.
        let _ = rustix::process::kill_process(process, signal);
    }
}

/// The environment of a process. It is read in a single call, because a process that executes another program between two reads would
/// give an incomplete result.
fn environment(process: u32) -> Vec<u8> {
    let mut environment = vec![0; 1 << 16];
    let read = fs::File::open(format!("/proc/{process}/environ")).and_then(|mut file| file.read(&mut environment));
    environment.truncate(read.unwrap_or(0));
    environment
}

/// A suite that has ended.
#[derive(Debug)]
pub struct Finished {
    output: Output,
    temp: PathBuf,
    sessions: PathBuf,
    mark: String,
}

impl Finished {
    /// Wraps the output of a process of the suite.
    #[must_use]
    pub fn of(output: Output, suite: &Suite<'_>) -> Self {
        Self { output, temp: suite.temp(), sessions: suite.sessions(), mark: suite.mark() }
    }

    /// The exit code; `None` if a signal ended the suite.
    #[must_use]
    pub fn code(&self) -> Option<i32> {
        self.output.status.code()
    }

    /// The output on stdout.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.output.stdout).into_owned()
    }

    /// The output on stderr.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// The lines that begin with `test `, without their times.
    #[must_use]
    pub fn test_lines(&self) -> Vec<String> {
        self.stdout()
            .lines()
            .filter(|line| line.starts_with("test ") && line.contains(" ... "))
            .map(str::to_owned)
            .collect()
    }

    /// Fails if the suite left a file in its temp dir, a session, or a process anywhere.
    ///
    /// # Panics
    ///
    /// If something is left after two seconds. The message lists it.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        let since = Instant::now();
        let (mut left, mut empty) = (self.left(), 0);
        // A process that is just being started may be missed, so three checks in a row must find nothing.
        while empty < 3 && (left.is_empty() || since.elapsed() < Duration::from_secs(2)) {
            std::thread::park_timeout(Duration::from_millis(5));
            left = self.left();
            empty = if left.is_empty() { empty + 1 } else { 0 };
        }
        assert!(left.is_empty(), "left behind: {left:#?}\n{}\n{}", self.stdout(), self.stderr());
    }

    /// Files, sessions and processes that are there now and should not be.
    #[must_use]
    pub fn left(&self) -> Vec<String> {
        let entries = |folder: &Path| {
            let entries = fs::read_dir(folder).map(|entries| entries.filter_map(Result::ok).collect::<Vec<_>>());
            entries.unwrap_or_default().into_iter().map(|entry| entry.path().display().to_string()).collect::<Vec<_>>()
        };
        [entries(&self.temp), entries(&self.sessions), self.processes()].concat()
    }

    /// The suite's living processes, as process ids and command lines. Zombies are not included.
    #[must_use]
    pub fn processes(&self) -> Vec<String> {
        let command = |id: &u32| fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
        let described = |id: &u32| format!("process {id} {}", String::from_utf8_lossy(&command(id)).replace('\0', " "));
        self.process_ids().iter().map(described).collect()
    }

    /// The ids of the suite's living processes, whatever their parents are.
    #[must_use]
    pub fn process_ids(&self) -> Vec<u32> {
        let wanted = format!("{MARK}={}", self.mark);
        let all = fs::read_dir("/proc").map(|entries| entries.filter_map(Result::ok).collect::<Vec<_>>());
        let bears_mark =
            |id: &u32| environment(*id).split(|byte| *byte == 0).any(|variable| variable == wanted.as_bytes());
        let ids = all.unwrap_or_default().into_iter().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let mut ids: Vec<u32> = ids.filter(bears_mark).collect();
        ids.sort_unstable();
        ids
    }
}

/// A suite that has ended, with its events.
#[derive(Debug)]
pub struct Events {
    events: Vec<Value>,
    /// The exit code, the output and the leftovers.
    pub finished: Finished,
}

impl Events {
    /// Parses the output of a suite with `--format json`.
    ///
    /// # Errors
    ///
    /// When a line of the output is no event.
    pub fn of(finished: Finished) -> io::Result<Self> {
        let lines = finished.stdout();
        let events = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>();
        let events =
            events.map_err(|error| io::Error::other(format!("{error} in:\n{lines}\n{}", finished.stderr())))?;
        Ok(Self { events, finished })
    }

    /// All events of one name.
    #[must_use]
    pub fn named(&self, name: &str) -> Vec<&Value> {
        self.events.iter().filter(|event| event["event"] == name).collect()
    }

    /// The `case_finished` event of a case.
    ///
    /// # Panics
    ///
    /// If the case did not end.
    #[track_caller]
    #[must_use]
    pub fn case(&self, id: &str) -> &Value {
        let ends = self.named("case_finished");
        let end = ends.iter().find(|event| event["id"] == id);
        end.unwrap_or_else(|| panic!("`{id}` did not end; the ended cases are {:?}", self.outcomes()))
    }

    /// Every case that ended, with its outcome.
    #[must_use]
    pub fn outcomes(&self) -> BTreeMap<String, String> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        self.named("case_finished").iter().map(|event| (text(&event["id"]), text(&event["outcome"]))).collect()
    }

    /// The cases in the order in which they ended.
    #[must_use]
    pub fn order(&self) -> Vec<String> {
        let ends = self.named("case_finished");
        ends.iter().filter_map(|event| event["id"].as_str().map(str::to_owned)).collect()
    }

    /// The last event.
    ///
    /// # Panics
    ///
    /// If the run did not finish.
    #[track_caller]
    #[must_use]
    pub fn summary(&self) -> &Value {
        let last = self.named("run_finished").pop();
        last.unwrap_or_else(|| panic!("the run was not finished: {}", self.finished.stderr()))
    }
}
