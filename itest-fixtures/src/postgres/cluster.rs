//! A private cluster: a server that is started for the run, and ended with it.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use itest_runtime::__private::{FunctionKind, TeardownEntry, call_with, inventory};
use itest_runtime::{Durable, Error, Process, Teardown};

use super::address::{Address, NOTE, SOCKET_PORT};
use super::binaries::Binaries;
use super::connection::connect;
use super::initialized::initialize;
use super::segment;
use crate::database::{Owner, failed_to, private};

/// How long a server may take until it answers, and until it has ended.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often it is looked at meanwhile.
const LOOK: Duration = Duration::from_millis(3);

const STOP: TeardownEntry = TeardownEntry {
    name: "itest::stop_postgres",
    location: "itest",
    kind: FunctionKind::Async,
    run: |arguments| {
        call_with(arguments, |folder: PathBuf| {
            Box::pin(async move {
                stop_server(&folder).await;
                Ok(())
            })
        })
    },
};

inventory::submit! { STOP }

/// Starts a cluster on a socket in a folder of its own, and registers its end.
pub(super) async fn start(binaries: Binaries, teardown: &Teardown) -> Result<Address, Error> {
    let owner = Owner::instead_of_root("PostgreSQL", &["postgres", "nobody"])?;
    let folder = private::folder("postgres", teardown)?;
    let (log, file) = {
        let (folder, owner, binaries) = (folder.clone(), owner.clone(), binaries.clone());
        let prepared = tokio::task::spawn_blocking(move || prepare(&binaries, &folder, owner.as_ref())).await;
        prepared.map_err(|error| failed_to("prepare a cluster", &error))??
    };
    let mut command = server(&binaries, file, owner.as_ref());
    command.arg("-D").arg(folder.join("data")).arg("-k").arg(&folder).args(["-p", &SOCKET_PORT.to_string()]);
    command.args(["-c", &format!("max_connections={}", private::connections())]);
    let process = Process::start(command, teardown)?;
    // After the program in the ledger, and so before it in recovery: it is asked to end before anyone kills it.
    teardown.durable(|folder| Durable::new(folder, &STOP), folder.clone())?;
    let address = Address::Socket(folder);
    let since = Instant::now();
    loop {
        let Err(error) = connect(&address, None).await else { return Ok(address) };
        if process.status().is_some() || since.elapsed() > PATIENCE {
            return Err(private::silent("PostgreSQL", &error, &log));
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn prepare(binaries: &Binaries, folder: &Path, owner: Option<&Owner>) -> Result<(PathBuf, File), Error> {
    let log = private::prepare(folder, owner)?;
    initialize(binaries, &folder.join("data"), owner)?;
    Ok(log)
}

fn server(binaries: &Binaries, log: File, owner: Option<&Owner>) -> std::process::Command {
    let mut command = binaries.program("postgres");
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    if let Some(owner) = owner {
        owner.run(&mut command);
    }
    command
}

/// Ends the server of a cluster at once, but in an order of its own: a killed one leaves shared memory behind.
async fn stop_server(folder: &Path) {
    let since = Instant::now();
    while let Some(server) = private::running(folder, NOTE) {
        let _ = kill_process(server, Signal::QUIT);
        if since.elapsed() > PATIENCE {
            break;
        }
        tokio::time::sleep(LOOK).await;
    }
    // One that ended in its own order has taken its note along.
    segment::remove(&folder.join("data")).await;
}
