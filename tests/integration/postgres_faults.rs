//! PostgreSQL that is killed, refuses connections, or runs out of space: each affected test gets one clear message, and the others pass.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use itest::prelude::*;
use itest::{Teardown, TempDir};
use itest_tests::{Events, Suite};
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::faults::{ONE_BY_ONE, assert_contains, failure, passed_and_others};
use crate::servers::{Product, Server, ServerOptions, shell_in_mount_namespace};

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-postgres-faults"), dir)
}

fn run(suite: Suite<'_>, tag: &str) -> io::Result<Events> {
    suite.args(&ONE_BY_ONE).events(&["--tag", tag])
}

/// The numbers of leases and of owners on a server.
async fn leases(server: &Server) -> Result<(i64, i64)> {
    let mut connection = PgConnection::connect(&server.database_url("itest_leases")).await?;
    let count = "SELECT (SELECT count(*) FROM itest_leases.lease), (SELECT count(*) FROM itest_leases.owner)";
    let counted = sqlx::query_as(count).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(counted)
}

#[integration_test(tags("postgres"))]
fn killed_private_server_fails_only_the_test_that_was_using_it(dir: &TempDir) -> Result<()> {
    let events = run(suite(dir), "killed")?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["kills_the_server"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 5);
    assert_contains(&failure(&events, "kills_the_server"), &["ended or was restarted while the test used it"]);
    let stderr = events.case("kills_the_server")["stderr"].to_string();
    assert_contains(&stderr, &["is replaced by a new clone: the server ended or was restarted"]);
    events.finished.assert_nothing_left();
    Ok(())
}

/// The test that killed it succeeds in the last milliseconds of the server's sessions, but it is the one that fails.
#[integration_test(tags("postgres"))]
fn private_server_that_is_killed_at_the_end_of_a_test_fails_that_test(dir: &TempDir) -> Result<()> {
    let events = run(suite(dir), "killed-at-the-end")?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["kills_the_server_at_its_end"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 5);
    assert_contains(
        &failure(&events, "kills_the_server_at_its_end"),
        &["ended or was restarted while the test used it"],
    );
    events.finished.assert_nothing_left();
    Ok(())
}

/// No test waits for its own timeout.
#[integration_test(tags("postgres"))]
fn private_server_that_hangs_is_replaced(dir: &TempDir) -> Result<()> {
    let events = run(suite(dir).args(&["--health-check-timeout", "3s"]), "hung")?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["stops_the_server"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 5);
    let reason = "means nothing (itest has killed it, because it left 2 health checks unanswered for 3s each)";
    assert_contains(&failure(&events, "stops_the_server"), &[reason]);
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("postgres"))]
fn private_server_that_cannot_be_started_again_fails_each_test_that_needs_it(dir: &TempDir) -> Result<()> {
    let events = run(suite(dir), "destroyed")?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(passed, ["before::again_1", "before::again_2"], "{}", events.finished.stdout());
    assert_eq!(others.len(), 4);
    assert_contains(&failure(&events, "destroys_the_server"), &["ended or was restarted while the test used it"]);
    for again in 1..=3 {
        let failures = failure(&events, &format!("after_it_was_destroyed::again_{again}"));
        assert_contains(
            &failures,
            &[
                "cannot connect to PostgreSQL at a private server in",
                "it could not be started again: ",
                "the server has ended; its log ends with",
            ],
        );
    }
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("postgres"))]
#[case::on_a_private_server(false)]
#[case::on_an_existing_server(true)]
async fn killed_database_session_fails_only_its_test(
    #[case] is_existing: bool,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let server = if is_existing {
        Some(Server::start(Product::Postgres, dir, teardown, ServerOptions::default()).await?)
    } else {
        None
    };
    let suite = suite(dir);
    let suite = server.iter().fold(suite, |suite, server| suite.env(server.variable(), server.url(None)));
    let events = run(suite, "crashed")?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["kills_its_session"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 6);
    assert_contains(&failure(&events, "kills_its_session"), &["ended or was restarted while the test used it"]);
    events.finished.assert_nothing_left();
    if let Some(server) = server {
        assert_eq!(leases(&server).await?, (0, 0));
    }
    Ok(())
}

