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

/// A database of nothing, for its server's sake: the suites are given it as somebody else's server.
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

/// How many databases and owners stand in the table of leases of a server.
async fn leases(server: &Server) -> Result<(i64, i64)> {
    let mut connection = PgConnection::connect(&server.url().replacen(server.name(), "itest_leases", 1)).await?;
    let count = "SELECT (SELECT count(*) FROM itest_leases.lease), (SELECT count(*) FROM itest_leases.owner)";
    let counted = sqlx::query_as(count).fetch_one(&mut connection).await?;
    connection.close().await?;
    Ok(counted)
}

#[integration_test(tags("postgres"), serial = "leases")]
#[case::on_a_private_server(false)]
#[case::on_a_server_of_somebody(true)]
async fn bad_tests_harm_nobody_else(#[case] is_there: bool, dir: &TempDir, server: &Server) -> Result<()> {
    let suite = suite(dir);
    let suite = if is_there { suite.env("ITEST_POSTGRES_URL", server.url()) } else { suite };
    let events = suite.events(&["--order", "declared", "--jobs", "1", "--tag", "good | bad"])?;
    let outcomes = events.outcomes();
    let (failed, passed): (Vec<_>, Vec<_>) = outcomes.iter().partition(|(_, outcome)| *outcome != "passed");
    assert_eq!(failed, [(&"waits_for_itself".to_owned(), &"failed".to_owned())], "{}", events.finished.stdout());
    assert_eq!(passed.len(), 25);
    events.finished.assert_nothing_left();
    if is_there {
        assert_eq!(leases(server).await?, (0, 0));
    }
    Ok(())
}

