//! Tests that acquire a resource of every kind and then end in every way in which a test can end. They note the resources in the file
//! that `JOURNAL` names. Files in the folder that `OUTSIDE` names stand for resources outside of every process. `SERVICE` is a program.

mod matrix_clients;
mod matrix_services;

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use itest::prelude::*;
use itest::sqlite::{Schema, Sqlite, Storage};
use itest::{Program, TempDir};
use rustix::process::{Pid, Signal, getpid, kill_process, test_kill_process};
use serde::{Deserialize, Serialize};
use sqlx::migrate::Migrator;

use matrix_services::Services;

itest::main!();

fn note(words: &str) {
    let Ok(path) = std::env::var("JOURNAL") else { return };
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{words}\n").as_bytes())).expect("the journal can be written");
}

fn journal() -> String {
    std::fs::read_to_string(std::env::var_os("JOURNAL").unwrap_or_default()).unwrap_or_default()
}

fn outside(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("OUTSIDE").unwrap_or_default()).join(name)
}

#[teardown]
fn give_back(path: PathBuf) -> Result<()> {
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

/// Makes a file that any process can remove, with a durable step.
fn take_durably(name: &str, teardown: &Teardown) -> Result<()> {
    let path = outside(name);
    teardown.durable(give_back, path.clone())?;
    std::fs::write(path, "taken")?;
    Ok(())
}

/// Makes a file that only this process can remove, with a deferred step.
fn take_deferred(name: &str, teardown: &Teardown) -> Result<()> {
    let path = outside(name);
    let taken = path.clone();
    teardown.defer(format!("give back {name}"), async move { std::fs::remove_file(taken) });
    std::fs::write(path, "taken")?;
    Ok(())
}

#[derive(Debug, Serialize, Deserialize)]
struct Network {
    server: i32,
}

#[fixture(scope = "session")]
fn network(teardown: &Teardown) -> Result<Network> {
    take_durably("session-durable", teardown)?;
    take_deferred("session-deferred", teardown)?;
    note("session 1");
    Ok(Network { server: getpid().as_raw_nonzero().get() })
}

struct OnDisk;

impl Schema for OnDisk {
    const STORAGE: Storage = Storage::File;

    fn migrator() -> &'static Migrator {
        static MIGRATIONS: Migrator = sqlx::migrate!("suites/migrations");
        &MIGRATIONS
    }
}

/// A resource of every kind.
struct Everything {
    server: Option<Pid>,
}

async fn take_all(dir: &TempDir, database: &Sqlite<OnDisk>, teardown: &Teardown) -> Result<()> {
    std::fs::write(dir.join("file"), "taken")?;
    note(&format!("temp {}", dir.path().display()));
    sqlx::query("INSERT INTO books (title) VALUES ('taken')").execute(&database.pool()).await?;
    let file: String = sqlx::query_scalar("SELECT file FROM pragma_database_list").fetch_one(&database.pool()).await?;
    note(&format!("sqlite {file}"));
    take_durably("durable", teardown)?;
    take_deferred("deferred", teardown)?;
    for part in ["family", "daemon", "listen"] {
        Program::new(std::env::var_os("SERVICE").unwrap_or_default()).arg(part).start(teardown).await?;
    }
    let started = || async {
        let journal = journal();
        ["child ", "grandchild ", "daemon ", "listener ", "port "]
            .iter()
            .all(|word| journal.lines().any(|line| line.starts_with(word)))
    };
    eventually(started).within(Duration::from_secs(20)).equals(true).await?;
    Ok(())
}

#[fixture]
async fn everything(
    dir: &TempDir,
    database: &Sqlite<OnDisk>,
    network: &Network,
    _services: &Services,
    teardown: &Teardown,
) -> Result<Everything> {
    take_all(dir, database, teardown).await?;
    Ok(Everything { server: Pid::from_raw(network.server) })
}

/// A fixture that acquires every resource, and then fails.
struct Incomplete;

#[fixture]
async fn incomplete(
    dir: &TempDir,
    database: &Sqlite<OnDisk>,
    _network: &Network,
    _services: &Services,
    teardown: &Teardown,
) -> Result<Incomplete> {
    take_all(dir, database, teardown).await?;
    Err("the setup fails half way".into())
}

#[integration_test]
fn a_test_before() {}

#[integration_test]
fn passes(_everything: &Everything) {}

#[integration_test]
fn fails(_everything: &Everything) -> Result<()> {
    Err("on purpose".into())
}

#[integration_test]
fn panics(_everything: &Everything) {
    panic!("on purpose");
}

#[integration_test]
async fn panics_in_a_task(_everything: &Everything) {
    assert!(tokio::spawn(async { panic!("on purpose") }).await.is_err());
}

