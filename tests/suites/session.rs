//! Session fixtures and durable teardown. Tests and fixtures note events in the file that `JOURNAL` names.

use std::fs::OpenOptions;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

use itest::prelude::*;
use serde::{Deserialize, Serialize};

itest::main!();

fn note(words: &str) {
    let Ok(path) = std::env::var("JOURNAL") else { return };
    let file = OpenOptions::new().create(true).append(true).open(path);
    file.and_then(|mut file| file.write_all(format!("{words}\n").as_bytes())).expect("the journal can be written");
}

/// A file in the folder that `OUTSIDE` names. It stands for a resource outside of every process.
fn outside(name: &str) -> PathBuf {
    PathBuf::from(std::env::var_os("OUTSIDE").unwrap_or_default()).join(name)
}

#[teardown]
fn give_back(path: PathBuf) -> Result<()> {
    note(&format!("give back {}", path.file_name().unwrap_or_default().display()));
    if path.exists() {
        std::fs::remove_file(path)?;
    }
    Ok(())
}

#[derive(Debug, Serialize, Deserialize)]
struct Network {
    number: u32,
}

#[fixture(scope = "session")]
async fn network(teardown: &Teardown) -> Result<Network> {
    note("network up");
    let path = outside("network");
    teardown.durable(give_back, path.clone())?;
    std::fs::write(path, "up")?;
    teardown.defer("network down", async { note("network down") });
    Ok(Network { number: std::process::id() })
}

#[derive(Debug, Serialize, Deserialize)]
struct Cluster {
    network: u32,
    process: u32,
}

#[fixture(scope = "session")]
fn cluster(network: &Network, teardown: &Teardown) -> Cluster {
    note("cluster up");
    teardown.defer("cluster down", async { note("cluster down") });
    Cluster { network: network.number, process: std::process::id() }
}

/// A worker fixture that depends on a session fixture.
struct Pool {
    cluster: u32,
}

#[fixture(scope = "worker")]
fn pool(cluster: &Cluster) -> Pool {
    Pool { cluster: cluster.process }
}

#[integration_test]
fn shares_the_cluster(cluster: &Cluster, pool: &Pool, #[values(0, 1, 2, 3, 4, 5)] _n: u32) {
    assert_eq!(cluster.process, cluster.network, "both are made in the session's server");
    assert_eq!(cluster.process, pool.cluster);
    assert_ne!(cluster.process, std::process::id());
    note(&format!("shared by {}", std::process::id()));
}

#[derive(Debug, Serialize, Deserialize)]
struct Ring {
    made_in: u32,
    bearer: Option<u32>,
}

#[fixture(scope = "session")]
fn ring() -> Ring {
    Ring { made_in: std::process::id(), bearer: None }
}

#[integration_test]
async fn wears_the_ring_alone(ring: &mut Ring, #[values(0, 1, 2, 3, 4, 5)] n: u32) {
    assert_eq!(ring.bearer, None, "a change of another test to its copy is not visible");
    ring.bearer = Some(n);
    note("ring on");
    tokio::time::sleep(Duration::from_millis(20)).await;
    note("ring off");
}

/// A fixture that depends on the ring.
struct Smith {
    ring_made_in: u32,
    bearer: Option<u32>,
}

#[fixture]
fn smith(ring: &Ring) -> Smith {
    Smith { ring_made_in: ring.made_in, bearer: ring.bearer }
}

#[integration_test(tags("copies"))]
fn dependent_fixture_gets_the_session_value(ring: &mut Ring, smith: &Smith, #[values(0, 1, 2)] n: u32) {
    assert_eq!((smith.ring_made_in, smith.bearer), (ring.made_in, None));
    assert_ne!(ring.made_in, std::process::id(), "the session's server makes it, and no worker does");
    assert_eq!(ring.bearer.replace(n), None);
}

#[integration_test(serial = "bell")]
async fn rings_the_bell_alone(#[values(0, 1, 2)] _n: u32) {
    note("bell on");
    tokio::time::sleep(Duration::from_millis(20)).await;
    note("bell off");
}

#[derive(Debug, Serialize, Deserialize)]
struct Broken;

#[fixture(scope = "session")]
async fn broken(teardown: &Teardown) -> Result<Broken> {
    note("trying to make what is broken");
    teardown.defer("sweep up the pieces", async { note("pieces swept up") });
    println!("the session's own output");
    Err("no such device".into())
}

#[integration_test(ignore = "errors", tags("broken"), retries = 3)]
fn needs_the_broken_fixture(_broken: &Broken, #[values(0, 1, 2, 3)] _n: u32) {
    note("never");
}

#[derive(Debug, Serialize, Deserialize)]
struct Odd {
    map: std::collections::BTreeMap<(u8, u8), u8>,
}

#[fixture(scope = "session")]
fn odd() -> Odd {
    Odd { map: [((1, 2), 3)].into() }
}

#[integration_test(ignore = "errors", tags("odd"))]
fn needs_the_odd_fixture(odd: &Odd) {
    note(&format!("{odd:?}"));
}

#[integration_test(ignore = "takes something and dies", tags("dies"))]
fn takes_something_and_is_killed(teardown: &Teardown) -> Result<()> {
    let path = outside("taken");
    teardown.durable(give_back, path.clone())?;
    std::fs::write(path, "taken")?;
    rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL)?;
    Ok(())
}

#[integration_test(ignore = "takes something and dies", tags("storm"))]
fn takes_something_and_aborts(
    teardown: &Teardown,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)] n: u32,
) -> Result<()> {
    let path = outside(&format!("storm-{n}"));
    teardown.durable(give_back, path.clone())?;
    std::fs::write(path, "taken")?;
    std::process::abort()
}

