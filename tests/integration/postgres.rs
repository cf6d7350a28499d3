//! PostgreSQL under bad tests, bad settings and sudden ends: one clear message each, and nothing is left.

use std::process::Stdio;
use std::time::Duration;

use itest::TempDir;
use itest::postgres::{Cloned, Postgres, Schema};
use itest::prelude::*;
use itest_tests::{Events, Suite};
use sqlx::migrate::Migrator;
use sqlx::{Connection, PgConnection};

use crate::faults::{begin, kill};

/// An empty schema. Its database is only used for the server, which the suites get as an existing server.
struct Nothing;

impl Schema for Nothing {
    fn migrator() -> &'static Migrator {
        static NONE: Migrator = Migrator::DEFAULT;
        &NONE
    }
}

type Server = Postgres<Cloned<Nothing>>;

fn suite(dir: &TempDir) -> Suite<'_> {
    // Where the cache of initialized clusters is; the suite's own environment has little else.
    Suite::new(env!("CARGO_BIN_EXE_suite-postgres"), dir)
}

/// The numbers of leases and of owners on a server.
async fn leases(server: &Server) -> Result<(i64, i64)> {
    let mut connection = PgConnection::connect(&server.url().replacen(server.name(), "itest_leases", 1)).await?;
    let count = "SELECT (SELECT count(*) FROM itest_leases.lease), (SELECT count(*) FROM itest_leases.owner)";
    let counted = sqlx::query_as(count).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(counted)
}

#[integration_test(tags("postgres"), serial = "leases")]
#[case::on_a_private_server(false)]
#[case::on_an_existing_server(true)]
async fn bad_tests_do_not_affect_other_tests(#[case] is_existing: bool, dir: &TempDir, server: &Server) -> Result<()> {
    let suite = suite(dir);
    let suite = if is_existing { suite.env("ITEST_POSTGRES_URL", server.url()) } else { suite };
    let events = suite.events(&["--order", "declared", "--jobs", "1", "--tag", "good | bad"])?;
    let outcomes = events.outcomes();
    let (failed, passed): (Vec<_>, Vec<_>) = outcomes.iter().partition(|(_, outcome)| *outcome != "passed");
    assert_eq!(failed, [(&"exhausts_its_own_pool".to_owned(), &"failed".to_owned())], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 25);
    events.finished.assert_nothing_left();
    if is_existing {
        assert_eq!(leases(server).await?, (0, 0));
    }
    Ok(())
}

#[integration_test(tags("postgres"))]
fn exhausted_connection_pool_is_explained(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["exhausts_its_own_pool"])?;
    let failures = events.case("exhausts_its_own_pool")["failures"].to_string();
    assert!(failures.contains("pool timed out") && failures.contains("one connection"), "{failures}");
    Ok(())
}

#[integration_test(tags("postgres"))]
#[case::migration("has_a_broken_migration", &["migration 2_wrong_type", "\"intt\" does not exist", "line 4", "CREATE TABLE wrong"])]
#[case::seed("has_a_broken_seed", &["cannot seed", "relation \"nowhere\" does not exist"])]
#[case::dump("has_a_migration_that_empties_the_search_path",
    &["migration 7_of_the_app", "_sqlx_migrations", "RESET search_path", "dangerous_set_table_name"])]
#[case::commit("has_a_migration_that_fails_when_it_is_committed",
    &["migration 7_of_the_app", "violates foreign key constraint", "Key (next)=(2) is not present"])]
#[case::block("has_a_migration_that_fails_in_a_block",
    &["migration 7_of_the_app", "invalid input syntax for type integer", "on line 2:", "inline_code_block line 2"])]
#[case::no_place("has_a_migration_without_a_place", &["migration 7_of_the_app", "relation \"word\" already exists", "on line 2:", "CREATE TABLE word (id bigint)"])]
#[case::subscription("has_a_migration_with_a_subscription",
    &["migration 7_of_the_app creates the subscription words", "create it in the tests that need it"])]
