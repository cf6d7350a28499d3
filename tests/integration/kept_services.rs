//! Services that are slow to start can outlive their run: the next run uses them again, and nothing of them is left after their time.

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite, signal};
use rustix::process::Signal;

const SUITE: &str = env!("CARGO_BIN_EXE_suite-kept-services");

/// Ends the services that a test keeps, also if it fails.
struct Swept;

#[fixture]
fn swept(dir: &TempDir, teardown: &Teardown) -> Swept {
    let sessions = dir.join("sessions");
    teardown.defer("end the kept services", async move {
        Command::new(SUITE).arg("--sweep").env("ITEST_SESSION_DIR", sessions).stdout(Stdio::null()).status().map(drop)
    });
    Swept
}

/// The suite, whose services stay for a minute.
fn suite<'t>(dir: &'t TempDir, tests: &[&str]) -> Suite<'t> {
    suite_without_time(dir, tests).env("ITEST_KEEP_SERVICES", "1m")
}

fn suite_without_time<'t>(dir: &'t TempDir, tests: &[&str]) -> Suite<'t> {
    let providers = ["ITEST_RABBITMQ", "ITEST_POSTGRES", "ITEST_MYSQL", "TEST_STORE"];
    let suite = providers.iter().fold(Suite::new(SUITE, dir), |suite, variable| suite.env(variable, "programs"));
    suite.env("SIGNS", dir.path().display().to_string()).args(&["--exact"]).args(tests)
}

/// A server that a run has used.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Server {
    folder: PathBuf,
    process: u32,
}

impl Server {
    /// The server of a run that has passed and keeps it.
    fn kept_by(finished: &Finished) -> Result<Self> {
        let output = passed(finished);
        assert!(output.contains(", which stays for 1m after this run"), "{output}");
        Self::at(&output)
    }

    fn at(output: &str) -> Result<Self> {
        let text = output.split("a private server in ").nth(1).ok_or_else(|| output.to_owned())?;
        let folder = PathBuf::from(text.split([',', '\n']).next().unwrap_or_default());
        let files = ["pid", "postmaster.pid", "data/postmaster.pid"].map(|name| folder.join(name));
        let text = files.iter().find_map(|file| fs::read_to_string(file).ok()).unwrap_or_default();
        let process = text.lines().next().unwrap_or_default().trim().parse().unwrap_or_default();
        Ok(Self { folder, process })
    }

    /// Whether the process runs. The command line of a zombie is empty.
    fn is_running(&self) -> bool {
        fs::read(format!("/proc/{}/cmdline", self.process)).is_ok_and(|line| !line.is_empty())
    }

    #[track_caller]
    fn assert_gone(&self) {
        assert!(!self.is_running() && !self.folder.exists(), "{self:?} is left");
    }
}

#[track_caller]
fn passed(finished: &Finished) -> String {
    let output = format!("{}{}", finished.stdout(), finished.stderr());
    assert_eq!(finished.code(), Some(0), "{output}");
    output
}

/// Ends the kept services with `--sweep`, after which nothing is left.
fn sweep(dir: &TempDir, server: &Server) -> Result<()> {
    let finished = Suite::new(SUITE, dir).args(&["--sweep"]).run()?;
    assert!(passed(&finished).contains("ended 1 kept service\n"), "{}", finished.stdout());
    finished.assert_nothing_left();
    server.assert_gone();
    Ok(())
}

/// Starts a run whose test waits, and returns when it does.
async fn start_waiting(dir: &TempDir, test: &str) -> Result<Child> {
    let mut command = suite(dir, &[test]).command()?;
    let run = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    eventually(async || dir.join("waiting").exists()).within(Duration::from_secs(50)).equals(true).await?;
    Ok(run)
}

#[integration_test(tags("rabbitmq", "postgres", "mysql"), timeout = "2m")]
fn second_run_uses_the_server_of_the_first(
    #[values("rabbitmq", "postgres", "mariadb", "store")] test: &str,
    dir: &TempDir,
    _swept: &Swept,
) -> Result<()> {
    #[arrange]
    let first = Server::kept_by(&suite(dir, &[test]).run()?)?;

    #[act]
    let second = Server::kept_by(&suite(dir, &[test]).run()?)?;

    #[assert]
    assert!(first.process > 0 && first.is_running(), "{first:?}");
    assert_eq!(second, first);
    sweep(dir, &first)
}

/// Two projects have the same recipe if they use the same version of a service.
#[integration_test]
fn recovery_of_a_killed_service_leaves_the_one_of_another_project_alone(
    dir: &TempDir,
    _swept: &Swept,
    other: TempDir,
) -> Result<()> {
    #[arrange]
    let server = Server::kept_by(&suite(dir, &["store"]).run()?)?;
    let killed = Server::kept_by(&suite(&other, &["store"]).run()?)?;
    suite(&other, &[]).kill_everything();

    #[act]
    let swept = Suite::new(SUITE, &other).args(&["--sweep"]).run()?;

    #[assert]
    swept.assert_nothing_left();
    killed.assert_gone();
    assert_eq!(Server::kept_by(&suite(dir, &["store"]).run()?)?, server);
    sweep(dir, &server)
}

#[integration_test]
fn server_of_another_recipe_is_another_one(dir: &TempDir, _swept: &Swept) -> Result<()> {
    let first = Server::kept_by(&suite(dir, &["store"]).run()?)?;
    let other = Server::kept_by(&suite(dir, &["store"]).env("STORE_DATABASES", "4").run()?)?;
    assert_ne!(other, first);
    let finished = Suite::new(SUITE, dir).args(&["--sweep"]).run()?;
    assert!(passed(&finished).contains("ended 2 kept services\n"), "{}", finished.stdout());
    finished.assert_nothing_left();
    first.assert_gone();
    other.assert_gone();
    Ok(())
}

