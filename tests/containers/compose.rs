//! The services of a compose file on a real engine, with each client of Compose that this machine has: from the start to the removal.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use itest::prelude::*;
use itest_tests::{Suite, signal};
use rustix::process::Signal;

use super::docker::Docker;
use super::lifetimes::{begin, kill, sweeping};

/// How long the engine may take to remove everything.
const REMOVAL_TIMEOUT: Duration = Duration::from_secs(20);

/// A server with a health check, a service that runs once, a volume and a network. The names and the port are those of the file only.
pub(crate) const SHOP: &str = r#"
services:
  store:
    image: redis:7-alpine
    container_name: itest-shop-store
    command: ["redis-server", "--save", "", "--protected-mode", "no"]
    ports: ["6379:6379"]
    healthcheck: {test: ["CMD", "redis-cli", "ping"], interval: 200ms, timeout: 2s, retries: 50}
    volumes: ["data:/data"]
    networks: [back]
  seed:
    image: redis:7-alpine
    command: ["sh", "-c", "sleep 1 && redis-cli -h itest-shop-store set seeded yes"]
    depends_on: {store: {condition: service_healthy}}
    networks: [back]
volumes: {data: {name: itest-shop-data}}
networks: {back: {name: itest-shop-back}}
"#;

/// The tests that need the services of the file above.
const OF_SHOP: [&str; 2] = ["--tag", "not other and not part"];

/// A suite that uses a compose file, and the folder of its package.
pub(crate) struct Shop<'t> {
    docker: &'t Docker,
    dir: &'t TempDir,
}

impl<'t> Shop<'t> {
    /// Writes the compose file.
    pub(crate) fn with_file(text: &str, docker: &'t Docker, dir: &'t TempDir) -> Result<Self> {
        fs::write(dir.join("compose.yaml"), text)?;
        Ok(Self { docker, dir })
    }

    /// A run of the suite.
    pub(crate) fn suite(&self) -> Suite<'t> {
        let suite = Suite::new(env!("CARGO_BIN_EXE_suite-compose"), self.dir).env("DOCKER_HOST", self.docker.host());
        suite.env("CARGO_MANIFEST_DIR", self.dir.path().display().to_string())
    }
}

/// Adds the client with this name to the beginning of `PATH`, and hides the others.
fn with_client<'t>(suite: Suite<'t>, client: &str, dir: &TempDir) -> Result<Suite<'t>> {
    let folder = dir.join("clients");
    fs::create_dir_all(&folder)?;
    let path = std::env::var("PATH").unwrap_or_default();
    let is_program = |folder: &PathBuf| folder.join("docker-compose").is_file();
    let version = |words: &[&str]| {
        let output = Command::new(words[0]).args(&words[1..]).args(["version", "--short"]).output();
        output.is_ok_and(|output| output.status.success())
    };
    match client {
        "docker compose" if version(&["docker", "compose"]) => Ok(suite),
        "docker-compose" => {
            let program = std::env::split_paths(&path).find(is_program);
            let program = program.ok_or("there is no docker-compose (Debian: apt-get install docker-compose)")?;
            std::os::unix::fs::symlink(program.join("docker-compose"), folder.join("docker-compose"))?;
            Ok(suite.env("PATH", folder.display().to_string()))
        }
        _ => skip!("this machine has no `{client}`"),
    }
}