#[case::label("has_a_migration_with_an_unknown_label",
    &["migration 7_of_the_app changes the database itself", "cannot copy the properties of the template database to a clone", "security label provider"])]
#[case::settings_in_a_schema("has_settings_of_the_database_in_a_schema",
    &["Isolation::Schema", "migration 7_of_the_app changes the database itself", "Isolation::Recycle"])]
#[case::dump_in_a_schema("has_a_dump_in_a_schema",
    &["migration 7_of_the_app", "RESET search_path", "`public`, which migration 7_of_the_app names, is shared by all tests"])]
fn broken_schema_is_reported_with_its_cause(#[case] test: &str, #[case] words: &[&str], dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&[test])?;
    let failure = events.case(test)["failures"].to_string().replace("\\\"", "\"");
    for word in words {
        assert!(failure.contains(word), "no `{word}` in: {failure}");
    }
    // sqlx adds the line of the server's own source.
    assert!(!failure.contains("at line"), "{failure}");
    events.finished.assert_nothing_left();
    Ok(())
}

/// Two independent runs have their schemas in one database.
#[integration_test(tags("postgres"), serial = "leases")]
async fn schemas_of_two_runs_in_one_database_are_migrated_concurrently(
    dir: &TempDir,
    other: TempDir,
    server: &Server,
) -> Result<()> {
    let suites = [dir, &other].map(|dir| {
        let suite = suite(dir).env("ITEST_POSTGRES_URL", server.url());
        suite.args(&["--tag", "concurrent", "--jobs", "2", "--format", "json"])
    });
    let mut running = Vec::new();
    for suite in &suites {
        let child = suite.command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        running.push((suite, child));
    }
    for (suite, child) in running {
        let events = Events::of(suite.wait_for(child)?)?;
        assert_eq!(events.summary()["passed"], 6, "{}", events.finished.stdout());
        events.finished.assert_nothing_left();
    }
    assert_eq!(leases(server).await?, (0, 0));
    Ok(())
}

/// The first test creates the table in `public`, and the message of the second one says why that cannot be done again.
#[integration_test(tags("postgres"))]
fn table_shared_by_two_schemas_is_named(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["--tag", "shared", "--jobs", "1", "--order", "declared"])?;
    assert_eq!(events.case("has_a_table_in_public::again_1")["outcome"], "passed", "{}", events.finished.stdout());
    let failure = events.case("has_a_table_in_public::again_2")["failures"].to_string();
    for words in ["migration 7_of_the_app", "already exists", "`public`, which migration 7_of_the_app names, is shared"]
    {
        assert!(failure.contains(words), "no `{words}` in: {failure}");
    }
    Ok(())
}

