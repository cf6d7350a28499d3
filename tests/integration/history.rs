//! The history of past runs. A problem with the history never fails a run.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Events, Finished, Suite};
use serde_json::Value;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};

const ORDER: &str = env!("CARGO_BIN_EXE_suite-order");

/// A password that no output may contain.
const PASSWORD: &str = "hushhush";

fn suite<'t>(dir: &'t TempDir, arguments: &[&str]) -> Suite<'t> {
    let journal = dir.join("journal").display().to_string();
    Suite::new(ORDER, dir).env("JOURNAL", journal).args(&["--jobs", "1"]).args(arguments)
}

fn run(dir: &TempDir, arguments: &[&str]) -> Result<Finished> {
    Ok(suite(dir, arguments).run()?)
}

/// The history, as JSON events.
fn history(dir: &TempDir, arguments: &[&str]) -> Result<Events> {
    Ok(Events::of(suite(dir, arguments).args(&["--history", "--format", "json"]).run()?)?)
}

fn runs_of(events: &Events) -> Option<&Value> {
    events.named("history").first().map(|head| &head["runs"])
}

fn test_of<'e>(events: &'e Events, id: &str) -> &'e Value {
    let tests = events.named("history_test");
    tests.into_iter().find(|test| test["id"] == id).unwrap_or(&Value::Null)
}

fn file(dir: &TempDir) -> PathBuf {
    dir.join("history.sqlite")
}

