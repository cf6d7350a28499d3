//! A server that tests cannot use is one error with what to do.

use itest::prelude::*;
use itest::redis::cmd;

use crate::nested::run;
use crate::shared_server::SharedServer;

/// Runs a test on a server, and checks that the error contains these texts and no password.
async fn assert_refused(url: &str, expected: &[&str]) -> Result<()> {
    let run = run("keys::debug_output", &[], &[("ITEST_REDIS_URL", url)]).await?;
    run.assert_red();
    for expected in expected {
        run.assert_contains(expected);
    }
    assert!(!run.text.contains("s3cret"), "the output contains the password:\n{}", run.text);
    Ok(())
}

#[integration_test]
#[case::scheme("http://127.0.0.1:1/0", "ITEST_REDIS_URL is no URL of Redis; write it as redis://")]
#[case::name("redis://127.0.0.1:1/shop", "0 is the number of a database")]
#[case::password("redis://:s3cret/x@127.0.0.1:1/0", "percent-encode special characters")]
#[case::unreachable("redis://:s3cret@127.0.0.1:1/0", "is the server running, and does it listen there?")]
async fn wrong_url_is_an_error_with_a_remedy(#[case] url: &str, #[case] expected: &str) -> Result<()> {
    assert_refused(url, &[expected]).await
}

#[integration_test]
async fn wrong_password_is_an_error_with_a_remedy(teardown: &Teardown) -> Result<()> {
    let server = SharedServer::start(&["--requirepass", "right"], teardown).await?;
    let remedy = "check user and password in the URL";
    assert_refused(&server.url, &[remedy]).await?;
    assert_refused(&server.url.replace("redis://", "redis://:s3cret@"), &[remedy]).await
}

#[integration_test]
async fn replica_is_refused_with_its_master(server: SharedServer) -> Result<()> {
    let mut connection = server.connection().await?;
    let () = cmd("REPLICAOF").arg("127.0.0.1").arg(1).exec_async(&mut connection).await?;
    assert_refused(&server.url, &["is a replica, which tests cannot write to: use the URL of its master, 127.0.0.1:1"])
        .await
}

#[integration_test]
async fn cluster_is_refused(folder: TempDir, teardown: &Teardown) -> Result<()> {
    let folder = folder.path().to_string_lossy().into_owned();
    let server = SharedServer::start(&["--cluster-enabled", "yes", "--dir", &folder], teardown).await?;
    assert_refused(&server.url, &["is a cluster", "use a server without cluster mode"]).await
}

#[integration_test]
async fn full_server_is_refused(teardown: &Teardown) -> Result<()> {
    let server = SharedServer::start(&["--maxmemory", "1"], teardown).await?;
    assert_refused(&server.url, &["is full: it uses", "raise its maxmemory"]).await
}

#[integration_test]
async fn user_without_the_right_to_flush_is_refused(server: SharedServer) -> Result<()> {
    let mut connection = server.connection().await?;
    let user = ["SETUSER", "ann", "on", ">s3cret", "~*", "&*", "+@all", "-flushdb"];
    let () = cmd("ACL").arg(&user).exec_async(&mut connection).await?;
    let url = server.url.replace("redis://", "redis://ann:s3cret@");
    assert_refused(&url, &["may not use FLUSHDB", "give the user the rights +@all"]).await
}

#[integration_test]
async fn missing_service_skips_the_test_and_fails_it_if_it_is_required() -> Result<()> {
    let nowhere = [("ITEST_REDIS", "url")];
    run("keys::debug_output", &[], &nowhere)
        .await?
        .assert_green()
        .assert_contains("set ITEST_REDIS_URL to a server for tests");
    let required = [("ITEST_REDIS", "url"), ("ITEST_REQUIRE", "all")];
    run("keys::debug_output", &[], &required)
        .await?
        .assert_red()
        .assert_contains("set ITEST_REDIS_URL to a server for tests");
    Ok(())
}

/// A `PATH` that begins with a folder in which `redis-server` is this script. The folder is not in the temp dir of the test, because the
/// account of the server may not read there.
fn path_with(script: &str, folder: &str) -> Result<String> {
    use std::os::unix::fs::PermissionsExt;
    let program = format!("{folder}/redis-server");
    std::fs::create_dir_all(folder)?;
    std::fs::write(&program, script)?;
    for path in [folder, &program] {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?;
    }
    Ok(format!("{folder}:{}", std::env::var("PATH").unwrap_or_default()))
}

#[integration_test]
async fn installed_program_that_is_too_old_is_an_error_with_a_remedy(teardown: &Teardown) -> Result<()> {
    let folder = format!("/tmp/itest-old-redis-{}", std::process::id());
    let path = path_with("#!/bin/sh\necho 'Redis server v=6.0.16 sha=0'\n", &folder)?;
    teardown.defer("remove the script", async move { std::fs::remove_dir_all(folder) });
    let run = run("keys::debug_output", &[], &[("ITEST_REDIS", "programs"), ("PATH", &path)]).await?;
    run.assert_red().assert_contains("is Redis 6.0.16, and a private server needs at least 7.0: upgrade it");
    Ok(())
}

#[integration_test]
async fn server_whose_port_is_taken_is_started_on_another_one(teardown: &Teardown) -> Result<()> {
    let folder = format!("/tmp/itest-taken-port-{}", std::process::id());
    let state = format!("/dev/shm/itest-taken-port-{}", std::process::id());
    let script = format!(
        "#!/bin/sh\nif [ \"$1\" != --version ] && mkdir {state} 2>/dev/null; then echo 'bind: Address already in use'; exit 1; fi\n\
         PATH=${{PATH#*:}} exec redis-server \"$@\"\n"
    );
    let path = path_with(&script, &folder)?;
    teardown.defer("remove the script", async move { std::fs::remove_dir_all(folder) });
    let taken = run("keys::debug_output", &["--jobs", "1"], &[("ITEST_REDIS", "programs"), ("PATH", &path)]).await?;
    let was_tried = std::fs::remove_dir(&state).is_ok();
    taken.assert_green();
    assert!(was_tried, "the script did not start the server:\n{}", taken.text);
    Ok(())
}