#[integration_test(tags("postgres"))]
fn a_connection_that_waits_for_itself_is_told_in_words(dir: &TempDir) -> Result<()> {
    let events = suite(dir).events(&["waits_for_itself"])?;
    let failures = events.case("waits_for_itself")["failures"].to_string();
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
fn what_is_wrong_with_the_schema_is_told(#[case] test: &str, #[case] words: &[&str], dir: &TempDir) -> Result<()> {
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

/// Two runs know nothing of each other, and their schemas are in one database.
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
fn table_that_migrations_of_two_schemas_share_is_named(dir: &TempDir) -> Result<()> {
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
#[case::nobody_listens("postgres://u:s3cret@127.0.0.1:9/postgres", &["127.0.0.1:9 (from ITEST_POSTGRES_URL) as u", "is the server running"])]
#[case::another_machine("postgres://u:s3cret@192.0.2.1:9/postgres", &["192.0.2.1"])]
#[case::in_a_parameter("postgres:///postgres?host=127.0.0.1&port=9&user=u&password=s3cret", &["127.0.0.1:9", "as u"])]
#[case::in_an_unknown_parameter("postgres://u@127.0.0.1:9/postgres?passwd=s3cret&sslpassword=s3cret", &["127.0.0.1:9", "as u"])]
#[case::encoded("postgres://u:s3c%72et%40@127.0.0.1:9/postgres", &["127.0.0.1:9", "as u"])]
#[case::with_a_hash("postgres://u:12#s3cret@127.0.0.1:9/postgres", &["is no URL of PostgreSQL", "percent-encode"])]
#[case::with_a_slash("postgres://u:12/s3cret@127.0.0.1:9/postgres", &["is no URL of PostgreSQL", "percent-encode"])]
#[case::with_a_question_mark("postgres://u:12?s3cret@127.0.0.1:9/postgres", &["is no URL of PostgreSQL", "percent-encode"])]
#[case::wrong_port("postgres://u:s3cret@127.0.0.1:99999/postgres", &["is no URL of PostgreSQL"])]
#[case::wrong_parameter("postgres://u:s3cret@127.0.0.1:9/postgres?sslmode=s3cret", &["is no URL of PostgreSQL"])]
fn a_bad_url_is_told_without_its_password(#[case] url: &str, #[case] words: &[&str], dir: &TempDir) -> Result<()> {
    let suite = suite(dir).env("ITEST_POSTGRES_URL", url);
    let events = suite.events(&["a_fresh_one::again_1", "--exact", "--setup-timeout", "3s"])?;
    let failure = events.case("a_fresh_one::again_1")["failures"].to_string();
    for word in words {
        assert!(failure.contains(word), "no `{word}` in: {failure}");
    }
    let told = format!("{}{}", events.finished.stdout(), events.finished.stderr());
    for secret in ["s3cret", "s3c%72et", "u:12", "=u:"] {
        assert!(!told.contains(secret), "{secret} in {told}");
    }
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("postgres"), serial = "leases")]
async fn a_database_with_somebodys_tables_is_refused_until_it_is_allowed(dir: &TempDir, server: &Server) -> Result<()> {
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
        suite.events(&["a_fresh_one::again_1", "--exact"])
    };
    let refused = run("")?;
    let failure = refused.case("a_fresh_one::again_1")["failures"].to_string();
    let words = failure.split("set ITEST_DATABASE_ALLOW=").nth(1).unwrap_or_default();
    let allowed = run(words.split('"').next().unwrap_or_default())?;
    #[assert]
    assert!(failure.contains("contains a table that itest did not create"), "{failure}");
    assert_eq!(allowed.summary()["passed"], 1, "{}", allowed.finished.stdout());
    let mut owner = PgConnection::connect(&url).await?;
    let tables: i64 = sqlx::query_scalar("SELECT count(*) FROM customer").fetch_one(&mut owner).await?;
    assert_eq!(tables, 0, "it is still there");
    owner.close().await?;
    let drop = format!("DROP DATABASE {other}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(drop)).execute(&mut connection).await?;
    connection.close().await?;
    Ok(())
}

/// Key and number of the shared memory that a server has noted.
fn segment(folder: &str) -> Result<Vec<String>> {
    let note = std::fs::read_to_string(format!("{folder}/data/postmaster.pid"))?;
    Ok(note.lines().nth(6).unwrap_or_default().split_whitespace().map(str::to_owned).collect())
}

/// Those of all segments of the system.
fn segments() -> Result<Vec<Vec<String>>> {
    let all = std::fs::read_to_string("/proc/sysvipc/shm")?;
    Ok(all.lines().map(|line| line.split_whitespace().take(2).map(str::to_owned).collect()).collect())
}

#[integration_test(tags("postgres"))]
async fn after_everything_was_killed_the_next_start_leaves_no_private_server(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = suite(dir).args(&["waits_for_ever", "--nocapture"]);
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
async fn after_everything_was_killed_the_next_start_leaves_no_database(dir: &TempDir, server: &Server) -> Result<()> {
    #[arrange]
    let with_server = || suite(dir).env("ITEST_POSTGRES_URL", server.url());
    let killed = with_server().args(&["waits_for_ever", "--nocapture"]);
    let mut child = begin(&killed)?;
    assert_eq!(leases(server).await?, (2, 2));
    #[act]
    kill(&killed, &mut child).await?;
    let next = with_server().events(&["a_fresh_one::again_1", "--exact"])?;
    #[assert]
    assert_eq!(next.summary()["passed"], 1, "{}", next.finished.stdout());
    next.finished.assert_nothing_left();
    eventually(async || leases(server).await.ok()).within(Duration::from_secs(5)).equals(Some((0, 0))).await?;
    Ok(())
}

#[integration_test(tags("postgres"))]
fn without_a_server_the_tests_skip_or_fail(#[values("nothing", "all")] require: &str, dir: &TempDir) -> Result<()> {
    // No PATH; where Debian puts the programs they are found all the same.
    if std::path::Path::new("/usr/lib/postgresql").is_dir() {
        skip!("PostgreSQL is found here without a PATH");
    }
    let events = suite(dir).env("PATH", "").events(&["a_fresh_one::again_1", "--exact", "--require", require])?;
    let outcome = &events.case("a_fresh_one::again_1")["outcome"];
    assert_eq!(outcome, if require == "all" { "errored" } else { "skipped" });
    Ok(())
}

/// The report says how to look at the database of a failed test, and that works until it is given back.
#[integration_test(tags("postgres"))]
async fn the_database_of_a_failed_test_is_looked_at_with_the_command_that_is_told(dir: &TempDir) -> Result<()> {
    #[arrange]
    let suite = suite(dir);
    let events = suite.events(&["--ignored", "--tag", "kept", "--keep-failed"])?;
    let kept = events.case("fails_with_a_row_in_its_database")["kept"].clone();
    let steps = kept["steps"].as_array().into_iter().flatten().filter_map(|step| step.as_str());
    let commands = steps.filter_map(|step| step.split_once("look at it with "));
    let command = commands.map(|(_, command)| command.to_owned()).next_back().ok_or("no step tells a command")?;

    #[act]
    let mut words = command.split(' ');
    let mut client = std::process::Command::new(words.next().unwrap_or_default());
    let told = client.args(words).args(["-At", "-c", "SELECT name FROM item ORDER BY id"]).output()?;

    #[assert]
    let (stdout, stderr) = (String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert_eq!(stdout, "seeded\nevidence\n", "{command}: {stderr}");
    let keeper = kept["process"].as_u64().and_then(|id| u32::try_from(id).ok()).ok_or("nobody keeps it")?;
    itest_tests::signal(keeper, rustix::process::Signal::TERM);
    eventually(|| async { events.finished.left().len() }).within(Duration::from_secs(20)).equals(0).await?;
    Ok(())
}
