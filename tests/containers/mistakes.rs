//! Errors of the container engine and of its settings: each gets one message, and nothing is left.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

use itest::prelude::*;

use super::engine::{Behaviour, Engine};
use super::lifetimes::suite;

/// The test that each suite run executes. It needs a server.
const TEST: &str = "durability_settings_are_off";

#[integration_test]
#[case::no_image(Behaviour::PullsNothing, &["the image postgres:17-alpine cannot be pulled", "pull access denied", "ITEST_POSTGRES_IMAGE"])]
#[case::no_port(Behaviour::StartsNothing, &["cannot start a container of postgres:17-alpine", "port is already allocated"])]
#[case::an_end(Behaviour::EndsAtOnce, &["the container of postgres:17-alpine ended with exit code 1", "the password is ***", "no space left"])]
#[case::no_end(Behaviour::PullsForever, &["its setup did not end within 2s", "pulling the image postgres:17-alpine, because the engine does not have it"])]
fn engine_error_is_reported_and_leaves_nothing(
    #[case] behaviour: Behaviour,
    #[case] words: &[&str],
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(behaviour, teardown)?;
    let events = suite(&engine, dir).events(&[TEST, "--setup-timeout", "2s"])?;
    let case = events.case(TEST);
    let failure = case["failures"].to_string();
    assert_eq!(case["outcome"], "errored", "{failure}");
    for word in words {
        assert!(failure.contains(word), "no `{word}` in: {failure}");
    }
    assert_eq!(engine.containers(), Vec::<String>::new());
    events.finished.assert_nothing_left();
    Ok(())
}

/// A server that refuses the login once refuses it every time, so itest does not wait for it.
#[integration_test]
#[case::postgres("postgres", "durability_settings_are_off", &["password authentication failed", "POSTGRES_PASSWORD"])]
#[case::mysql("mysql", "keeps_items_in_mysql::again_1", &["Access denied", "MARIADB_ROOT_PASSWORD or MYSQL_ROOT_PASSWORD"])]
fn refused_login_is_reported_at_once(
    #[case] service: &str,
    #[case] test: &str,
    #[case] words: &[&str],
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(Behaviour::RefusesLogin, teardown)?;
    let since = Instant::now();
    let events = suite(&engine, dir).events(&[test, "--setup-timeout", "40s"])?;
    let failure = events.case(test)["failures"].to_string();
    for word in words {
        assert_eq!(failure.matches(word).count(), 1, "`{word}` in: {failure}");
    }
    assert!(!failure.contains("does not answer"), "{failure}");
    assert!(since.elapsed() < Duration::from_secs(30), "{service}: it took {:?}", since.elapsed());
    assert_eq!(engine.containers(), Vec::<String>::new());
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn missing_engine_skips_or_fails_the_tests(
    #[values("nothing", "all")] require: &str,
    #[values(false, true)] is_left_behind: bool,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(Behaviour::Works, teardown)?;
    let socket = dir.join("missing.sock");
    if is_left_behind {
        drop(UnixListener::bind(&socket)?);
    }
    let suite = suite(&engine, dir).env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let events = suite.events(&[TEST, "--require", require])?;
    let case = events.case(TEST);
    assert_eq!(case["outcome"], if require == "all" { "errored" } else { "skipped" });
    let text = case.to_string();
    assert!(text.contains("PostgreSQL is not available") && text.contains("start Docker or Podman"), "{text}");
    assert!(text.contains("missing.sock"), "{text}");
    assert_eq!(engine.calls(), Vec::<String>::new());
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn socket_without_permission_is_reported(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    if rustix::process::geteuid().is_root() {
        skip!("root may use every socket");
    }
    let engine = Engine::start(Behaviour::Works, teardown)?;
    fs::set_permissions(engine.socket(), Permissions::from_mode(0o000))?;
    let events = suite(&engine, dir).events(&[TEST])?;
    let text = events.case(TEST).to_string();
    assert!(text.contains("let this user use Docker") && text.contains("group"), "{text}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
#[case::of_the_engine("DOCKER_HOST", "ssh://somewhere", &["DOCKER_HOST is no address", "unix:///var/run/docker.sock or tcp://"])]
#[case::of_the_place("ITEST_POSTGRES", "docker", &["ITEST_POSTGRES=docker", "no provider `docker`", "url, programs, container"])]
fn invalid_container_setting_is_reported(
    #[case] name: &str,
    #[case] value: &str,
    #[case] words: &[&str],
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(Behaviour::Works, teardown)?;
    let events = suite(&engine, dir).env(name, value).events(&[TEST])?;
    let failure = events.case(TEST)["failures"].to_string();
    for word in words {
        assert!(failure.contains(word), "no `{word}` in: {failure}");
    }
    events.finished.assert_nothing_left();
    Ok(())
}

/// Only the named providers are tried, in the order in which they are named.
#[integration_test]
#[case::only_a_url("url", "skipped", 0)]
#[case::programs_first("programs,container", "passed", 0)]
#[case::a_url_and_then_a_container("url,container", "passed", 1)]
fn server_comes_from_the_first_available_provider(
    #[case] providers: &str,
    #[case] outcome: &str,
    #[case] containers: usize,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(Behaviour::Works, teardown)?;
    let suite = suite(&engine, dir).env("ITEST_POSTGRES", providers).env("DATABASE_URL", "");
    let events = suite.events(&[TEST])?;
    assert_eq!(events.case(TEST)["outcome"], outcome, "{}", events.finished.stdout());
    assert_eq!(engine.count("POST /containers/create"), containers);
    events.finished.assert_nothing_left();
    Ok(())
}
