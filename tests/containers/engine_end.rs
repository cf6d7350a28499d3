//! The end of the engine during a run: the run reports it once, and nothing is left when the engine runs again.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use itest::prelude::*;
use itest_tests::{Suite, signal};
use rustix::process::Signal;

use super::compose::SHOP;
use super::docker::{Docker, UNAVAILABLE_VARIABLE};
use super::lifetimes::sweeping;

/// The exit code of `.ci/engine` if this machine cannot run an engine.
const UNAVAILABLE: i32 = 3;

/// An engine that only this test uses.
struct OwnEngine {
    folder: PathBuf,
    docker: Docker,
}

/// Starts an engine, which ends with the test.
#[fixture]
fn own_engine(teardown: &Teardown) -> Result<OwnEngine> {
    if let Ok(reason) = std::env::var(UNAVAILABLE_VARIABLE) {
        skip!("there is no real container engine: {reason}");
    }
    // The path of a temp dir may be too long for the sockets of the engine.
    let folder = std::env::temp_dir().join(format!("itest-engine-{}", std::process::id()));
    teardown.durable(stop_engine, folder.clone())?;
    let output = script("start", &folder).output()?;
    let message = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    match output.status.code() {
        Some(0) => {}
        Some(UNAVAILABLE) => skip!("there is no real container engine: {message}"),
        _ => return Err(message.into()),
    }
    let host = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(OwnEngine { folder, docker: Docker::at(&host)? })
}

/// Ends an engine, also if it does not run any more.
#[teardown]
fn stop_engine(folder: PathBuf) -> Result<()> {
    let output = script("stop", &folder).output()?;
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into()) }
}

fn script(action: &str, folder: &Path) -> Command {
    let mut command = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.ci/engine"));
    command.arg(action).arg(folder).stdin(Stdio::null());
    command
}

impl OwnEngine {
    /// Kills the engine, and returns the command that starts it again. Its containers continue to run.
    async fn kill(&self) -> Result<Command> {
        let [own, containerd] = ["pid", "exec/containerd/containerd.pid"].map(|file| self.folder.join(file));
        let [id, containerd_id] = [process_id(&own)?, process_id(&containerd)?];
        let words = command_line(id);
        let mut words = words.trim_end_matches('\0').split('\0');
        let mut command = Command::new(words.next().ok_or("the engine has no command")?);
        let log = File::options().append(true).open(self.folder.join("log"))?;
        command.args(words).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        signal(id, Signal::KILL);
        signal(containerd_id, Signal::KILL);
        // A new engine would wait for the containerd that is ending.
        let have_ended = async || [id, containerd_id].into_iter().all(|id| command_line(id).is_empty());
        eventually(have_ended).within(Duration::from_secs(10)).equals(true).await?;
        // A process that has ended exists until its parent has read its status, and a new engine would take it for a running one.
        for file in [own, containerd] {
            fs::remove_file(file)?;
        }
        Ok(command)
    }
}

fn process_id(file: &Path) -> Result<u32> {
    Ok(fs::read_to_string(file)?.trim().parse()?)
}

/// The words of a process's command. A process that has ended has none.
fn command_line(id: u32) -> String {
    fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default()
}

/// Begins a run whose test waits, and returns when the test has its services.
async fn begin(suite: &Suite<'_>, log: &Path) -> Result<Child> {
    let [stdout, stderr] = [File::create(log)?, File::options().append(true).open(log)?];
    let child = suite.command()?.stdout(stdout).stderr(stderr).spawn()?;
    let is_ready = async || fs::read_to_string(log).is_ok_and(|text| text.contains("ready"));
    eventually(is_ready).within(Duration::from_secs(40)).equals(true).await?;
    Ok(child)
}

#[integration_test(serial = "real engine", timeout = "150s")]
#[case::a_container(env!("CARGO_BIN_EXE_suite-containers"), "remove the container itest-postgres-")]
#[case::a_compose_project(env!("CARGO_BIN_EXE_suite-compose"), "remove the Compose project itest-compose-")]
async fn engine_that_ends_during_a_run_is_reported_once_and_nothing_is_left_later(
    #[case] program: &str,
    #[case] words: &str,
    engine: OwnEngine,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    fs::write(dir.join("compose.yaml"), SHOP)?;
    let suite = || {
        let suite =
            Suite::new(program, dir).env("DOCKER_HOST", engine.docker.host()).env("ITEST_POSTGRES", "container");
        suite.env("CARGO_MANIFEST_DIR", dir.path().display().to_string())
    };
    let (running, log) = (suite().args(&["waits_forever", "--include-ignored", "--nocapture"]), dir.join("output"));
    let mut child = begin(&running, &log).await?;

    #[act]
    let mut engine_again = engine.kill().await?;
    signal(child.id(), Signal::INT);
    child.wait()?;
    let output = fs::read_to_string(&log)?;
    engine_again.spawn()?;
    let answers = async || engine.docker.run(&["version"]).is_ok();
    let answered = eventually(answers).within(Duration::from_secs(30)).equals(true).await;
    answered
        .map_err(|error| format!("{error}\n{}", fs::read_to_string(engine.folder.join("log")).unwrap_or_default()))?;
    let was_left = engine.docker.new_resources()?;
    let swept = running.wait_for(sweeping(suite())?)?;

    #[assert]
    let message = format!("cannot {words}");
    assert_eq!(output.matches(&message).count(), 1, "{output}");
    let remedy =
        "does not answer (connection refused); when the engine answers again, the next run removes it, or `--sweep`";
    assert!(output.contains(remedy), "{output}");
    assert_ne!(was_left, Vec::<String>::new());
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    assert_eq!(engine.docker.new_resources()?, Vec::<String>::new());
    swept.assert_nothing_left();
    Ok(())
}
