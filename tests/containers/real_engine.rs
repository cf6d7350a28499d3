//! Servers in containers of a real engine, which `DOCKER_HOST` names: from the first test to the removal, and the errors of the engine.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::time::{Duration, Instant};

use itest::prelude::*;
use itest_tests::signal;
use rustix::process::{Pid, Signal, kill_process_group};

use super::docker::Docker;
use super::lifetimes::{begin, begin_command, kill, sweeping};

/// How long the engine may take to remove a container.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(20);

const WAITING: [&str; 4] = ["waits_forever", "--nocapture", "--timeout", "50s"];

/// A test of the suite that needs PostgreSQL.
const TEST: &str = "durability_settings_are_off";

#[integration_test(serial = "real engine", timeout = "90s")]
#[case::postgres("postgres", "PostgreSQL", "postgres:17-alpine")]
#[case::mariadb("mysql", "MariaDB", "mariadb:11")]
#[case::redis("redis", "Redis", "redis:7-alpine")]
#[case::nats("nats", "NATS", "nats:2-alpine")]
#[case::mqtt("mqtt", "MQTT", "eclipse-mosquitto:2")]
#[case::rabbitmq("rabbitmq", "RabbitMQ", "rabbitmq:4-management-alpine")]
#[case::service_of_the_suite("service", "Store", "redis:7-alpine")]
fn suite_is_green_and_leaves_nothing(
    #[case] service: &str,
    #[case] name: &str,
    #[case] image: &str,
    docker: &Docker,
    dir: &TempDir,
) -> Result<()> {
    let finished = docker.suite(dir).args(&["--tag", service, "--jobs", "2", "--require", "all"]).run()?;
    let output = finished.stdout();
    assert_eq!(finished.code(), Some(0), "{output}{}", finished.stderr());
    let used: Vec<&str> = output.lines().filter(|line| line.starts_with("used: ")).collect();
    let container = format!("(the container itest-{service}-");
    assert!(
        matches!(used[..], [line] if line.starts_with(&format!("used: {name}")) && line.contains(&container) && line.contains(image)),
        "{output}"
    );
    assert_eq!(docker.new_resources()?, Vec::<String>::new());
    finished.assert_nothing_left();
    Ok(())
}

