//! Mistakes in compose files, and services that do not become ready: each gets one message, and nothing is left.

use itest::prelude::*;

use super::compose::Shop;
use super::docker::Docker;

/// The test that needs the services of the file.
const TEST: &str = "other_services_are_ready";

#[integration_test(serial = "real engine", timeout = "90s")]
#[case::wrong_yaml("services:\n  store: [\n", &["refuses compose.yaml", "line"])]
#[case::unknown_key("services:\n  store:\n    imag: redis:7-alpine\n", &["refuses compose.yaml", "imag"])]
#[case::missing_variable(
    "services:\n  store:\n    image: redis:${TAG:?set the version of the store}\n",
    &["refuses compose.yaml", "set the version of the store"]
)]
#[case::missing_image(
    "services:\n  store:\n    image: 127.0.0.1:9/missing:1\n",
    &["the image 127.0.0.1:9/missing:1 cannot be pulled", "`image` of the service `store`", "connection refused"]
)]
#[case::network_of_the_machine(
    "services:\n  store:\n    image: redis:7-alpine\n    network_mode: host\n",
    &["`store`", "`network_mode: host`", "remove it"]
)]
#[case::container_that_ends(
    "services:\n  store:\n    image: redis:7-alpine\n    command: [sh, -c, 'echo no space left on device; exit 3']\n",
    &["the service `store` of compose.yaml ended with exit code 3", "the end of its log:\\nno space left on device"]
)]
#[case::container_that_is_unhealthy(
    "services:\n  store:\n    image: redis:7-alpine\n    command: [redis-server]\n    healthcheck: {test: [CMD-SHELL, 'echo the disk is full; exit 1'], interval: 100ms, retries: 2}\n",
    &["the service `store` of compose.yaml is unhealthy", "the disk is full", "the end of its log", "Ready to accept connections"]
)]
#[case::container_that_never_is_healthy(
    "services:\n  store:\n    image: redis:7-alpine\n    command: [redis-server]\n    healthcheck: {test: [CMD, 'false'], interval: 100ms, retries: 1000}\n",
    &["the service `store` of compose.yaml is not ready within 4s", "health check", "Ready to accept connections"]
)]
#[case::port_that_is_never_open(
    "services:\n  store:\n    image: redis:7-alpine\n    command: [sleep, '60']\n    ports: ['6379:6379']\n",
    &["is not ready within 4s", "does not accept connections on its port 6379", "its log is empty"]
)]
#[case::dependency_that_never_is_ready(
    "services:\n  api:\n    image: redis:7-alpine\n    depends_on: {store: {condition: service_healthy}}\n  store:\n    image: redis:7-alpine\n    command: [redis-server]\n    healthcheck: {test: [CMD, 'false'], interval: 100ms, retries: 1000}\n",
    &["is not ready within 4s"]
)]
fn mistake_is_reported_once_and_leaves_nothing(
    #[case] file: &str,
    #[case] words: &[&str],
    docker: &Docker,
    dir: &TempDir,
) -> Result<()> {
    let shop = Shop::with_file(file, docker, dir)?;
    let events = shop.suite().events(&[TEST])?;
    let case = events.case(TEST);
    let failure = case["failures"].to_string();
    assert_eq!(case["outcome"], "errored", "{failure}");
    for word in words {
        assert!(failure.contains(word), "no `{word}` in: {failure}");
    }
    assert_eq!(docker.new_resources()?, Vec::<String>::new());
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
fn missing_file_and_missing_service_are_reported(docker: &Docker, dir: &TempDir) -> Result<()> {
    let shop = Shop::with_file("services:\n  store:\n    image: redis:7-alpine\n", docker, dir)?;
    let events = shop.suite().env("SUITE_SERVICE", "web").events(&["part_of_the_services_is_ready"])?;
    let failure = events.case("part_of_the_services_is_ready")["failures"].to_string();
    assert!(failure.contains("compose.yaml has no service `web`; it has: store"), "{failure}");
    std::fs::remove_file(dir.join("compose.yaml"))?;
    let events = shop.suite().events(&[TEST])?;
    let failure = events.case(TEST)["failures"].to_string();
    assert!(failure.contains("there is no compose file") && failure.contains("Stack::FILE"), "{failure}");
    assert_eq!(docker.new_resources()?, Vec::<String>::new());
    Ok(())
}

/// The image gets a name of the project, is built for the run, and is removed.
#[integration_test(serial = "real engine", timeout = "90s")]
fn part_of_the_file_is_started_and_its_built_image_is_removed(docker: &Docker, dir: &TempDir) -> Result<()> {
    #[arrange]
    let file = "services:\n  cache:\n    build: .\n    image: itest-shop-cache\n    profiles: [extra]\n    ports: [6379]\n  \
                store:\n    image: 127.0.0.1:9/missing:1\n";
    let shop = Shop::with_file(file, docker, dir)?;
    let dockerfile = "ARG TAG\nFROM redis:7-alpine\nCMD [\"redis-server\", \"--protected-mode\", \"no\"]\n";
    std::fs::write(dir.join("Dockerfile"), dockerfile)?;
    let images = || -> Result<Vec<String>> {
        let images = docker.run(&["images", "--format", "{{.Repository}}"])?;
        let mut images: Vec<String> = images.lines().map(str::to_owned).collect();
        images.sort();
        Ok(images)
    };
    let before = images()?;

    #[act]
    let events = shop.suite().env("SUITE_SERVICE", "cache").events(&["part_of_the_services_is_ready"])?;

    #[assert]
    let case = events.case("part_of_the_services_is_ready");
    assert_eq!(case["outcome"], "passed", "{case}");
    assert_eq!(images()?, before);
    assert_eq!(docker.new_resources()?, Vec::<String>::new());
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(serial = "real engine", timeout = "90s")]
fn missing_client_or_engine_skips_or_fails_the_tests(
    #[values("nothing", "all")] require: &str,
    #[values("client", "engine")] missing: &str,
    docker: &Docker,
    dir: &TempDir,
) -> Result<()> {
    let shop = Shop::with_file("services:\n  store:\n    image: redis:7-alpine\n", docker, dir)?;
    let (suite, words) = match missing {
        "client" => (shop.suite().env("PATH", "/nowhere"), "install Docker Compose"),
        _ => (shop.suite().env("DOCKER_HOST", "unix:///nowhere/engine.sock"), "start Docker or Podman"),
    };
    let events = suite.events(&[TEST, "--require", require])?;
    let case = events.case(TEST);
    assert_eq!(case["outcome"], if require == "all" { "errored" } else { "skipped" }, "{case}");
    let text = case.to_string();
    assert!(text.contains("Compose (compose.yaml) is not available") && text.contains(words), "{text}");
    assert_eq!(docker.new_resources()?, Vec::<String>::new());
    events.finished.assert_nothing_left();
    Ok(())
}
