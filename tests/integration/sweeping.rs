//! Sweeping of damaged sessions, of sessions of another suite or build, and sessions in unsuitable folders.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use itest::TempDir;
use itest::prelude::*;
use itest_tests::{Finished, Suite, signal};
use rustix::process::Signal;

const SESSION: &str = env!("CARGO_BIN_EXE_suite-session");
const OTHER: &str = env!("CARGO_BIN_EXE_suite-fixtures");

fn suite<'t>(program: &str, dir: &'t TempDir) -> Result<Suite<'t>> {
    fs::create_dir_all(dir.join("outside"))?;
    Ok(Suite::new(program, dir)
        .env("JOURNAL", dir.join("journal").display().to_string())
        .env("OUTSIDE", dir.join("outside").display().to_string()))
}

fn taken(dir: &TempDir) -> bool {
    dir.join("outside").join("taken").exists()
}

/// Runs a suite, kills all its processes while a test has resources, and returns the session's folder.
pub(super) async fn dead_session(program: &str, dir: &TempDir) -> Result<PathBuf> {
    let suite = suite(program, dir)?.args(&["--ignored", "--tag", "waits"]);
    let child = suite.command()?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let waits = || async { fs::read_to_string(dir.join("journal")).is_ok_and(|text| text.contains("waiting")) };
    eventually(waits).within(Duration::from_secs(20)).equals(true).await?;
    suite.kill_everything();
    child.wait_with_output()?;
    eventually(|| async { suite.traces().processes() }).equals(Vec::new()).await?;
    let session = fs::read_dir(suite.sessions())?.next().ok_or("there is no session")??;
    Ok(session.path())
}

fn ledgers(session: &Path) -> Result<Vec<PathBuf>> {
    let paths: Vec<_> = fs::read_dir(session)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    let is_ledger = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("ledger-"));
    Ok(paths.into_iter().filter(is_ledger).collect())
}

#[integration_test(tags("session"))]
async fn damaged_ledger_loses_only_the_damaged_line(dir: &TempDir) -> Result<()> {
    #[arrange]
    let session = dead_session(SESSION, dir).await?;
    for ledger in ledgers(&session)? {
        let text = fs::read_to_string(&ledger)?;
        // One line in the middle is damaged, and the last line is cut off.
        let (first, rest) = text.split_once('\n').ok_or("the ledger is empty")?;
        fs::write(&ledger, format!("{first}\nxxxxxxxx what is this\n{rest}00000000 {{\"tak"))?;
    }

    #[act]
    let swept = suite(SESSION, dir)?.args(&["--sweep"]).run()?;

    #[assert]
    assert_eq!(swept.code(), Some(3), "{}", swept.stderr());
    assert!(swept.stderr().contains("line 2 is damaged, so its resource cannot be given back"), "{}", swept.stderr());
    assert!(!taken(dir), "the other lines were executed");
    swept.assert_nothing_left();
    let again = suite(SESSION, dir)?.args(&["--sweep"]).run()?;
    assert_eq!((again.code(), again.stdout().trim()), (Some(0), "no dead run has left anything"));
    Ok(())
}

#[integration_test(tags("session"))]
async fn session_with_a_missing_file_is_swept(
    dir: &TempDir,
    #[values("session.json", "socket", "log")] missing: &str,
) -> Result<()> {
    let session = dead_session(SESSION, dir).await?;
    fs::remove_file(session.join(missing))?;
    let swept = suite(SESSION, dir)?.args(&["--sweep"]).run()?;
    assert_eq!(swept.code(), Some(0), "{}{}", swept.stdout(), swept.stderr());
    assert!(!taken(dir));
    swept.assert_nothing_left();
    Ok(())
}

/// The binary that acquired the resources gives them back as long as it exists. Another binary only knows the steps that every suite has.
#[integration_test(tags("session"))]
async fn other_suite_sweeps_with_the_original_binary(
    dir: &TempDir,
    #[values("there", "gone")] binary: &str,
) -> Result<()> {
    #[arrange]
    let copy = dir.join("suite");
    fs::copy(SESSION, &copy)?;
    dead_session(&copy.display().to_string(), dir).await?;
    if binary == "gone" {
        fs::remove_file(&copy)?;
    }
    let sweep = || suite(OTHER, dir)?.args(&["--sweep"]).run().map_err(itest::Error::from);

    #[act]
    let first = sweep()?;

    #[assert]
    if binary == "there" {
        assert_eq!((first.code(), taken(dir)), (Some(0), false), "{}", first.stderr());
    } else {
        let expected = "give_back: this binary has no `#[teardown]` function of that name; it was renamed or removed";
        assert_eq!((first.code(), taken(dir)), (Some(3), true));
        assert!(first.stderr().contains(expected), "{}", first.stderr());
        assert_eq!(sweep()?.code(), Some(3), "the next run tries again");
        assert_eq!(sweep()?.code(), Some(3));
        assert_eq!(sweep()?.code(), Some(0), "but not for ever");
    }
    first.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("session"))]
