//! MariaDB under bad tests, bad settings and sudden ends: one clear message each, and nothing is left.

use std::process::Stdio;
use std::time::Duration;

use itest::prelude::*;
use itest::{Teardown, TempDir};
use itest_tests::{Events, Suite};
use sqlx::{Connection, MySqlConnection};

use crate::faults::{ONE_BY_ONE, assert_contains, begin, failure, kill, passed_and_others};
use crate::servers::{Product, Server, ServerOptions};

fn suite(dir: &TempDir) -> Suite<'_> {
    Suite::new(env!("CARGO_BIN_EXE_suite-mysql"), dir)
}

/// The numbers of leases, of owners, and of databases of itest that are no templates.
async fn leases(server: &Server) -> Result<(i64, i64, i64)> {
    let mut connection = MySqlConnection::connect(&server.url(None)).await?;
    let count = "SELECT (SELECT count(*) FROM itest_leases.lease), (SELECT count(*) FROM itest_leases.owner),
                 (SELECT count(*) FROM information_schema.schemata WHERE schema_name LIKE 'itest\\_%'
                  AND schema_name NOT LIKE 'itest\\_template%' AND schema_name <> 'itest_leases')";
    let counted = sqlx::query_as(count).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(counted)
}

#[integration_test(tags("mysql"))]
#[case::on_a_private_server(false)]
#[case::on_an_existing_server(true)]
async fn bad_tests_do_not_affect_other_tests(
    #[case] is_existing: bool,
    dir: &TempDir,
    teardown: &Teardown,
) -> Result<()> {
    let server = if is_existing {
        Some(Server::start(Product::Mariadb, dir, teardown, ServerOptions::default()).await?)
    } else {
        None
    };
    let suite = suite(dir).args(&ONE_BY_ONE);
    let suite = server.iter().fold(suite, |suite, server| suite.env(server.variable(), server.url(None)));
    let events = suite.events(&["--tag", "good | bad"])?;
    let (passed, others) = passed_and_others(&events);
    assert!(others.is_empty(), "{others:?} {}", events.finished.stdout());
    assert_eq!(passed.len(), 20);
    events.finished.assert_nothing_left();
    if let Some(server) = server {
        assert_eq!(leases(&server).await?, (0, 0, 0));
    }
    Ok(())
}

#[integration_test(tags("mysql"))]
#[case::no_url("nonsense s3cret", &["ITEST_MYSQL_URL is no URL of MariaDB or MySQL", "mysql://user:password@host"])]
#[case::no_listener("mysql://u:s3cret@127.0.0.1:9/mysql", &["127.0.0.1:9 (from ITEST_MYSQL_URL) as u", "is the server running"])]
#[case::another_machine("mysql://u:s3cret@192.0.2.1:9/mysql", &["192.0.2.1"])]
#[case::in_a_parameter("mysql://u@127.0.0.1:9/mysql?password=s3cret", &["127.0.0.1:9", "as u"])]
#[case::encoded("mysql://u:s3c%72et%40@127.0.0.1:9/mysql", &["127.0.0.1:9", "as u"])]
#[case::with_a_hash("mysql://u:12#s3cret@127.0.0.1:9/mysql", &["is no URL of MariaDB or MySQL", "percent-encode"])]
#[case::with_a_slash("mysql://u:12/s3cret@127.0.0.1:9/mysql", &["is no URL of MariaDB or MySQL", "percent-encode"])]
#[case::wrong_parameter("mysql://u:s3cret@127.0.0.1:9/mysql?ssl-mode=s3cret", &["is no URL of MariaDB or MySQL"])]
fn unusable_url_is_reported_without_its_password(
    #[case] url: &str,
    #[case] words: &[&str],
    dir: &TempDir,
) -> Result<()> {
    let suite = suite(dir).env("ITEST_MYSQL_URL", url);
    let events = suite.events(&["gets_a_fresh_database::again_1", "--exact", "--setup-timeout", "3s"])?;
    let failures = failure(&events, "gets_a_fresh_database::again_1");
    assert_contains(&failures, words);
    let output = format!("{}{}", events.finished.stdout(), events.finished.stderr());
    for secret in ["s3cret", "s3c%72et", "u:12"] {
        assert!(!output.contains(secret), "{secret} in {output}");
    }
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("mysql"))]
fn killed_private_server_fails_only_the_test_that_was_using_it(dir: &TempDir) -> Result<()> {
    let events = suite(dir).args(&ONE_BY_ONE).events(&["--tag", "killed"])?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["kills_the_server"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 4);
    assert_contains(&failure(&events, "kills_the_server"), &["ended or was restarted while the test used it"]);
    events.finished.assert_nothing_left();
    Ok(())
}

