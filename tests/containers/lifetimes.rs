//! The lifetime of containers: from the first test that needs a server to the removal, also if processes are killed.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use itest::prelude::*;
use itest_tests::{Suite, signal};
use rustix::process::Signal;

use super::engine::{Behaviour, Engine};
use super::server::environment;

/// The suite, which may get its servers from containers only.
pub(crate) fn suite<'t>(engine: &Engine, dir: &'t TempDir) -> Suite<'t> {
    Suite::new(env!("CARGO_BIN_EXE_suite-containers"), dir)
        .env("ITEST_POSTGRES", "container")
        .env("ITEST_MYSQL", "container")
        .env("DOCKER_HOST", engine.host())
}

/// The requests that change containers or images, with `NAME` in place of names.
fn changes(engine: &Engine) -> Vec<String> {
    let calls = engine.calls().into_iter().filter(|call| !call.starts_with("GET"));
    let plain = |call: String| {
        let words = call.split('/').map(|word| if word.starts_with("itest-") { "NAME" } else { word });
        words.collect::<Vec<_>>().join("/")
    };
    calls.map(plain).collect()
}

const WHOLE_LIFETIME: [&str; 3] = ["POST /containers/create", "POST /containers/NAME/start", "DELETE /containers/NAME"];

#[integration_test]
#[case::postgres("postgres", 4)]
#[case::mysql("mysql", 3)]
fn container_of_a_server_is_removed_after_the_run(
    #[case] server: &str,
    #[case] tests: u64,
    #[values("1", "2")] jobs: &str,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(Behaviour::Works, teardown)?;
    let events = suite(&engine, dir).events(&["--tag", server, "--jobs", jobs])?;
    assert_eq!(events.summary()["passed"], tests, "{}", events.finished.stdout());
    assert_eq!(changes(&engine), WHOLE_LIFETIME);
    assert_eq!(engine.containers(), Vec::<String>::new());
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn engine_can_be_reached_over_tcp(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let engine = Engine::start(Behaviour::Works, teardown)?;
    let events = suite(&engine, dir).env("DOCKER_HOST", engine.tcp_host()).events(&["--tag", "postgres"])?;
    assert_eq!(events.summary()["passed"], 4, "{}", events.finished.stdout());
    assert_eq!(changes(&engine), WHOLE_LIFETIME);
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn missing_image_is_pulled(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let engine = Engine::start(Behaviour::Pulls, teardown)?;
    let events = suite(&engine, dir).env("ITEST_POSTGRES_IMAGE", "postgres:18").events(&["--tag", "postgres"])?;
    assert_eq!(events.summary()["passed"], 4, "{}", events.finished.stdout());
    assert_eq!(changes(&engine), [&["POST /images/create"], WHOLE_LIFETIME.as_slice()].concat());
    Ok(())
}

/// Starts a suite whose test waits forever, and returns when the test has its database.
pub(crate) fn begin(suite: &Suite<'_>) -> Result<Child> {
    begin_command(suite.command()?)
}

/// Like [`begin`], with the command of a suite.
pub(crate) fn begin_command(mut command: Command) -> Result<Child> {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.contains("ready") {
            // The rest of the output must be read, because a full pipe would block the suite.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(child);
        }
    }
    Err("the suite ended before its test was ready".into())
}

/// Kills all processes of a suite, and waits until they are gone, because a dying process still holds its locks.
pub(crate) async fn kill(suite: &Suite<'_>, child: &mut Child) -> Result<()> {
    suite.kill_everything();
    child.wait()?;
    eventually(async || suite.traces().process_ids()).equals(Vec::new()).await?;
    Ok(())
}

pub(crate) fn sweeping(suite: Suite<'_>) -> Result<Child> {
    let suite = suite.args(&["--sweep"]);
    Ok(suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

/// The next run may use another engine. The ledger names the engine that has the container.
#[integration_test]
#[case::local(false, None)]
#[case::local_and_another_engine_now(false, Some("tcp://127.0.0.1:9"))]
#[case::remote_and_another_engine_now(true, Some("unix:///nowhere/engine.sock"))]
async fn next_start_removes_the_container_of_a_killed_run(
    #[case] is_remote: bool,
    #[case] now: Option<&str>,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let engine = Engine::start(Behaviour::Works, teardown)?;
    let host = if is_remote { engine.tcp_host() } else { engine.host() };
    let killed = suite(&engine, dir).env("DOCKER_HOST", &host).args(&["waits_forever", "--nocapture"]);
    let mut child = begin(&killed)?;
    kill(&killed, &mut child).await?;
    assert_eq!(engine.containers().len(), 1, "no process is left that could remove it");

    #[act]
    let swept = killed.wait_for(sweeping(suite(&engine, dir).env("DOCKER_HOST", now.unwrap_or(&host)))?)?;

    #[assert]
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    assert_eq!(engine.containers(), Vec::<String>::new(), "{}{}", swept.stdout(), swept.stderr());
    swept.assert_nothing_left();
    Ok(())
}

#[integration_test]
#[case::the_supervisor(false)]
#[case::the_sessions_server(true)]
async fn container_is_removed_after_one_process_was_killed(
    #[case] is_server: bool,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(Behaviour::Works, teardown)?;
    let suite = suite(&engine, dir).args(&["waits_forever", "--nocapture", "--timeout", "2s"]);
    let mut child = begin(&suite)?;
    let processes = suite.traces().processes();
    let server = processes.iter().find(|process| process.contains("itest-session")).ok_or("there is no server")?;
    let server: u32 = server.split(' ').nth(1).unwrap_or_default().parse()?;
    signal(if is_server { server } else { child.id() }, Signal::KILL);
    child.wait()?;
    eventually(async || engine.containers()).within(Duration::from_secs(10)).equals(Vec::new()).await?;
    eventually(async || suite.traces().left()).within(Duration::from_secs(10)).equals(Vec::new()).await?;
    Ok(())
}

/// The creation of a container may take seconds, and the engine finishes it even if the process that requested it was killed.
#[integration_test]
async fn container_created_after_the_death_of_its_run_is_removed(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let engine = Engine::start(Behaviour::DelaysCreation, teardown)?;
    let killed = suite(&engine, dir).args(&["waits_forever"]);
    let mut child = killed.command()?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let creations = async || engine.count("POST /containers/create");
    eventually(creations).within(Duration::from_secs(20)).equals(1).await?;
    kill(&killed, &mut child).await?;

    #[act]
    let sweeping = sweeping(suite(&engine, dir))?;
    let removal_was_requested = async || engine.count("DELETE /containers/") > 0;
    eventually(removal_was_requested).within(Duration::from_secs(20)).equals(true).await?;
    assert_eq!(engine.containers(), Vec::<String>::new());
    engine.allow();
    let swept = killed.wait_for(sweeping)?;

    #[assert]
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    assert_eq!(engine.count("POST /containers/create"), 1);
    assert_eq!(engine.containers(), Vec::<String>::new(), "{}{}", swept.stdout(), swept.stderr());
    swept.assert_nothing_left();
    Ok(())
}

/// The contents of all files below a folder.
fn texts(folder: &Path) -> Result<String> {
    let mut all = String::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            all.push_str(&texts(&path)?);
        } else if path.is_file() {
            all.push_str(&String::from_utf8_lossy(&fs::read(&path)?));
        }
    }
    Ok(all)
}

#[integration_test]
async fn ledger_has_the_container_name_and_no_password(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let engine = Engine::start(Behaviour::Works, teardown)?;
    let suite = suite(&engine, dir).args(&["waits_forever", "--nocapture"]);
    let mut child = begin(&suite)?;
    let spec = engine.spec()?;
    let password = environment(&spec, "POSTGRES_PASSWORD").unwrap_or_default().to_owned();
    let (written, name) = (texts(&suite.sessions())?, engine.containers().concat());
    signal(child.id(), Signal::INT);
    child.wait()?;
    assert_eq!(password.len(), 32);
    assert!(written.contains(&name), "{name} is in no ledger: {written}");
    assert!(!written.contains(&password), "the password is in a ledger: {written}");
    assert_eq!(spec["Labels"]["itest"], "postgres");
    // Even if the test runs in a container, because the engine does not know this container.
    assert_eq!(spec["HostConfig"]["PortBindings"]["5432/tcp"][0]["HostIp"], "127.0.0.1", "{spec}");
    eventually(async || engine.containers()).within(Duration::from_secs(10)).equals(Vec::new()).await?;
    Ok(())
}

/// The report prints commands that open the databases in the kept containers.
#[integration_test]
async fn kept_databases_are_reported_with_commands_without_password(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let engine = Engine::start(Behaviour::Works, teardown)?;
    let events = suite(&engine, dir).events(&["--ignored", "--tag", "kept", "--keep-failed"])?;
    let kept = events.case("fails_with_two_databases")["kept"].clone();
    let steps = kept["steps"].to_string().replace("\\\"", "\"");
    let names = engine.containers();
    let name = |server: &str| names.iter().find(|name| name.contains(server)).cloned().unwrap_or_default();
    let commands = [
        format!("docker exec -it {} psql -U postgres itest_", name("postgres")),
        format!(
            "docker exec -it {} sh -c 'mariadb --user=root --password=\"$MYSQL_ROOT_PASSWORD\" itest_",
            name("mysql")
        ),
    ];
    for command in commands {
        assert!(steps.contains(&command), "no {command} in {steps}");
    }
    assert_eq!(names.len(), 2);
    let holder =
        kept["process"].as_u64().and_then(|id| u32::try_from(id).ok()).ok_or("no process keeps the resources")?;
    signal(holder, Signal::TERM);
    eventually(async || engine.containers()).within(Duration::from_secs(20)).equals(Vec::new()).await?;
    eventually(async || events.finished.left()).within(Duration::from_secs(20)).equals(Vec::new()).await?;
    Ok(())
}