#[case::nowhere("nowhere", "cannot be started: ")]
#[case::others("others", "is not a folder that only this user can write to")]
#[case::link("link", "is not a folder that only this user can write to")]
#[case::file("file", "is not a folder that only this user can write to")]
fn session_folder_must_be_private(#[case] kind: &str, #[case] expected: &str, dir: &TempDir) -> Result<()> {
    let place = dir.join("place");
    match kind {
        "others" => {
            fs::create_dir(&place)?;
            fs::set_permissions(&place, fs::Permissions::from_mode(0o777))?;
        }
        "link" => symlink(dir.path(), &place)?,
        "file" => fs::write(&place, "in the way")?,
        _ => {}
    }
    let place = if kind == "nowhere" { PathBuf::from("/proc/nowhere/at/all") } else { place };
    let arguments = ["shares_the_cluster::n_0", "--session-dir", &place.display().to_string()];
    let events = suite(SESSION, dir)?.events(&arguments)?;
    let case = events.case("shares_the_cluster::n_0");
    assert_eq!(case["outcome"], "errored");
    let message = case["failures"][0]["message"].as_str().unwrap_or_default();
    assert!(message.starts_with("the session server cannot be started: ") && message.contains(expected), "{message}");
    events.finished.assert_nothing_left();
    Ok(())
}

#[integration_test(tags("session"))]
fn session_path_may_be_long_and_have_blanks(dir: &TempDir) -> Result<()> {
    let place = ["a folder with blanks", &"long".repeat(40), &"longer".repeat(30)].iter().collect::<PathBuf>();
    let place = dir.join(place).display().to_string();
    let finished = suite(SESSION, dir)?.args(&["shares_the_cluster", "--session-dir", &place]).run()?;
    assert_eq!(finished.code(), Some(0), "{}", finished.stdout());
    assert!(fs::read_dir(place)?.next().is_none());
    Ok(())
}

#[integration_test(tags("session"))]
async fn session_files_are_accessible_only_to_their_owner(dir: &TempDir) -> Result<()> {
    let suite = suite(SESSION, dir)?.args(&["--ignored", "--tag", "waits"]);
    let child = suite.command()?.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let waits = || async { fs::read_to_string(dir.join("journal")).is_ok_and(|text| text.contains("waiting")) };
    eventually(waits).within(Duration::from_secs(20)).equals(true).await?;
    let mut seen = 0;
    let mut folders = vec![suite.sessions()];
    while let Some(folder) = folders.pop() {
        assert_eq!(fs::symlink_metadata(&folder)?.permissions().mode() & 0o077, 0, "{}", folder.display());
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            seen += 1;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry.file_name() != "socket" {
                assert_eq!(entry.metadata()?.permissions().mode() & 0o077, 0, "{}", entry.path().display());
            }
        }
    }
    assert!(seen >= 5, "there is too little in the session: {seen}");
    signal(child.id(), Signal::TERM);
    Finished::of(child.wait_with_output()?, &suite).assert_nothing_left();
    Ok(())
}

#[integration_test(tags("session"))]
fn session_fixture_that_cannot_be_serialized_is_reported(dir: &TempDir) -> Result<()> {
    let events = suite(SESSION, dir)?.events(&["--ignored", "--tag", "odd"])?;
    let failure = &events.case("needs_the_odd_fixture")["failures"][0];
    let expected = "a `suite_session::Odd` cannot be written down for another process: key must be a string";
    assert_eq!(failure["message"], expected);
    events.finished.assert_nothing_left();
    Ok(())
}

/// This happens when cargo builds while cargo-nextest still runs.
#[integration_test(tags("session"))]
async fn process_of_another_build_gets_an_error(dir: &TempDir) -> Result<()> {
    #[arrange]
    if std::env::var_os("NEXTEST").is_some() {
        skip!("these tests run under nextest, which the process would take for its runner");
    }
    let copy = dir.join("suite");
    fs::copy(SESSION, &copy)?;
    let program = copy.display().to_string();
    let in_nextest = |arguments: &[&str]| -> Result<_> {
        let run = [("NEXTEST", "1"), ("NEXTEST_RUN_ID", "one"), ("NEXTEST_EXECUTION_MODE", "process-per-test")];
        let suite = run.iter().fold(suite(&program, dir)?, |suite, (name, value)| suite.env(name, *value));
        Ok(suite.args(arguments))
    };
    let first = in_nextest(&["--ignored", "--tag", "waits"])?.command()?;
    // The shell stands for cargo-nextest: the session ends with it.
    let mut shell = Command::new("sh");
    for (name, value) in first.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell.args(["-c", "\"$0\" \"$@\"; exit"]).arg(first.get_program()).args(first.get_args()).current_dir(dir);
    let mut shell = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let waits = || async { fs::read_to_string(dir.join("journal")).is_ok_and(|text| text.contains("waiting")) };
    eventually(waits).within(Duration::from_secs(20)).equals(true).await?;

    #[act]
    fs::remove_file(&copy)?;
    fs::copy(SESSION, &copy)?;
    let second = in_nextest(&["--exact", "shares_the_cluster::n_0", "--nocapture"])?.run()?;

    #[assert]
    assert_eq!(second.code(), Some(101));
    assert!(second.stdout().contains("the session server is of another build"), "{}", second.stdout());
    shell.kill()?;
    shell.wait()?;
    eventually(|| async { second.left() }).equals(Vec::new()).await?;
    Ok(())
}