#[integration_test(tags("postgres"), timeout = "90s")]
async fn server_restart_fails_only_the_test_that_was_using_it(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let mut server = Server::start(Product::Postgres, dir, teardown, ServerOptions::default()).await?;
    let suite = suite(dir).env(server.variable(), server.url(None)).env("FAULTS", dir.path().display().to_string());
    let suite = suite.args(&ONE_BY_ONE).args(&["--tag", "restarted", "--format", "json"]);
    let child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;

    #[act]
    for _ in 0..2 {
        let request = dir.join("restart-requested");
        eventually(async || request.exists()).within(Duration::from_secs(30)).equals(true).await?;
        std::fs::remove_file(request)?;
        server.restart(teardown, ServerOptions::default()).await?;
        std::fs::write(dir.join("restarted"), "")?;
    }
    let events = Events::of(suite.wait_for(child)?)?;

    #[assert]
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["has_a_database_during_a_restart"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 7);
    events.finished.assert_nothing_left();
    assert_eq!(leases(&server).await?, (0, 0));
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn connection_limit_error_names_a_possible_number_of_workers(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let options = ServerOptions { arguments: &["-c", "max_connections=12"], ..ServerOptions::default() };
    let server = Server::start(Product::Postgres, dir, teardown, options).await?;
    let run = |jobs: &str| {
        suite(dir).env(server.variable(), server.url(None)).events(&["--tag", "many", "--show-output", "--jobs", jobs])
    };
    #[act]
    let (four, one) = (run("4")?, run("1")?);
    #[assert]
    assert_eq!(four.summary()["failed"], 8, "{}", four.finished.stdout());
    let failures = failure(&four, "uses_two_connections::again_1");
    assert_contains(
        &failures,
        &["allows 9 connections, and 4 workers may need 18: run fewer (--jobs 1), or raise its max_connections"],
    );
    assert_eq!(one.summary()["passed"], 8, "{}", one.finished.stdout());
    assert_contains(&one.finished.stdout(), &["each pool has at most 2 connections"]);
    one.finished.assert_nothing_left();
    assert_eq!(leases(&server).await?, (0, 0));
    Ok(())
}

/// Speaks the beginning of the protocol as PostgreSQL 12 does.
async fn answer_as_an_old_server(mut client: TcpStream) -> io::Result<()> {
    const SSL_REQUEST_CODE: u32 = 80_877_103;
    loop {
        let length = client.read_u32().await?;
        let kind = client.read_u32().await?;
        let mut rest = vec![0; usize::try_from(length).unwrap_or_default().saturating_sub(8)];
        client.read_exact(&mut rest).await?;
        if kind != SSL_REQUEST_CODE {
            break;
        }
        client.write_all(b"N").await?;
    }
    let mut answer = b"R\0\0\0\x08\0\0\0\0".to_vec();
    let version = b"server_version\x0012.22\0";
    answer.push(b'S');
    answer.extend(u32::try_from(version.len() + 4).unwrap_or_default().to_be_bytes());
    answer.extend(version);
    answer.extend(b"K\0\0\0\x0c\0\0\0\x01\0\0\0\x01Z\0\0\0\x05I");
    client.write_all(&answer).await?;
    // The connection stays open until the client closes it.
    client.read_to_end(&mut Vec::new()).await.map(drop)
}

#[integration_test(tags("postgres"))]
async fn too_old_server_is_reported_with_the_required_version(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("postgres://u:s3cret@{}/postgres", listener.local_addr()?);
    let serving = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let _ = answer_as_an_old_server(client).await;
        }
    });
    teardown.defer("stop the old server", async move { serving.abort() });
    #[act]
    let events = suite(dir).env("ITEST_POSTGRES_URL", url).events(&["before::again_1", "--exact"])?;
    #[assert]
    let failures = failure(&events, "before::again_1");
    assert_contains(&failures, &["(from ITEST_POSTGRES_URL) is PostgreSQL 12.22; itest needs 15 or later"]);
    assert!(!events.finished.stdout().contains("s3cret"), "{failures}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn wrong_password_is_reported_but_not_shown(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let options = ServerOptions { password: Some("right-s3cret"), ..ServerOptions::default() };
    let server = Server::start(Product::Postgres, dir, teardown, options).await?;
    let run = |password: &str| {
        let url = server.url(Some(&format!("postgres:{password}")));
        suite(dir).env(server.variable(), url).events(&["before::again_1", "--exact", "--show-output"])
    };
    let (wrong, right) = (run("wrong-s3cret")?, run("right-s3cret")?);
    let failures = failure(&wrong, "before::again_1");
    assert_contains(&failures, &["password authentication failed", "check user and password in the URL"]);
    assert_eq!(right.summary()["passed"], 1, "{}", right.finished.stdout());
    for events in [wrong, right] {
        assert!(!format!("{}{}", events.finished.stdout(), events.finished.stderr()).contains("s3cret"), "{failures}");
        events.finished.assert_nothing_left();
    }
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn missing_createdb_right_is_reported_with_the_grant(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let server = Server::start(Product::Postgres, dir, teardown, ServerOptions::default()).await?;
    let mut connection = PgConnection::connect(&server.url(None)).await?;
    let roles = "CREATE ROLE powerless LOGIN; CREATE ROLE limited LOGIN; GRANT CREATE ON DATABASE postgres TO limited";
    sqlx::raw_sql(roles).execute(&mut connection).await?;
    let run = |role: &str, tag: &str| run(suite(dir).env(server.variable(), server.url(Some(role))), tag);
    #[act]
    let (nothing, recycled, in_schema) =
        (run("powerless", "schema")?, run("limited", "limited")?, run("limited", "schema")?);
    #[assert]
    let failures = failure(&nothing, "has_its_own_schema::again_1");
    assert_contains(
        &failures,
        &["permission denied", "grant it CREATEDB, or use Isolation::Schema and grant it CREATE"],
    );
    let failures = failure(&recycled, "before::again_1");
    assert_contains(&failures, &["may not create databases", "grant it CREATEDB, or use Isolation::Schema"]);
    assert_eq!(in_schema.summary()["passed"], 2, "{}", in_schema.finished.stdout());
    in_schema.finished.assert_nothing_left();
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'itest\\_%' AND nspname <> 'itest_leases'";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&mut connection).await?;
    assert_eq!(left, 0);
    connection.close().await?;
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn full_disk_fails_only_the_test_that_filled_it(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let options = ServerOptions { disk: Some("96m"), ..ServerOptions::default() };
    let server = Server::start(Product::Postgres, dir, teardown, options).await?;
    let events = run(suite(dir).env(server.variable(), server.url(None)), "full")?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["fills_the_disk"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 5);
    assert_contains(&failure(&events, "fills_the_disk"), &["No space left on device"]);
    events.finished.assert_nothing_left();
    assert_eq!(leases(&server).await?, (0, 0));
    Ok(())
}

/// The command of a suite with `/dev/shm` and the temp dir on small disks of these sizes. It lists their remaining files on stderr.
fn on_small_disks(suite: &Suite<'_>, memory: &str, disk: &str) -> Result<std::process::Command> {
    const MOUNT: &str = r#"
        mount -t tmpfs -o "size=$MEMORY,mode=1777" none /dev/shm
        mount -t tmpfs -o "size=$DISK,mode=1777" none /mnt
        TMPDIR=/mnt "$0" "$@"
        ls -A /mnt /dev/shm >&2
    "#;
    let plain = suite.command()?;
    let mut command = shell_in_mount_namespace();
    command.args(["-c", MOUNT]).arg(plain.get_program()).args(plain.get_args());
    for (name, value) in plain.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command.env("MEMORY", memory).env("DISK", disk);
    if let Some(folder) = plain.get_current_dir() {
        command.current_dir(folder);
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    Ok(command)
}

#[integration_test(tags("postgres"))]
#[case::but_the_disk_has("512m")]
#[case::and_the_disk_has_none("16m")]
fn private_server_avoids_full_shared_memory(#[case] disk: &str, dir: &TempDir) -> Result<()> {
    let suite = suite(dir).args(&["--tag", "limited", "--format", "json"]);
    let events = Events::of(suite.wait_for(on_small_disks(&suite, "16m", disk)?.spawn()?)?)?;
    if disk == "16m" {
        let failures = failure(&events, "before::again_1");
        assert_contains(&failures, &["No space left on device"]);
        assert_eq!(events.case("before::again_1")["outcome"], "errored", "{failures}");
    } else {
        assert_eq!(events.summary()["passed"], 2, "{}", events.finished.stdout());
    }
    let left = events.finished.stderr();
    assert!(left.contains("/mnt") && !left.contains("itest-"), "{left}");
    events.finished.assert_nothing_left();
    Ok(())
}
