//! What can go wrong with containers: one message for each, and nothing is left.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;

use itest::prelude::*;

use super::engine::{Engine, Manner};
use super::lifetimes::suite;

/// The test that is run; it needs a server.
const TEST: &str = "takes_no_care_of_what_survives_a_crash";

#[integration_test]
#[case::no_image(Manner::PullsNothing, &["the image postgres:17-alpine cannot be pulled", "pull access denied", "ITEST_POSTGRES_IMAGE"])]
#[case::no_port(Manner::StartsNothing, &["cannot start a container of postgres:17-alpine", "port is already allocated"])]
#[case::an_end(Manner::EndsAtOnce, &["the container of postgres:17-alpine ended with exit code 1", "the password is ***", "no space left"])]
#[case::no_end(Manner::PullsForEver, &["its setup did not end within 2s", "pulling postgres:17-alpine, which is not there yet"])]
fn what_an_engine_cannot_do_is_told_and_leaves_nothing(
    #[case] manner: Manner,
    #[case] words: &[&str],
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(manner, teardown)?;
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

#[integration_test]
fn without_an_engine_the_tests_skip_or_fail(
    #[values("nothing", "all")] require: &str,
    #[values(false, true)] is_left_behind: bool,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(Manner::Kind, teardown)?;
    let socket = dir.join("nobody.sock");
    if is_left_behind {
        drop(UnixListener::bind(&socket)?);
    }
    let suite = suite(&engine, dir).env("DOCKER_HOST", format!("unix://{}", socket.display()));
    let events = suite.events(&[TEST, "--require", require])?;
    let case = events.case(TEST);
    assert_eq!(case["outcome"], if require == "all" { "errored" } else { "skipped" });
    let told = case.to_string();
    assert!(told.contains("PostgreSQL is not available") && told.contains("start Docker or Podman"), "{told}");
    assert!(told.contains("nobody.sock"), "{told}");
    assert_eq!(engine.calls(), Vec::<String>::new());
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
fn a_socket_that_this_user_may_not_use_is_told(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    if rustix::process::geteuid().is_root() {
        skip!("root may use every socket");
    }
    let engine = Engine::start(Manner::Kind, teardown)?;
    fs::set_permissions(engine.socket(), Permissions::from_mode(0o000))?;
    let events = suite(&engine, dir).events(&[TEST])?;
    let told = events.case(TEST).to_string();
    assert!(told.contains("let this user use Docker") && told.contains("group"), "{told}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test]
#[case::of_the_engine("DOCKER_HOST", "ssh://somewhere", &["DOCKER_HOST is no address", "unix:///var/run/docker.sock or tcp://"])]
#[case::of_the_place("ITEST_POSTGRES", "docker", &["ITEST_POSTGRES=docker", "no provider `docker`", "url, programs, container"])]
fn a_variable_that_makes_no_sense_is_told(
    #[case] name: &str,
    #[case] value: &str,
    #[case] words: &[&str],
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(Manner::Kind, teardown)?;
    let events = suite(&engine, dir).env(name, value).events(&[TEST])?;
    let failure = events.case(TEST)["failures"].to_string();
    for word in words {
        assert!(failure.contains(word), "no `{word}` in: {failure}");
    }
    events.finished.assert_nothing_left();
    Ok(())
}

/// The places are tried in the order in which they are named, and no other.
#[integration_test]
#[case::only_a_url("url", "skipped", 0)]
#[case::programs_first("programs,container", "passed", 0)]
#[case::a_url_and_then_a_container("url,container", "passed", 1)]
fn a_server_comes_from_the_first_place_that_has_one(
    #[case] places: &str,
    #[case] outcome: &str,
    #[case] containers: usize,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let engine = Engine::start(Manner::Kind, teardown)?;
    let suite = suite(&engine, dir).env("ITEST_POSTGRES", places).env("DATABASE_URL", "");
    let events = suite.events(&[TEST])?;
    assert_eq!(events.case(TEST)["outcome"], outcome, "{}", events.finished.stdout());
    assert_eq!(engine.count("POST /containers/create"), containers);
    events.finished.assert_nothing_left();
    Ok(())
}