#[integration_test]
async fn run_beside_another_one_has_a_server_of_its_own(dir: &TempDir, _swept: &Swept) -> Result<()> {
    #[arrange]
    let first = start_waiting(dir, "store_waits").await?;

    #[act]
    let second = suite(dir, &["store"]).run()?;
    let refused = Suite::new(SUITE, dir).args(&["--sweep"]).run()?;

    #[assert]
    let output = passed(&second);
    assert!(!output.contains("which stays"), "{output}");
    Server::at(&output)?.assert_gone();
    assert!(passed(&refused).contains("left 1 kept service to the runs that use them"), "{}", refused.stdout());
    fs::write(dir.join("continue"), "")?;
    let first = Server::kept_by(&suite(dir, &[]).wait_for(first)?)?;
    assert_eq!(Server::kept_by(&suite(dir, &["store"]).run()?)?, first);
    sweep(dir, &first)
}

#[integration_test]
async fn server_ends_when_its_time_is_over(dir: &TempDir, _swept: &Swept) -> Result<()> {
    let finished = suite_without_time(dir, &["store"]).env("ITEST_KEEP_SERVICES", "1s").run()?;
    let server = Server::at(&passed(&finished))?;
    assert!(server.is_running());
    eventually(async || finished.left()).within(Duration::from_secs(10)).equals(Vec::new()).await?;
    server.assert_gone();
    Ok(())
}

#[integration_test]
#[case::after_a_run("store")]
#[case::during_a_run("store_waits")]
async fn next_start_ends_the_server_after_sigkill_of_everything(
    #[case] test: &str,
    dir: &TempDir,
    _swept: &Swept,
) -> Result<()> {
    #[arrange]
    let server = Server::kept_by(&suite(dir, &["store"]).run()?)?;
    let run = if test == "store" { None } else { Some(start_waiting(dir, test).await?) };
    suite(dir, &[]).kill_everything();
    run.map_or(Ok(()), |mut run| run.wait().map(drop))?;
    assert!(server.folder.exists());

    #[act]
    let later = Suite::new(env!("CARGO_BIN_EXE_suite-selection"), dir).run()?;

    #[assert]
    assert!(later.stdout().contains("gave back"), "{}", later.stdout());
    later.assert_nothing_left();
    server.assert_gone();
    Ok(())
}

#[integration_test]
fn dead_server_is_replaced_for_the_next_run(dir: &TempDir, _swept: &Swept) -> Result<()> {
    let first = Server::kept_by(&suite(dir, &["store"]).run()?)?;
    signal(first.process, Signal::KILL);
    let second = Server::kept_by(&suite(dir, &["store"]).run()?)?;
    assert_ne!(second.process, first.process);
    sweep(dir, &second)
}

/// The names of the virtual hosts of tests, from the files of a RabbitMQ server.
fn virtual_hosts(server: &Server) -> Result<Vec<String>> {
    let folders = fs::read_dir(server.folder.join("data/node/msg_stores/vhosts"))?;
    let names = folders.filter_map(|folder| fs::read_to_string(folder.ok()?.path().join(".vhost")).ok());
    Ok(names.filter(|name| name.starts_with("itest-")).collect())
}

/// The processes of a run, without the server that it uses and the session that keeps this server.
fn processes_of_run(dir: &TempDir) -> Vec<u32> {
    let is_of_run = |process: &u32| {
        let command = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let is_test_process = command.starts_with("itest-worker") || command.starts_with(SUITE);
        is_test_process || command.starts_with("itest-session") && !command.contains("/sessions/kept-")
    };
    suite(dir, &[]).traces().process_ids().into_iter().filter(is_of_run).collect()
}

/// Kills all processes of a run, and waits until they have ended.
async fn kill_run(dir: &TempDir) -> Result<()> {
    for sent in [Signal::STOP, Signal::KILL] {
        for process in processes_of_run(dir) {
            signal(process, sent);
        }
    }
    eventually(async || processes_of_run(dir)).equals(Vec::new()).await?;
    Ok(())
}

#[integration_test(tags("rabbitmq", "postgres", "mysql"), timeout = "2m")]
async fn server_of_a_killed_run_is_clean_for_the_next_one(
    #[values("rabbitmq", "postgres", "mariadb")] test: &str,
    dir: &TempDir,
    _swept: &Swept,
) -> Result<()> {
    #[arrange]
    let mut run = start_waiting(dir, &format!("{test}_waits")).await?;
    kill_run(dir).await?;
    run.wait()?;

    #[act]
    // The tests on databases find the databases of other runs themselves.
    let server = Server::kept_by(&suite(dir, &[test]).run()?)?;

    #[assert]
    if test == "rabbitmq" {
        assert_eq!(virtual_hosts(&server)?, Vec::<String>::new());
    }
    sweep(dir, &server)
}

#[integration_test]
fn services_are_not_kept_in_ci(dir: &TempDir) -> Result<()> {
    let finished = suite(dir, &["store"]).env("CI", "true").run()?;
    assert_eq!(finished.code(), Some(2), "{}", finished.stdout());
    assert!(
        finished.stderr().contains("services are not kept in CI (the variable CI is set)"),
        "{}",
        finished.stderr()
    );
    finished.assert_nothing_left();
    Ok(())
}
