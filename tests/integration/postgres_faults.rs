//! PostgreSQL that is taken away, refuses, or has no room: one clear message for each test that is hit, and the others go on.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use itest::prelude::*;
use itest::{Teardown, TempDir};
use itest_tests::{Events, Suite};
use sqlx::{Connection, PgConnection};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::faults::{ONE_BY_ONE, assert_told, failure, passed_and_others};
use crate::servers::{Kind, Server, Unusual, surroundings_of_its_own};

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-postgres-faults"), dir)
}

fn run(suite: Suite<'_>, tag: &str) -> io::Result<Events> {
    suite.args(&ONE_BY_ONE).events(&["--tag", tag])
}

/// What stands in the table of leases.
async fn leases(server: &Server) -> Result<(i64, i64)> {
    let mut connection = PgConnection::connect(&server.url_of("itest_leases")).await?;
    let count = "SELECT (SELECT count(*) FROM itest_leases.lease), (SELECT count(*) FROM itest_leases.owner)";
    let counted = sqlx::query_as(count).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(counted)
}

#[integration_test(tags("postgres"))]
fn a_private_server_that_is_killed_is_told_to_every_test_that_needs_it(dir: &TempDir) -> Result<()> {
    let events = run(suite(dir), "killed")?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(passed, ["before::again_1", "before::again_2"], "{}", events.finished.stdout());
    assert_eq!(others.len(), 4);
    assert_told(&failure(&events, "kills_the_server"), &["ended or was restarted while the test used it"]);
    for again in 1..=3 {
        let told = failure(&events, &format!("after_it_was_killed::again_{again}"));
        assert_told(
            &told,
            &["cannot connect to PostgreSQL at a private server in", "the server has ended, and said last"],
        );
    }
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("postgres"))]
#[case::on_a_private_server(false)]
#[case::on_a_server_of_somebody(true)]
async fn a_session_that_is_killed_costs_its_test_and_no_other(
    #[case] is_there: bool,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let server =
        if is_there { Some(Server::start(Kind::Postgres, dir, teardown, Unusual::default()).await?) } else { None };
    let suite = suite(dir);
    let suite = server.iter().fold(suite, |suite, server| suite.env(server.variable(), server.url(None)));
    let events = run(suite, "crashed")?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["kills_its_session"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 6);
    assert_told(&failure(&events, "kills_its_session"), &["ended or was restarted while the test used it"]);
    events.finished.assert_nothing_left();
    if let Some(server) = server {
        assert_eq!(leases(&server).await?, (0, 0));
    }
    Ok(())
}