#[integration_test]
fn panics_in_a_thread(_everything: &Everything) {
    assert!(std::thread::spawn(|| panic!("on purpose")).join().is_err());
}

#[integration_test]
fn fails_in_setup(_incomplete: &Incomplete) {}

#[integration_test]
fn fails_in_arrange(_everything: &Everything) -> Result<()> {
    #[arrange]
    let basket: u32 = "on purpose".parse()?;
    #[act]
    let more = basket + 1;
    #[assert]
    assert_eq!(more, 2);
    Ok(())
}

#[integration_test(timeout = "300ms")]
async fn times_out(_everything: &Everything) {
    std::future::pending::<()>().await;
}

#[integration_test(timeout = "300ms")]
async fn blocks(_everything: &Everything) {
    std::thread::sleep(Duration::from_mins(5));
}

/// The test waits for a message that only its own thread could send.
#[integration_test(timeout = "300ms")]
fn deadlocks(_everything: &Everything) {
    let (speaker, listener) = mpsc::channel::<()>();
    assert!(listener.recv().is_err());
    drop(speaker);
}

#[integration_test(timeout = "300ms")]
async fn never_yields(_everything: &Everything) {
    while std::hint::black_box(true) {
        std::hint::spin_loop();
    }
}

#[integration_test]
fn fails_in_teardown(_everything: &Everything, teardown: &Teardown) {
    teardown.defer("fail", async { Err::<(), _>("on purpose") });
}

#[integration_test]
fn panics_in_teardown(_everything: &Everything, teardown: &Teardown) {
    teardown.defer("panic", async { assert!(std::hint::black_box(false), "on purpose") });
}

#[integration_test]
fn hangs_in_teardown(_everything: &Everything, teardown: &Teardown) {
    teardown.defer("hang", std::future::pending::<()>());
}

#[integration_test]
fn blocks_in_teardown(_everything: &Everything, teardown: &Teardown) {
    teardown.defer("block", async { std::thread::sleep(Duration::from_mins(5)) });
}

#[integration_test]
fn exits(_everything: &Everything) {
    std::process::exit(0);
}

#[integration_test]
fn aborts(_everything: &Everything) {
    std::process::abort();
}

#[integration_test]
#[expect(unsafe_code, reason = "the test crashes its process")]
fn writes_to_nowhere(_everything: &Everything) {
    // SAFETY: this is unsound on purpose: the invalid write ends the process.
    unsafe { std::ptr::without_provenance_mut::<u8>(16).write_volatile(1) };
}

#[integration_test]
fn overflows_its_stack(_everything: &Everything) {
    #[expect(unconditional_recursion, reason = "the stack is to overflow")]
    fn deeper(taken: &[u8; 1024]) -> u8 {
        let more = std::hint::black_box([taken[0]; 1024]);
        deeper(&more) + more[1023]
    }
    note(&deeper(&[0; 1024]).to_string());
}

#[integration_test]
fn kills_itself(_everything: &Everything) -> Result<()> {
    Ok(kill_process(getpid(), Signal::KILL)?)
}

#[integration_test(timeout = "300ms")]
fn stops_itself(_everything: &Everything) -> Result<()> {
    Ok(kill_process(getpid(), Signal::STOP)?)
}

#[integration_test]
async fn kills_the_session_server(everything: &Everything) -> Result<()> {
    let server = everything.server.ok_or("the server has a process id")?;
    kill_process(server, Signal::KILL)?;
    // The killed server is a zombie until its parent, which may be this process, has waited for it.
    let path = format!("/proc/{}/stat", server.as_raw_nonzero());
    let gone = || async {
        test_kill_process(server).is_err()
            || std::fs::read_to_string(&path).is_ok_and(|stat| stat.contains(") Z") || stat.contains(") X"))
    };
    eventually(gone).within(Duration::from_secs(20)).equals(true).await?;
    Ok(())
}

/// The session server ignores these signals until the run is over.
#[integration_test]
fn sends_signals_to_the_session_server(everything: &Everything) -> Result<()> {
    let server = everything.server.ok_or("the server has a process id")?;
    for signal in [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT] {
        kill_process(server, signal)?;
    }
    Ok(())
}

#[integration_test]
async fn waits(_everything: &Everything) {
    note("waiting 1");
    std::future::pending::<()>().await;
}

#[integration_test]
fn blocks_until_killed(_everything: &Everything) {
    note("waiting 1");
    std::thread::sleep(Duration::from_mins(5));
}

/// The last test by declaration and by name, so that it runs after the examined test under both runners.
#[integration_test]
fn z_test_after() {}
