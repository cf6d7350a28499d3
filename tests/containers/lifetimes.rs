//! From the first test that needs a server to the removal of its container, whatever happens in between.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::Duration;

use itest::prelude::*;
use itest_tests::{Suite, signal};
use rustix::process::Signal;

use super::engine::{Engine, Manner};
use super::server::environment;

/// The suite, which finds its servers in containers only.
pub(crate) fn suite<'t>(engine: &Engine, dir: &'t TempDir) -> Suite<'t> {
    Suite::new(env!("CARGO_BIN_EXE_suite-containers"), dir)
        .env("ITEST_POSTGRES", "container")
        .env("ITEST_MYSQL", "container")
        .env("DOCKER_HOST", engine.host())
}

/// The calls about containers, without names and without those that only look.
fn story(engine: &Engine) -> Vec<String> {
    let calls = engine.calls().into_iter().filter(|call| !call.starts_with("GET"));
    let plain = |call: String| {
        let words = call.split('/').map(|word| if word.starts_with("itest-") { "NAME" } else { word });
        words.collect::<Vec<_>>().join("/")
    };
    calls.map(plain).collect()
}

const WHOLE: [&str; 3] = ["POST /containers/create", "POST /containers/NAME/start", "DELETE /containers/NAME"];

#[integration_test]
#[case::postgres("postgres", 4)]
#[case::mysql("mysql", 3)]
fn tests_run_on_a_server_in_a_container_that_is_removed(
    #[case] server: &str,
    #[case] tests: u64,
    #[values("1", "2")] jobs: &str,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(Manner::Kind, teardown)?;
    let events = suite(&engine, dir).events(&["--tag", server, "--jobs", jobs])?;
    assert_eq!(events.summary()["passed"], tests, "{}", events.finished.stdout());
    assert_eq!(story(&engine), WHOLE);
    assert_eq!(engine.containers(), Vec::<String>::new());
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn an_engine_is_found_on_the_network(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let engine = Engine::start(Manner::Kind, teardown)?;
    let events = suite(&engine, dir).env("DOCKER_HOST", engine.far_host()).events(&["--tag", "postgres"])?;
    assert_eq!(events.summary()["passed"], 4, "{}", events.finished.stdout());
    assert_eq!(story(&engine), WHOLE);
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn an_image_that_is_not_there_is_pulled(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let engine = Engine::start(Manner::Pulls, teardown)?;
    let events = suite(&engine, dir).env("ITEST_POSTGRES_IMAGE", "postgres:18").events(&["--tag", "postgres"])?;
    assert_eq!(events.summary()["passed"], 4, "{}", events.finished.stdout());
    assert_eq!(story(&engine), [&["POST /images/create"], WHOLE.as_slice()].concat());
    Ok(())
}

/// Starts the test that waits for ever, and waits until it has its database.
fn begin(suite: &Suite<'_>) -> Result<Child> {
    let mut child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let mut lines = BufReader::new(child.stdout.take().ok_or("no stdout")?).lines();
    while let Some(line) = lines.next().transpose()? {
        if line.contains("ready") {
            // Whoever writes on must be heard, or it blocks.
            std::thread::spawn(move || lines.for_each(drop));
            return Ok(child);
        }
    }
    Err("the suite ended before its test was ready".into())
}

/// Kills all processes of a suite, and waits until they are gone: what is dying still holds its locks.
async fn kill(suite: &Suite<'_>, child: &mut Child) -> Result<()> {
    suite.kill_everything();
    child.wait()?;
    eventually(async || suite.traces().process_ids()).equals(Vec::new()).await?;
    Ok(())
}

fn sweeping(suite: Suite<'_>) -> Result<Child> {
    let suite = suite.args(&["--sweep"]);
    Ok(suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?)
}

/// The next run may know of another engine: the ledger says which one has the container.
#[integration_test]
#[case::near(false, None)]
#[case::near_and_another_one_now(false, Some("tcp://127.0.0.1:9"))]
#[case::far_and_another_one_now(true, Some("unix:///nowhere/engine.sock"))]
async fn after_everything_was_killed_the_next_start_leaves_no_container(
    #[case] is_far: bool,
    #[case] now: Option<&str>,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let engine = Engine::start(Manner::Kind, teardown)?;
    let host = if is_far { engine.far_host() } else { engine.host() };
    let killed = suite(&engine, dir).env("DOCKER_HOST", &host).args(&["waits_for_ever", "--nocapture"]);
    let mut child = begin(&killed)?;
    kill(&killed, &mut child).await?;
    assert_eq!(engine.containers().len(), 1, "nobody is left to remove it");

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
async fn after_one_process_was_killed_the_others_leave_no_container(
    #[case] is_server: bool,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(Manner::Kind, teardown)?;
    let suite = suite(&engine, dir).args(&["waits_for_ever", "--nocapture", "--timeout", "2s"]);
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

/// Between the question for a container and its answer there may be seconds, and the engine goes on when whoever asked is dead.
#[integration_test]
async fn a_container_that_appears_after_the_death_of_its_run_is_removed(
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let engine = Engine::start(Manner::HoldsCreation, teardown)?;
    let killed = suite(&engine, dir).args(&["waits_for_ever"]);
    let mut child = killed.command()?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let asked = async || engine.count("POST /containers/create");
    eventually(asked).within(Duration::from_secs(20)).equals(1).await?;
    kill(&killed, &mut child).await?;

    #[act]
    let sweeping = sweeping(suite(&engine, dir))?;
    let in_vain = async || engine.count("DELETE /containers/") > 0;
    eventually(in_vain).within(Duration::from_secs(20)).equals(true).await?;
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

/// Everything that is written below a folder.
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
async fn the_password_is_in_no_ledger_and_the_name_is(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let engine = Engine::start(Manner::Kind, teardown)?;
    let suite = suite(&engine, dir).args(&["waits_for_ever", "--nocapture"]);
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
    // Inside of a container the engine around it is another machine.
    let is_inside = Path::new("/.dockerenv").exists();
    let bound = &spec["HostConfig"]["PortBindings"]["5432/tcp"][0]["HostIp"];
    assert_eq!(bound.as_str(), (!is_inside).then_some("127.0.0.1"), "{spec}");
    eventually(async || engine.containers()).within(Duration::from_secs(10)).equals(Vec::new()).await?;
    Ok(())
}

/// The report says how to look into the containers, which are kept until somebody has.
#[integration_test]
async fn kept_databases_are_told_with_commands_that_need_no_password(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let engine = Engine::start(Manner::Kind, teardown)?;
    let events = suite(&engine, dir).events(&["--ignored", "--tag", "kept", "--keep-failed"])?;
    let kept = events.case("fails_with_two_databases")["kept"].clone();
    let steps = kept["steps"].to_string().replace("\\\"", "\"");
    let names = engine.containers();
    let name = |server: &str| names.iter().find(|name| name.contains(server)).cloned().unwrap_or_default();
    let told = [
        format!("docker exec -it {} psql -U postgres itest_", name("postgres")),
        format!(
            "docker exec -it {} sh -c 'mariadb --user=root --password=\"$MYSQL_ROOT_PASSWORD\" itest_",
            name("mysql")
        ),
    ];
    for told in told {
        assert!(steps.contains(&told), "no {told} in {steps}");
    }
    assert_eq!(names.len(), 2);
    let keeper = kept["process"].as_u64().and_then(|id| u32::try_from(id).ok()).ok_or("nobody keeps them")?;
    signal(keeper, Signal::TERM);
    eventually(async || engine.containers()).within(Duration::from_secs(20)).equals(Vec::new()).await?;
    eventually(async || events.finished.left()).within(Duration::from_secs(20)).equals(Vec::new()).await?;
    Ok(())
}