/// No test waits for its own timeout.
#[integration_test(tags("mysql"))]
fn private_server_that_hangs_is_replaced(dir: &TempDir) -> Result<()> {
    let events = suite(dir).args(&ONE_BY_ONE).events(&["--health-check-timeout", "3s", "--tag", "hung"])?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["stops_the_server"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 4);
    let reason = "means nothing (itest has killed it, because it left 2 health checks unanswered for 3s each)";
    assert_contains(&failure(&events, "stops_the_server"), &[reason]);
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("mysql"), timeout = "90s")]
async fn server_restart_fails_only_the_test_that_was_using_it(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let mut server = Server::start(Product::Mariadb, dir, teardown, ServerOptions::default()).await?;
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
    assert_eq!(passed.len(), 8);
    events.finished.assert_nothing_left();
    assert_eq!(leases(&server).await?, (0, 0, 0));
    Ok(())
}

#[integration_test(tags("mysql"))]
async fn refused_connection_is_reported_with_a_remedy(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let options = ServerOptions { arguments: &["--max-connections=10"], ..ServerOptions::default() };
    let server = Server::start(Product::Mariadb, dir, teardown, options).await?;
    let mut connection = MySqlConnection::connect(&server.url(None)).await?;
    let users =
        "CREATE USER limited@localhost IDENTIFIED BY 'right-s3cret'; GRANT SELECT ON mysql.* TO limited@localhost;
                 CREATE USER limited@'127.0.0.1' IDENTIFIED BY 'right-s3cret'";
    sqlx::raw_sql(users).execute(&mut connection).await?;
    let run = |user: &str, jobs: &str| {
        let suite = suite(dir).env(server.variable(), server.url(Some(user)));
        suite.events(&["--tag", "many", "--jobs", jobs, "--show-output"])
    };

    #[act]
    let wrong = run("limited:wrong-s3cret", "1")?;
    let limited = run("limited:right-s3cret", "1")?;
    let (four, one) = (run("root", "4")?, run("root", "1")?);
    sqlx::raw_sql("GRANT ALL ON `itest\\_%`.* TO limited@localhost, limited@'127.0.0.1'")
        .execute(&mut connection)
        .await?;
    let granted = run("limited:right-s3cret", "1")?;

    #[assert]
    let failures_of = |events: &Events| failure(events, "uses_two_connections::again_1");
    assert_contains(&failures_of(&wrong), &["Access denied for user 'limited'", "check user and password in the URL"]);
    assert_contains(&failures_of(&limited), &["denied", "GRANT ALL ON `itest", "TO limited"]);
    assert_contains(&failures_of(&four), &["allows 10 connections, and 4 workers may need 18: run fewer (--jobs 2)"]);
    assert_eq!(one.summary()["passed"], 6, "{}", one.finished.stdout());
    assert_eq!(granted.summary()["passed"], 6, "{}", granted.finished.stdout());
    for events in [wrong, limited, four, one, granted] {
        assert!(!format!("{}{}", events.finished.stdout(), events.finished.stderr()).contains("s3cret"));
        events.finished.assert_nothing_left();
    }
    assert_eq!(leases(&server).await?, (0, 0, 0));
    connection.close().await?;
    Ok(())
}

#[integration_test(tags("mysql"))]
async fn too_old_server_is_reported_with_the_required_version(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let options = ServerOptions { arguments: &["--version=10.3.39-MariaDB"], ..ServerOptions::default() };
    let server = Server::start(Product::Mariadb, dir, teardown, options).await?;
    let events =
        suite(dir).env(server.variable(), server.url(None)).events(&["gets_a_fresh_database::again_1", "--exact"])?;
    let failures = failure(&events, "gets_a_fresh_database::again_1");
    assert_contains(
        &failures,
        &["(from ITEST_MYSQL_URL) is MariaDB 10.3.39; itest needs MariaDB 10.6 or MySQL 8.0, or a later one"],
    );
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("mysql"))]
async fn full_disk_fails_only_the_test_that_filled_it(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    let options = ServerOptions { disk: Some("160m"), ..ServerOptions::default() };
    let server = Server::start(Product::Mariadb, dir, teardown, options).await?;
    let suite = suite(dir).args(&ONE_BY_ONE).env(server.variable(), server.url(None));
    let events = suite.events(&["--tag", "full"])?;
    let (passed, others) = passed_and_others(&events);
    assert_eq!(others, ["fills_the_disk"], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 3);
    assert_contains(&failure(&events, "fills_the_disk"), &["full"]);
    events.finished.assert_nothing_left();
    assert_eq!(leases(&server).await?, (0, 0, 0));
    Ok(())
}

#[integration_test(tags("mysql"))]
async fn next_run_removes_databases_of_a_killed_run(dir: &TempDir, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let server = Server::start(Product::Mariadb, dir, teardown, ServerOptions::default()).await?;
    let with_server = || suite(dir).env(server.variable(), server.url(None));
    let killed = with_server().args(&["waits_forever", "--nocapture"]);
    let mut child = begin(&killed)?;
    assert_eq!(leases(&server).await?.0, 2);
    #[act]
    kill(&killed, &mut child).await?;
    let next = with_server().events(&["gets_a_fresh_database::again_1", "--exact"])?;
    #[assert]
    assert_eq!(next.summary()["passed"], 1, "{}", next.finished.stdout());
    next.finished.assert_nothing_left();
    eventually(async || leases(&server).await.ok()).within(Duration::from_secs(5)).equals(Some((0, 0, 0))).await?;
    Ok(())
}