fn records(dir: &TempDir) -> Vec<PathBuf> {
    let folders = fs::read_dir(dir.join("records")).into_iter().flatten().filter_map(Result::ok);
    let entries = folders.flat_map(|folder| fs::read_dir(folder.path()).into_iter().flatten().filter_map(Result::ok));
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

#[integration_test(tags("history"))]
fn history_counts_each_past_run_once(dir: &TempDir) -> Result<()> {
    #[arrange]
    for _ in 0..3 {
        run(dir, &["plain", "fails::number_3"])?;
    }
    assert!(!file(dir).exists(), "a run writes no history before one is requested");

    #[act]
    let first = history(dir, &[])?;

    #[assert]
    assert_eq!((first.finished.code(), runs_of(&first)), (Some(0), Some(&3.into())));
    let failing = test_of(&first, "fails::number_3");
    assert_eq!((&failing["attempts"], &failing["failures"]), (&3.into(), &3.into()));
    assert_eq!(failing["last_failure"]["message"], "failure 3");
    assert_eq!(failing["last_failure"]["phase"], "test body");
    assert_eq!(failing["same_code_different_outcomes"], Value::Null, "a test that always fails is not flaky");
    let passing = test_of(&first, "plain::number_0");
    let bound = 1.0 - 0.05_f64.powf(1.0 / 3.0);
    assert!((passing["rate_high"].as_f64().unwrap_or_default() - bound).abs() < 1e-9, "{passing}");

    assert_eq!(runs_of(&history(dir, &[])?), Some(&3.into()), "the same runs are not counted again");
    run(dir, &["plain"])?;
    assert_eq!(runs_of(&history(dir, &[])?), Some(&4.into()));

    let text = run(dir, &["--history"])?.stdout();
    for part in [
        "history of itest-tests-suite_order (",
        ": 4 runs from 20",
        "failing:\n",
        "3 of 3  100.0 % (36.8 % to 100.0 %)",
        "in test body: failure 3",
        "no failure seen in 12 tests, 4 runs each; 0 failures in 4 runs: below 52.8 % at 95 % confidence",
    ] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
    assert!(!text.contains("stable"), "{text}");
    Ok(())
}

#[integration_test(tags("history"))]
fn history_shows_only_the_selected_tests(dir: &TempDir) -> Result<()> {
    run(dir, &["plain", "fails::number_3"])?;
    assert_eq!(history(dir, &["plain"])?.named("history_test").len(), 12);
    assert_eq!(history(dir, &["--exact", "plain::number_1", "fails::number_3"])?.named("history_test").len(), 2);
    assert_eq!(history(dir, &["plain", "--skip", "number_1"])?.named("history_test").len(), 9);
    let nothing = run(dir, &["--history", "nonsense"])?;
    assert_eq!(nothing.code(), Some(4), "{}", nothing.stdout());
    Ok(())
}

/// On a CI system, runs of the same commit are runs of the same code.
#[integration_test(tags("history"))]
#[case::one_commit(false)]
#[case::a_commit_each(true)]
fn history_reports_different_outcomes_of_the_same_commit(#[case] changes: bool, dir: &TempDir) -> Result<()> {
    for number in 0..5 {
        let commit = if changes { format!("{number}0123456789abcdef") } else { "0123456789abcdef".to_owned() };
        let suite = suite(dir, &["--ignored", "--tag", "flaky"]);
        suite.env("GITHUB_SHA", commit).env("GITHUB_RUN_ID", number.to_string()).run()?;
    }
    let events = history(dir, &[])?;
    let test = test_of(&events, "fails_every_fourth_time");
    assert_eq!((&test["attempts"], &test["failures"]), (&5.into(), &1.into()));
    let mixed = &test["same_code_different_outcomes"];
    let report = run(dir, &["--history"])?.stdout();
    if changes {
        assert_eq!(mixed, &Value::Null);
        assert!(report.contains("failing:") && report.contains("5 commits"), "{report}");
    } else {
        assert_eq!((&mixed["passed"], &mixed["failed"]), (&4.into(), &1.into()));
        assert!(report.contains("commit 0123456789ab: passed 4 times, failed once"), "{report}");
    }
    Ok(())
}

#[integration_test(tags("history"))]
fn history_keeps_runs_whose_records_are_deleted(dir: &TempDir) -> Result<()> {
    run(dir, &["plain", "--records", "2"])?;
    history(dir, &["--records", "2"])?;
    for _ in 0..4 {
        assert_eq!(run(dir, &["plain", "--records", "2"])?.code(), Some(0));
    }
    assert_eq!(records(dir).len(), 2);
    assert_eq!(runs_of(&history(dir, &[])?), Some(&5.into()));
    Ok(())
}

#[integration_test(tags("history"))]
fn history_deletes_runs_older_than_its_limit(dir: &TempDir) -> Result<()> {
    run(dir, &["plain"])?;
    run(dir, &["plain"])?;
    assert_eq!(runs_of(&history(dir, &[])?), Some(&2.into()));
    let events = history(dir, &["--history-keep", "1ms"])?;
    assert_eq!((runs_of(&events), events.named("history_test").len()), (Some(&0.into()), 0));
    Ok(())
}

#[integration_test(tags("history"))]
fn unfinished_record_is_imported_later(dir: &TempDir) -> Result<()> {
    run(dir, &["plain"])?;
    run(dir, &["plain"])?;
    let newest = records(dir).pop().unwrap_or_default();
    let bytes = fs::read(&newest)?;
    fs::write(&newest, &bytes[..bytes.len() / 2])?;
    assert_eq!(runs_of(&history(dir, &[])?), Some(&1.into()));
    fs::write(&newest, &bytes)?;
    assert_eq!(runs_of(&history(dir, &[])?), Some(&2.into()));
    Ok(())
}

#[integration_test(tags("history"))]
fn concurrent_history_requests_all_succeed(dir: &TempDir) -> Result<()> {
    for _ in 0..4 {
        run(dir, &["plain"])?;
    }
    let asking = || suite(dir, &["--history", "--format", "json"]);
    let children = (0..5).map(|_| asking().command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn());
    let children: Vec<_> = children.collect::<std::io::Result<_>>()?;
    for child in children {
        let events = Events::of(asking().wait_for(child)?)?;
        assert_eq!(events.finished.code(), Some(0));
        assert_eq!(events.finished.stderr(), "", "each of them was served from the database");
        assert_eq!(runs_of(&events), Some(&4.into()));
    }
    let events = history(dir, &[])?;
    assert_eq!(test_of(&events, "plain::number_0")["attempts"], 4);
    Ok(())
}

/// Puts something that is no database at the path of the history.
fn obstruct(dir: &TempDir, how: &str) -> std::io::Result<()> {
    match how {
        "folder" => fs::create_dir(file(dir)),
        letter => fs::write(file(dir), format!("{letter}: a letter, and as long as a page of one ").repeat(99)),
    }
}

#[integration_test(tags("history"))]
#[case::no_database("no database", "file is not a database")]
#[case::no_file("folder", "unable to open database file")]
fn broken_history_does_not_fail_the_run(#[case] how: &str, #[case] why: &str, dir: &TempDir) -> Result<()> {
    run(dir, &["plain"])?;
    obstruct(dir, how)?;
    let finished = run(dir, &["plain", "--records", "1"])?;
    assert_eq!(finished.code(), Some(0), "{}", finished.stdout());
    assert!(finished.stderr().contains("warning: the history is not up to date"), "{}", finished.stderr());
    assert!(finished.stderr().contains(why), "{}", finished.stderr());

    let events = history(dir, &[])?;
    assert_eq!(
        (events.finished.code(), runs_of(&events)),
        (Some(0), Some(&2.into())),
        "records that are not in the history yet are kept for a while"
    );
    assert!(events.finished.stderr().contains("only the existing records are shown"), "{}", events.finished.stderr());
    run(dir, &["plain", "--records", "1"])?;
    assert_eq!(records(dir).len(), 2, "but not for ever");
    Ok(())
}

#[integration_test(tags("history"))]
fn unwritable_history_does_not_fail_the_run(dir: &TempDir) -> Result<()> {
    // Not even root can create a file in this directory.
    let place = ["--history-url", "sqlite:/proc/history.sqlite"];
    let finished = run(dir, &[&["plain"][..], &place].concat())?;
    assert_eq!(finished.code(), Some(0), "{}", finished.stdout());
    let message = "warning: the history is not up to date: the history in /proc/history.sqlite cannot be opened";
    assert!(finished.stderr().contains(message), "{}", finished.stderr());
    assert_eq!(runs_of(&history(dir, &place)?), Some(&1.into()));
    Ok(())
}

#[integration_test(tags("history"))]
async fn locked_history_does_not_fail_the_run(dir: &TempDir) -> Result<()> {
    #[arrange]
    run(dir, &["plain"])?;
    history(dir, &[])?;
    let mut other = SqliteConnection::connect(&format!("sqlite://{}", file(dir).display())).await?;
    other.execute("BEGIN EXCLUSIVE").await?;

    #[act]
    let nothing_new = run(dir, &["plain", "--records", "1"])?;
    let finished = run(dir, &["plain", "fails::number_3", "--records", "1"])?;
    let locked = history(dir, &[])?;
    other.execute("ROLLBACK").await?;
    other.close().await?;

    #[assert]
    assert_eq!(finished.code(), Some(101), "only the tests decide about the exit code");
    assert_eq!(nothing_new.stderr(), "", "there was no new record to import");
    assert!(finished.stderr().contains("the history is not up to date"), "{}", finished.stderr());
    assert_eq!((locked.finished.code(), runs_of(&locked)), (Some(0), Some(&2.into())));
    assert!(locked.finished.stderr().contains("(another process holds it)"), "{}", locked.finished.stderr());
    assert_eq!(runs_of(&history(dir, &[])?), Some(&3.into()), "nothing was lost");
    Ok(())
}

#[integration_test(tags("history"))]
fn history_marks_quarantined_tests(dir: &TempDir) -> Result<()> {
    let entry = |test: &str| {
        format!(
            "[[quarantine]]\ntest = \"{test}\"\nowner = \"shop team\"\nreason = \"sandbox\"\nuntil = \"2999-12-31\"\n"
        )
    };
    run(dir, &["draws", "fails::number_3", "--repeat", "20", "--records", "1"])?;
    history(dir, &[])?;
    fs::write(dir.join("itest.toml"), entry("fails::*") + &entry("draws::*"))?;
    // By now only the last run has a record; the others are in the history only.
    run(dir, &["fails::number_3", "--records", "1"])?;
    let finished = run(dir, &["--history"])?;
    assert!(
        finished.stdout().contains("quarantined until 2999-12-31, owner shop team: sandbox"),
        "{}",
        finished.stdout()
    );
    let remarks = finished.stderr();
    assert_eq!(remarks.matches("no longer be needed").count(), 1, "{remarks}");
    assert!(remarks.contains("the quarantine of `draws::*` may no longer be needed"), "{remarks}");
    Ok(())
}

#[integration_test(tags("history"))]
#[case::scheme("mysql://root:hushhush@localhost/history")]
#[case::nothing("history.sqlite")]
fn invalid_history_url_is_refused_without_showing_its_password(#[case] url: &str, dir: &TempDir) -> Result<()> {
    for finished in [run(dir, &["--history-url", url])?, suite(dir, &[]).env("ITEST_HISTORY_URL", url).run()?] {
        let stderr = finished.stderr();
        assert_eq!(finished.code(), Some(2), "{stderr}");
        assert!(stderr.contains("expected sqlite:FILE or postgres://USER@HOST/DATABASE"), "{stderr}");
        assert!(!stderr.contains(PASSWORD), "{stderr}");
    }
    Ok(())
}

/// A database of this test's own on the PostgreSQL server of this machine.
struct TeamDatabase {
    url: String,
}

#[fixture]
async fn team_database(info: &TestInfo, teardown: &Teardown) -> Result<TeamDatabase> {
    let (admin, address) = (format!("postgres://postgres@{}/postgres", address()), address());
    let Ok(mut server) = PgConnection::connect(&admin).await else {
        itest::unavailable!(
            &format!("PostgreSQL at {address}"),
            "start one that trusts the user postgres, or name one in ITEST_POSTGRES_URL"
        )
    };
    let test = info.id().as_str().rsplit("::").next().unwrap_or_default();
    let name = format!("itest_history_{}_{}", std::process::id(), &test[..test.len().min(20)]);
    let drop = AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
    let create = AssertSqlSafe(format!("CREATE DATABASE {name}"));
    teardown.defer(
        "drop the database",
        async move { PgConnection::connect(&admin).await?.execute(drop).await.map(|_| ()) },
    );
    server.execute(create).await?;
    Ok(TeamDatabase { url: format!("postgres://postgres:{PASSWORD}@{address}/{name}") })
}

/// Host and port of the server.
fn address() -> String {
    let url = std::env::var("ITEST_POSTGRES_URL").unwrap_or_default();
    let (_, behind) = url.split_once('@').unwrap_or_default();
    let address = behind.split('/').next().unwrap_or_default();
    if address.is_empty() { "127.0.0.1:5432".to_owned() } else { address.to_owned() }
}

#[integration_test(tags("history"))]
fn history_can_be_shared_in_a_postgres_database(database: &TeamDatabase, dir: &TempDir) -> Result<()> {
    let shared = ["--history-url", &database.url];
    let finished = run(dir, &[&["plain", "fails::number_3"][..], &shared].concat())?;
    assert_eq!((finished.code(), finished.stderr().as_str()), (Some(101), ""));
    // The records are lost, as on a CI machine that is deleted after the run.
    fs::remove_dir_all(dir.join("records"))?;
    let events = history(dir, &shared)?;
    assert_eq!((runs_of(&events), events.finished.stderr().as_str()), (Some(&1.into()), ""));
    assert_eq!(test_of(&events, "fails::number_3")["last_failure"]["message"], "failure 3");
    assert!(!file(dir).exists());

    let text = run(dir, &[&["--history"][..], &shared].concat())?.stdout();
    assert!(text.contains(&format!("(postgres://{}/itest_history_", address())), "{text}");
    let forgotten = history(dir, &[&shared[..], &["--history-keep", "1ms"]].concat())?;
    assert_eq!(runs_of(&forgotten), Some(&0.into()));
    Ok(())
}

#[integration_test(tags("history"))]
fn simultaneous_runs_are_all_in_the_shared_history(database: &TeamDatabase, dir: &TempDir) -> Result<()> {
    let own = |_| suite(dir, &["plain", "--history-url", &database.url]);
    let children = (0..4).map(|number| own(number).command()?.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn());
    let children: Vec<_> = children.collect::<std::io::Result<_>>()?;
    for child in children {
        let finished = own(0).wait_for(child)?;
        assert_eq!((finished.code(), finished.stderr().as_str()), (Some(0), ""));
    }
    let events = history(dir, &["--history-url", &database.url])?;
    assert_eq!(runs_of(&events), Some(&4.into()));
    assert_eq!(test_of(&events, "plain::number_11")["attempts"], 4);
    Ok(())
}

#[integration_test(tags("history"))]
fn password_of_the_history_appears_in_no_output(database: &TeamDatabase, dir: &TempDir) -> Result<()> {
    let flag = ["--history-url", &database.url];
    let runs = [
        run(dir, &[&["fails::number_3"][..], &flag].concat())?,
        run(dir, &[&["--history"][..], &flag].concat())?,
        run(dir, &[&["--print-config"][..], &flag].concat())?,
        run(dir, &[&["--history-url", "sqlite:other"][..], &flag].concat())?,
        suite(dir, &["--print-config"]).env("ITEST_HISTORY_URL", &database.url).run()?,
        Suite::new(ORDER, dir).args(&["--format", "json", "fails::number_3"]).args(&flag).run()?,
    ];
    for finished in &runs {
        let all = finished.stdout() + &finished.stderr();
        assert!(!all.contains(PASSWORD), "{all}");
    }
    assert!(runs[0].stdout().contains("--history-url 'postgres://postgres:***@127.0.0.1"), "{}", runs[0].stdout());
    for path in records(dir) {
        let bytes = fs::read(path)?;
        assert!(!String::from_utf8_lossy(&bytes).contains(PASSWORD));
    }
    Ok(())
}

#[integration_test(tags("history"))]
fn unreachable_history_server_does_not_fail_the_run(dir: &TempDir) -> Result<()> {
    // No server listens on port 1.
    let away = ["--history-url", "postgres://postgres:hushhush@127.0.0.1:1/itest"];
    let finished = run(dir, &[&["plain"][..], &away].concat())?;
    assert_eq!(finished.code(), Some(0), "{}", finished.stdout());
    let stderr = finished.stderr();
    assert!(stderr.contains("the history in postgres://127.0.0.1:1/itest cannot be opened"), "{stderr}");
    assert!(!stderr.contains(PASSWORD), "{stderr}");
    assert_eq!(runs_of(&history(dir, &away)?), Some(&1.into()), "the records are still there");
    Ok(())
}