/// Waits until the engine has removed everything.
async fn assert_all_is_removed(docker: &Docker) -> Result<()> {
    eventually(async || docker.new_resources().unwrap_or_default()).within(REMOVAL_TIMEOUT).equals(Vec::new()).await?;
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
async fn container_is_open_to_this_machine_only_and_removed_after_sigkill_of_the_group(
    docker: &Docker,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    let suite = docker.suite(dir).args(&WAITING);
    let mut command = suite.command()?;
    command.process_group(0);
    let mut child = begin_command(command)?;
    assert_eq!(docker.open_at(&docker.new_container()?)?, ["127.0.0.1"]);

    #[act]
    let group = Pid::from_raw(child.id().try_into()?).ok_or("no process id")?;
    kill_process_group(group, Signal::KILL)?;
    child.wait()?;

    #[assert]
    assert_all_is_removed(docker).await?;
    eventually(async || suite.traces().left()).within(REMOVAL_TIMEOUT).equals(Vec::new()).await?;
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
async fn sweep_removes_the_container_after_sigkill_of_everything(docker: &Docker, dir: &TempDir) -> Result<()> {
    #[arrange]
    let killed = docker.suite(dir).args(&WAITING);
    let mut child = begin(&killed)?;
    kill(&killed, &mut child).await?;
    docker.new_container()?;

    #[act]
    let swept = killed.wait_for(sweeping(docker.suite(dir))?)?;

    #[assert]
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    assert_eq!(docker.new_resources()?, Vec::<String>::new(), "{}{}", swept.stdout(), swept.stderr());
    swept.assert_nothing_left();
    Ok(())
}

/// The bridge is the only address that the container of the tests can reach and other machines cannot.
#[integration_test(serial = "real engine", timeout = "90s")]
#[case::in_the_default_network("bridge")]
#[case::in_a_network_of_the_user("itest-test-network")]
async fn suite_in_a_container_opens_the_port_on_its_bridge_only(
    #[case] network: &str,
    docker: &Docker,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    if network != "bridge" {
        docker.run(&["network", "create", network])?;
        docker.remove_at_the_end(&["network", "rm", network], teardown);
    }
    let (socket, suite) = (docker.socket()?, Path::new(env!("CARGO_BIN_EXE_suite-containers")));
    let volumes = [format!("{}:/engine.sock", socket.display()), format!("{}:/suite:ro", suite.display())];
    let name = "suite-in-a-container";
    let mut arguments = vec!["run", "--detach", "--name", name, "--network", network];
    arguments.extend(volumes.iter().flat_map(|volume| ["--volume", volume]));
    arguments.extend(["--env", "DOCKER_HOST=unix:///engine.sock", "--env", "ITEST_POSTGRES=container"]);
    arguments.extend(["postgres:17-alpine", "/suite"].iter().chain(&WAITING));

    #[act]
    docker.run(&arguments)?;
    docker.remove_at_the_end(&["rm", "--force", "--volumes", name], teardown);
    let log = async || docker.run(&["logs", name]).unwrap_or_default();
    eventually(log).within(Duration::from_secs(40)).until(|log| log.contains("ready")).await?;
    let started = docker.new_container()?;

    #[assert]
    let gateway = format!("{{{{(index .NetworkSettings.Networks {network:?}).Gateway}}}}");
    assert_eq!(docker.open_at(&started)?, [docker.run(&["inspect", "--format", &gateway, name])?]);
    docker.run(&["stop", "--time", "20", name])?;
    let left = docker.new_resources()?;
    assert!(left.iter().all(|resource| resource.ends_with(network)), "{left:?}");
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
fn image_that_cannot_be_pulled_is_reported(docker: &Docker, dir: &TempDir) -> Result<()> {
    let suite = docker.suite(dir).env("ITEST_POSTGRES_IMAGE", "127.0.0.1:9/missing:1");
    let events = suite.events(&[TEST])?;
    let failure = events.case(TEST)["failures"].to_string();
    for words in ["the image 127.0.0.1:9/missing:1 cannot be pulled", "connection refused", "ITEST_POSTGRES_IMAGE"] {
        assert!(failure.contains(words), "no `{words}` in: {failure}");
    }
    assert_eq!(docker.new_resources()?, Vec::<String>::new());
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
#[case::container_that_ends_at_once(
    "echo initdb: no space left on device >&2; exit 3",
    &["ended with exit code 3", "the end of its log", "initdb: no space left on device"]
)]
#[case::server_that_refuses_the_login(
    "POSTGRES_PASSWORD=another exec /entrypoint \\\"$@\\\"",
    &["password authentication failed for user", "must set the password of POSTGRES_PASSWORD", "the end of its log"]
)]
fn unusable_image_is_reported_at_once(
    #[case] script: &str,
    #[case] words: &[&str],
    docker: &Docker,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let image = "itest-unusable-image";
    let dockerfile = format!("FROM postgres:17-alpine\nENTRYPOINT [\"/bin/bash\", \"-c\", \"{script}\", \"--\"]\n");
    docker.build(image, &dockerfile, dir, teardown)?;

    #[act]
    let since = Instant::now();
    let events = docker.suite(dir).env("ITEST_POSTGRES_IMAGE", image).events(&[TEST])?;

    #[assert]
    assert!(since.elapsed() < Duration::from_secs(30), "it took {:?}", since.elapsed());
    let failure = events.case(TEST)["failures"].to_string();
    for words in words {
        assert!(failure.contains(words), "no `{words}` in: {failure}");
    }
    // The message says it once, and the log says it once.
    assert!(failure.matches("password authentication failed").count() <= 2, "{failure}");
    assert_eq!(docker.new_resources()?, Vec::<String>::new());
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
async fn interrupted_run_removes_its_container(docker: &Docker, dir: &TempDir) -> Result<()> {
    let suite = docker.suite(dir).args(&WAITING);
    let mut child = begin(&suite)?;
    signal(child.id(), Signal::INT);
    child.wait()?;
    assert_eq!(docker.new_resources()?, Vec::<String>::new());
    eventually(async || suite.traces().left()).within(REMOVAL_TIMEOUT).equals(Vec::new()).await?;
    Ok(())
}