async fn assert_all_is_removed(docker: &Docker) -> Result<()> {
    eventually(async || docker.new_resources().unwrap_or_default()).within(REMOVAL_TIMEOUT).equals(Vec::new()).await?;
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
fn services_are_ready_and_nothing_is_left(
    #[values("docker compose", "docker-compose")] client: &str,
    docker: &Docker,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    let shop = Shop::with_file(SHOP, docker, dir)?;
    let suite = with_client(shop.suite(), client, dir)?;

    #[act]
    let finished = suite.args(&OF_SHOP).args(&["--jobs", "2", "--require", "all"]).run()?;

    #[assert]
    let output = finished.stdout();
    assert_eq!(finished.code(), Some(0), "{output}{}", finished.stderr());
    let used: Vec<&str> = output.lines().filter(|line| line.starts_with("used: ")).collect();
    assert!(
        matches!(used[..], [line] if line.starts_with("used: compose.yaml, the Compose project itest-compose-")
            && line.ends_with("seed, store") && line.contains(client)),
        "{output}"
    );
    assert_eq!(fs::read_to_string(dir.join("compose.yaml"))?, SHOP);
    assert_eq!(docker.new_resources()?, Vec::<String>::new());
    finished.assert_nothing_left();
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
async fn two_runs_at_once_have_separate_services_on_this_machine_only(
    docker: &Docker,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let shop = Shop::with_file(SHOP, docker, dir)?;
    // It has the name of the file's volume, and belongs to the user.
    docker.run(&["volume", "create", "itest-shop-data"])?;
    docker.remove_at_the_end(&["volume", "rm", "itest-shop-data"], teardown);
    let running = shop.suite().args(&["waits_forever", "--ignored", "--nocapture", "--timeout", "50s"]);
    let mut child = begin(&running)?;

    #[act]
    let finished = shop.suite().args(&OF_SHOP).run()?;

    #[assert]
    assert_eq!(finished.code(), Some(0), "{}{}", finished.stdout(), finished.stderr());
    let containers = docker.new_containers()?;
    let store = containers.iter().find(|name| name.contains("store")).ok_or("the first run has lost its store")?;
    let open_at = docker.open_at(store)?;
    assert!(!open_at.is_empty() && open_at.iter().all(|address| address == "127.0.0.1"), "{open_at:?}");
    signal(child.id(), Signal::INT);
    child.wait()?;
    assert_eq!(docker.new_resources()?, ["volume itest-shop-data"]);
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
async fn sweep_removes_the_project_after_sigkill_of_everything(
    #[values("docker compose", "docker-compose")] client: &str,
    docker: &Docker,
    dir: &TempDir,
) -> Result<()> {
    #[arrange]
    let shop = Shop::with_file(SHOP, docker, dir)?;
    let killed = with_client(shop.suite(), client, dir)?.args(&["waits_forever", "--ignored", "--nocapture"]);
    let mut child = begin(&killed)?;
    kill(&killed, &mut child).await?;
    assert_eq!(docker.new_resources()?.len(), 4, "two containers, a volume and a network");
    fs::remove_file(dir.join("compose.yaml"))?;

    #[act]
    let swept = killed.wait_for(sweeping(shop.suite().env("PATH", "/nowhere"))?)?;

    #[assert]
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    assert_eq!(docker.new_resources()?, Vec::<String>::new(), "{}{}", swept.stdout(), swept.stderr());
    swept.assert_nothing_left();
    Ok(())
}

/// The client and the engine are creating containers when all processes are killed.
#[integration_test(serial = "real engine", timeout = "90s")]
async fn sweep_removes_a_project_whose_start_was_killed(docker: &Docker, dir: &TempDir) -> Result<()> {
    #[arrange]
    let shop = Shop::with_file(SHOP, docker, dir)?;
    let killed = shop.suite().args(&["waits_forever", "--ignored"]);
    let mut child = killed.command()?.spawn()?;
    let has_begun = async || docker.new_resources().is_ok_and(|resources| !resources.is_empty());
    eventually(has_begun).within(Duration::from_secs(20)).equals(true).await?;

    #[act]
    kill(&killed, &mut child).await?;
    let swept = killed.wait_for(sweeping(shop.suite())?)?;

    #[assert]
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    assert_eq!(docker.new_resources()?, Vec::<String>::new(), "{}{}", swept.stdout(), swept.stderr());
    swept.assert_nothing_left();
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
async fn interrupted_run_removes_its_project(docker: &Docker, dir: &TempDir) -> Result<()> {
    let shop = Shop::with_file(SHOP, docker, dir)?;
    let suite = shop.suite().args(&["waits_forever", "--ignored", "--nocapture"]);
    let mut child = begin(&suite)?;
    signal(child.id(), Signal::INT);
    child.wait()?;
    assert_eq!(docker.new_resources()?, Vec::<String>::new());
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
async fn service_that_ends_during_a_test_fails_it_with_the_reason(docker: &Docker, dir: &TempDir) -> Result<()> {
    #[arrange]
    let shop = Shop::with_file(SHOP, docker, dir)?;
    let report = dir.join("report.xml");
    let arguments = ["uses_the_store_until_it_ends", "--ignored", "--nocapture", "--junit"];
    let suite = shop.suite().args(&arguments).args(&[&report.display().to_string()]);
    let mut child = begin(&suite)?;

    #[act]
    let containers = docker.new_containers()?;
    let store = containers.iter().find(|name| name.contains("store")).ok_or("there is no store")?;
    docker.run(&["kill", store])?;
    child.wait()?;

    #[assert]
    let report = fs::read_to_string(report)?;
    let meaning = "a service has ended while the test used it, so the result of the test means nothing";
    for words in
        [meaning, "the service `store` of compose.yaml ended with exit code 137", "Ready to accept connections"]
    {
        assert!(report.contains(words) || report.contains(&words.replace('`', "&#96;")), "no `{words}` in: {report}");
    }
    assert_all_is_removed(docker).await
}

#[integration_test(serial = "real engine", timeout = "90s")]
fn report_of_a_failed_test_contains_the_logs_of_the_services(docker: &Docker, dir: &TempDir) -> Result<()> {
    let shop = Shop::with_file(SHOP, docker, dir)?;
    let events = shop.suite().events(&["fails_after_a_request", "--ignored"])?;
    let case = events.case("fails_after_a_request");
    assert_eq!(case["outcome"], "failed", "{case}");
    let notes = case["notes"].to_string();
    assert!(notes.contains("log of the service `store`") && notes.contains("DB saved on disk"), "{case}");
    assert_eq!(docker.new_resources()?, Vec::<String>::new());
    Ok(())
}