#[integration_test(tags("postgres"), timeout = "90s")]
async fn a_server_that_is_restarted_costs_the_test_that_was_using_it_and_no_other(
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let mut server = Server::start(Kind::Postgres, dir, teardown, Unusual::default()).await?;
    let suite = suite(dir).env(server.variable(), server.url(None)).env("FAULTS", dir.path().display().to_string());
    let suite = suite.args(&ONE_BY_ONE).args(&["--tag", "restarted", "--format", "json"]);
    let child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;

    #[act]
    for _ in 0..2 {
        let asked = dir.join("asked");
        eventually(async || asked.exists()).within(Duration::from_secs(30)).equals(true).await?;
        std::fs::remove_file(asked)?;
        server.restart(teardown, Unusual::default()).await?;
        std::fs::write(dir.join("done"), "")?;
    }
    let events = Events::of(suite.wait_for(child)?)?;

    #[assert]
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["has_a_database_while_it_is_restarted"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 7);
    events.finished.assert_nothing_left();
    assert_eq!(leases(&server).await?, (0, 0));
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn too_few_connections_are_told_with_how_many_workers_they_are_enough_for(
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let unusual = Unusual { arguments: &["-c", "max_connections=12"], ..Unusual::default() };
    let server = Server::start(Kind::Postgres, dir, teardown, unusual).await?;
    let run = |jobs: &str| {
        suite(dir).env(server.variable(), server.url(None)).events(&["--tag", "many", "--show-output", "--jobs", jobs])
    };
    #[act]
    let (four, one) = (run("4")?, run("1")?);
    #[assert]
    assert_eq!(four.summary()["failed"], 8, "{}", four.finished.stdout());
    let told = failure(&four, "uses_two_connections::again_1");
    assert_told(
        &told,
        &["allows 9 connections, and 4 workers may need 18: run fewer (--jobs 1), or raise its max_connections"],
    );
    assert_eq!(one.summary()["passed"], 8, "{}", one.finished.stdout());
    assert_told(&one.finished.stdout(), &["each pool has at most 2 connections"]);
    one.finished.assert_nothing_left();
    assert_eq!(leases(&server).await?, (0, 0));
    Ok(())
}

/// Speaks the beginning of the protocol as PostgreSQL 12 does.
async fn answer_as_an_old_server(mut client: TcpStream) -> io::Result<()> {
    const ASKS_FOR_ENCRYPTION: u32 = 80_877_103;
    loop {
        let length = client.read_u32().await?;
        let kind = client.read_u32().await?;
        let mut rest = vec![0; usize::try_from(length).unwrap_or_default().saturating_sub(8)];
        client.read_exact(&mut rest).await?;
        if kind != ASKS_FOR_ENCRYPTION {
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
    // Until the client has heard enough.
    client.read_to_end(&mut Vec::new()).await.map(drop)
}

#[integration_test(tags("postgres"))]
async fn a_server_that_is_too_old_is_told_its_version_and_what_is_needed(
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
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
    let told = failure(&events, "before::again_1");
    assert_told(&told, &["(from ITEST_POSTGRES_URL) is PostgreSQL 12.22; itest needs 15 or later"]);
    assert!(!events.finished.stdout().contains("s3cret"), "{told}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn a_wrong_password_is_told_and_not_shown(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let unusual = Unusual { password: Some("right-s3cret"), ..Unusual::default() };
    let server = Server::start(Kind::Postgres, dir, teardown, unusual).await?;
    let run = |password: &str| {
        let url = server.url(Some(&format!("postgres:{password}")));
        suite(dir).env(server.variable(), url).events(&["before::again_1", "--exact", "--show-output"])
    };
    let (wrong, right) = (run("wrong-s3cret")?, run("right-s3cret")?);
    let told = failure(&wrong, "before::again_1");
    assert_told(&told, &["password authentication failed", "check user and password in the URL"]);
    assert_eq!(right.summary()["passed"], 1, "{}", right.finished.stdout());
    for events in [wrong, right] {
        assert!(!format!("{}{}", events.finished.stdout(), events.finished.stderr()).contains("s3cret"), "{told}");
        events.finished.assert_nothing_left();
    }
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn a_role_that_may_not_create_databases_is_told_what_to_grant(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let server = Server::start(Kind::Postgres, dir, teardown, Unusual::default()).await?;
    let mut connection = PgConnection::connect(&server.url(None)).await?;
    let roles = "CREATE ROLE nobody_s LOGIN; CREATE ROLE limited LOGIN; GRANT CREATE ON DATABASE postgres TO limited";
    sqlx::raw_sql(roles).execute(&mut connection).await?;
    let run = |role: &str, tag: &str| run(suite(dir).env(server.variable(), server.url(Some(role))), tag);
    #[act]
    let (nothing, recycled, in_schema) =
        (run("nobody_s", "schema")?, run("limited", "limited")?, run("limited", "schema")?);
    #[assert]
    let told = failure(&nothing, "has_a_schema_of_its_own::again_1");
    assert_told(&told, &["permission denied", "grant it CREATEDB, or use Isolation::Schema and grant it CREATE"]);
    let told = failure(&recycled, "before::again_1");
    assert_told(&told, &["may not create databases", "grant it CREATEDB, or use Isolation::Schema"]);
    assert_eq!(in_schema.summary()["passed"], 2, "{}", in_schema.finished.stdout());
    in_schema.finished.assert_nothing_left();
    let left = "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'itest\\_%' AND nspname <> 'itest_leases'";
    let left: i64 = sqlx::query_scalar(left).fetch_one(&mut connection).await?;
    assert_eq!(left, 0);
    connection.close().await?;
    Ok(())
}

#[integration_test(tags("postgres"))]
async fn a_full_disk_costs_the_test_that_filled_it(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let unusual = Unusual { disk: Some("96m"), ..Unusual::default() };
    let server = Server::start(Kind::Postgres, dir, teardown, unusual).await?;
    let events = run(suite(dir).env(server.variable(), server.url(None)), "full")?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["fills_the_disk"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 5);
    assert_told(&failure(&events, "fills_the_disk"), &["No space left on device"]);
    events.finished.assert_nothing_left();
    assert_eq!(leases(&server).await?, (0, 0));
    Ok(())
}

/// A suite's command where `/dev/shm` and the temp dir are as large as that, and what is left in them is told.
fn in_little_room(suite: &Suite<'_>, memory: &str, disk: &str) -> Result<std::process::Command> {
    const MOUNT: &str = r#"
        mount -t tmpfs -o "size=$MEMORY,mode=1777" none /dev/shm
        mount -t tmpfs -o "size=$DISK,mode=1777" none /mnt
        TMPDIR=/mnt "$0" "$@"
        ls -A /mnt /dev/shm >&2
    "#;
    let plain = suite.command()?;
    let mut command = surroundings_of_its_own();
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
fn memory_without_room_is_not_used_for_a_private_server(#[case] disk: &str, dir: &TempDir) -> Result<()> {
    let suite = suite(dir).args(&["--tag", "limited", "--format", "json"]);
    let events = Events::of(suite.wait_for(in_little_room(&suite, "16m", disk)?.spawn()?)?)?;
    if disk == "16m" {
        let told = failure(&events, "before::again_1");
        assert_told(&told, &["No space left on device"]);
        assert_eq!(events.case("before::again_1")["outcome"], "errored", "{told}");
    } else {
        assert_eq!(events.summary()["passed"], 2, "{}", events.finished.stdout());
    }
    let left = events.finished.stderr();
    assert!(left.contains("/mnt") && !left.contains("itest-"), "{left}");
    events.finished.assert_nothing_left();
    Ok(())
}