#[teardown]
fn give_back_slowly(path: PathBuf) -> Result<()> {
    note("giving back slowly");
    std::thread::sleep(Duration::from_millis(400));
    std::fs::remove_file(path)?;
    Ok(())
}

#[integration_test(ignore = "takes something and dies", tags("slow-back"))]
fn aborts_with_a_slow_durable_step(teardown: &Teardown) -> Result<()> {
    let path = outside("slow");
    std::fs::write(&path, "taken")?;
    teardown.durable(give_back_slowly, path)?;
    std::process::abort()
}

/// A session fixture whose teardown takes a while.
#[derive(Debug, Serialize, Deserialize)]
struct Lasting;

#[fixture(scope = "session")]
fn lasting(teardown: &Teardown) -> Lasting {
    teardown.defer("last", async {
        note("lasting");
        tokio::time::sleep(Duration::from_millis(500)).await;
    });
    Lasting
}

/// Acquires its first resource while the session is torn down, and does not notice that it is cancelled.
#[integration_test(ignore = "outlives its runner", tags("orphaned"))]
fn takes_something_when_orphaned(_lasting: &Lasting, teardown: &Teardown) -> Result<()> {
    note("waiting for the end of the runner");
    let is_lasting = || {
        std::fs::read_to_string(std::env::var_os("JOURNAL").unwrap_or_default())
            .is_ok_and(|text| text.contains("lasting"))
    };
    while !is_lasting() {
        std::thread::sleep(Duration::from_millis(1));
    }
    let path = outside("orphan");
    teardown.durable(give_back, path.clone())?;
    std::fs::write(path, "taken")?;
    note("taken as an orphan");
    std::thread::sleep(Duration::from_millis(600));
    if std::env::var("HOW").is_ok_and(|how| how == "crashes") {
        std::process::abort()
    }
    Ok(())
}

/// This test starts the session server and kills its process group at once, before the server has done anything.
#[integration_test(ignore = "takes something and dies", tags("group"))]
fn takes_something_and_is_killed_with_its_group(teardown: &Teardown) -> Result<()> {
    for _ in 0..8 {
        std::thread::spawn(|| while std::hint::black_box(true) {});
    }
    teardown.durable(give_back, outside("taken"))?;
    rustix::process::kill_current_process_group(rustix::process::Signal::KILL)?;
    Ok(())
}

#[integration_test(ignore = "waits", tags("waits"))]
async fn takes_something_and_waits(teardown: &Teardown, _network: &Network) -> Result<()> {
    let path = outside("taken");
    teardown.durable(give_back, path.clone())?;
    std::fs::write(path, "taken")?;
    note("waiting");
    std::future::pending().await
}

/// The worker of this test has no ledger, because the test registered no durable step.
#[integration_test(ignore = "leaves a child and dies", tags("orphan"))]
fn leaves_a_child_and_dies_after_the_supervisor() {
    let supervisor = rustix::process::getppid();
    let child = std::process::Command::new("sleep").arg("300").spawn();
    note(if child.is_ok() { "left" } else { "no child" });
    while rustix::process::getppid() == supervisor {
        std::thread::park_timeout(Duration::from_millis(1));
    }
    std::process::abort();
}

#[integration_test(ignore = "calls it", tags("calls"))]
async fn calls_a_teardown_function_itself() -> Result<()> {
    std::fs::write(outside("taken"), "taken")?;
    give_back(outside("taken")).await?;
    assert!(!outside("taken").exists());
    Ok(())
}

#[integration_test(ignore = "fails", tags("keeps"))]
async fn fails_with_resources(dir: TempDir, teardown: &Teardown, _network: &Network) -> Result<()> {
    let path = outside("taken");
    teardown.durable(give_back, path.clone())?;
    std::fs::write(path, "taken")?;
    std::fs::write(dir.join("evidence"), "here")?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("port {}", listener.local_addr()?.port());
    tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    teardown.defer("say goodbye", async { note("goodbye") });
    Err("on purpose".into())
}

#[derive(Debug, Serialize, Deserialize)]
struct Stuck;

#[fixture(scope = "session")]
fn stuck(teardown: &Teardown) -> Result<Stuck> {
    teardown.durable(give_back, outside("stuck"))?;
    std::fs::write(outside("stuck"), "taken")?;
    std::thread::park_timeout(Duration::from_mins(5));
    Ok(Stuck)
}

#[integration_test(ignore = "errors", tags("stuck"))]
fn needs_the_stuck_fixture(_stuck: &Stuck) {}

#[derive(Debug, Serialize, Deserialize)]
struct Clinging;

#[fixture(scope = "session")]
fn clinging(teardown: &Teardown) -> Clinging {
    teardown.defer("let go", async { std::thread::park_timeout(Duration::from_mins(5)) });
    Clinging
}

#[integration_test(ignore = "is not given back", tags("clinging"))]
fn needs_the_clinging_fixture(_clinging: &Clinging) {}

/// A daemon that belongs to the session and to no test.
#[derive(Debug, Serialize, Deserialize)]
struct DaemonProcess {
    pid: u32,
}

#[fixture(scope = "session")]
fn daemon() -> Result<DaemonProcess> {
    let script = "setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $!";
    let output = std::process::Command::new("sh").args(["-c", script]).output()?;
    Ok(DaemonProcess { pid: String::from_utf8(output.stdout)?.trim().parse()? })
}

#[integration_test(tags("daemon"), ignore = "has a daemon")]
fn uses_the_daemon(daemon: &DaemonProcess, #[values(0, 1, 2, 3)] _n: u32) {
    assert!(std::path::Path::new(&format!("/proc/{}", daemon.pid)).exists());
}