#[integration_test(tags("postgres"))]
#[case::no_url("nonsense s3cret", &["ITEST_POSTGRES_URL is no URL of PostgreSQL", "postgres://user:password@host"])]
#[case::no_listener("postgres://u:s3cret@127.0.0.1:9/postgres", &["127.0.0.1:9 (from ITEST_POSTGRES_URL) as u", "is the server running"])]
#[case::another_machine("postgres://u:s3cret@192.0.2.1:9/postgres", &["192.0.2.1"])]
#[case::in_a_parameter("postgres:///postgres?host=127.0.0.1&port=9&user=u&password=s3cret", &["127.0.0.1:9", "as u"])]
#[case::in_an_unknown_parameter("postgres://u@127.0.0.1:9/postgres?passwd=s3cret&sslpassword=s3cret", &["127.0.0.1:9", "as u"])]
#[case::encoded("postgres://u:s3c%72et%40@127.0.0.1:9/postgres", &["127.0.0.1:9", "as u"])]
#[case::with_a_hash("postgres://u:12#s3cret@127.0.0.1:9/postgres", &["is no URL of PostgreSQL", "percent-encode"])]
#[case::with_a_slash("postgres://u:12/s3cret@127.0.0.1:9/postgres", &["is no URL of PostgreSQL", "percent-encode"])]
#[case::with_a_question_mark("postgres://u:12?s3cret@127.0.0.1:9/postgres", &["is no URL of PostgreSQL", "percent-encode"])]
#[case::wrong_port("postgres://u:s3cret@127.0.0.1:99999/postgres", &["is no URL of PostgreSQL"])]
#[case::wrong_parameter("postgres://u:s3cret@127.0.0.1:9/postgres?sslmode=s3cret", &["is no URL of PostgreSQL"])]
fn unusable_url_is_reported_without_its_password(
    #[case] url: &str,
    #[case] words: &[&str],
    dir: &TempDir,
) -> Result<()> {
    let suite = suite(dir).env("ITEST_POSTGRES_URL", url);
    let events = suite.events(&["gets_a_fresh_database::again_1", "--exact", "--setup-timeout", "3s"])?;
    let failure = events.case("gets_a_fresh_database::again_1")["failures"].to_string();
    for word in words {
        assert!(failure.contains(word), "no `{word}` in: {failure}");
    }
    let output = format!("{}{}", events.finished.stdout(), events.finished.stderr());
    for secret in ["s3cret", "s3c%72et", "u:12", "=u:"] {
        assert!(!output.contains(secret), "{secret} in {output}");
    }
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("postgres"), serial = "leases")]
async fn database_with_foreign_tables_is_refused_until_allowed(dir: &TempDir, server: &Server) -> Result<()> {
    #[arrange]
    let other = format!("shop_{}", std::process::id());
    let mut connection = PgConnection::connect(server.url()).await?;
    let create = format!("CREATE DATABASE {other}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&mut connection).await?;
    let url = server.url().replacen(server.name(), &other, 1);
    let mut owner = PgConnection::connect(&url).await?;
    sqlx::raw_sql("CREATE TABLE customer (id int)").execute(&mut owner).await?;
    owner.close().await?;
    #[act]
    let run = |allowed: &str| {
        let suite = suite(dir).env("ITEST_POSTGRES_URL", &url).env("ITEST_DATABASE_ALLOW", allowed);
        suite.events(&["gets_a_fresh_database::again_1", "--exact"])
    };
    let refused = run("")?;
    let failure = refused.case("gets_a_fresh_database::again_1")["failures"].to_string();
    let words = failure.split("set ITEST_DATABASE_ALLOW=").nth(1).unwrap_or_default();
    let allowed = run(words.split('"').next().unwrap_or_default())?;
    #[assert]
    assert!(failure.contains("contains a table that itest did not create"), "{failure}");
    assert_eq!(allowed.summary()["passed"], 1, "{}", allowed.finished.stdout());
    let mut owner = PgConnection::connect(&url).await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM customer").fetch_one(&mut owner).await?;
    assert_eq!(tables, 0, "the table is still there");
    owner.close().await?;
    let drop = format!("DROP DATABASE {other}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// The key and the id of the shared memory segment, from the server's `postmaster.pid`.
fn segment(folder: &str) -> Result<Vec<String>> {
    let note = std::fs::read_to_string(format!("{folder}/data/postmaster.pid"))?;
    Ok(note.lines().nth(6).unwrap_or_default().split_whitespace().map(str::to_owned).collect())
}

/// The keys and ids of all shared memory segments of the system.
fn segments() -> Result<Vec<Vec<String>>> {
    let all = std::fs::read_to_string("/proc/sysvipc/shm")?;
    Ok(all.lines().map(|line| line.split_whitespace().take(2).map(str::to_owned).collect()).collect())
}

#[integration_test(tags("postgres"))]
async fn sweep_removes_the_private_server_of_a_killed_run(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = suite(dir).args(&["waits_forever", "--nocapture"]);
    let mut child = begin(&suite)?;
    let servers = || suite.traces().processes().into_iter().filter(|process| process.contains("/itest-postgres-"));
    let server = servers().next().ok_or("there is no private server")?;
    let data = server.split(" -D ").nth(1).and_then(|rest| rest.split("/data").next()).unwrap_or_default().to_owned();
    assert!(std::path::Path::new(&data).is_dir(), "{data} of {server}");
    let segment = segment(&data)?;
    assert!(segments()?.contains(&segment), "{segment:?}");
    #[act]
    kill(&suite, &mut child).await?;
    let swept = Suite::new(env!("CARGO_BIN_EXE_suite-postgres"), dir).args(&["--sweep"]).run()?;
    #[assert]
    assert_eq!(swept.code(), Some(0), "{}", swept.stdout());
    swept.assert_nothing_left();
    assert!(!std::path::Path::new(&data).exists(), "{data} is left");
    assert!(!segments()?.contains(&segment), "the shared memory {segment:?} is left");
    Ok(())
}

#[integration_test(tags("postgres"), serial = "leases")]
async fn next_run_removes_databases_of_a_killed_run(dir: &TempDir, server: &Server) -> Result<()> {
    #[arrange]
    let with_server = || suite(dir).env("ITEST_POSTGRES_URL", server.url());
    let killed = with_server().args(&["waits_forever", "--nocapture"]);
    let mut child = begin(&killed)?;
    assert_eq!(leases(server).await?, (2, 2));
    #[act]
    kill(&killed, &mut child).await?;
    let next = with_server().events(&["gets_a_fresh_database::again_1", "--exact"])?;
    #[assert]
    assert_eq!(next.summary()["passed"], 1, "{}", next.finished.stdout());
    next.finished.assert_nothing_left();
    eventually(async || leases(server).await.ok()).within(Duration::from_secs(5)).equals(Some((0, 0))).await?;
    Ok(())
}

#[integration_test(tags("postgres"))]
fn missing_server_skips_or_fails_the_tests(#[values("nothing", "all")] require: &str, dir: &TempDir) -> Result<()> {
    // The suite gets an empty PATH. itest also searches Debian's directory, where it would find the programs without a PATH.
    if std::path::Path::new("/usr/lib/postgresql").is_dir() {
        skip!("PostgreSQL is found here without a PATH");
    }
    let events =
        suite(dir).env("PATH", "").events(&["gets_a_fresh_database::again_1", "--exact", "--require", require])?;
    let outcome = &events.case("gets_a_fresh_database::again_1")["outcome"];
    assert_eq!(outcome, if require == "all" { "errored" } else { "skipped" });
    Ok(())
}

/// The report prints a command that opens the kept database of a failed test.
#[integration_test(tags("postgres"))]
async fn kept_database_opens_with_the_printed_command(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = suite(dir);
    let events = suite.events(&["--ignored", "--tag", "kept", "--keep-failed"])?;
    let kept = events.case("fails_with_a_row_in_its_database")["kept"].clone();
    let steps = kept["steps"].as_array().into_iter().flatten().filter_map(|step| step.as_str());
    let commands = steps.filter_map(|step| step.split_once("look at it with "));
    let command = commands.map(|(_, command)| command.to_owned()).next_back().ok_or("no step has a command")?;

    #[act]
    let mut words = command.split(' ');
    let mut client = std::process::Command::new(words.next().unwrap_or_default());
    let output = client.args(words).args(["-At", "-c", "SELECT name FROM item ORDER BY id"]).output()?;

    #[assert]
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(stdout, "seeded\nevidence\n", "{command}: {stderr}");
    let holder =
        kept["process"].as_u64().and_then(|id| u32::try_from(id).ok()).ok_or("no process keeps the resources")?;
    itest_tests::signal(holder, rustix::process::Signal::TERM);
    eventually(|| async { events.finished.left().len() }).within(Duration::from_secs(20)).equals(0).await?;
    Ok(())
}
