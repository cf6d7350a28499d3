//! Stops a private PostgreSQL server. It is asked to end, because a killed server leaves shared memory behind.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use super::address::PID_FILE;
use super::shared_memory;
use crate::itest::teardown;
use crate::service::PrivateServer;

/// How long a server may take to end.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause between two checks whether it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(3);

/// Stops the server in a folder.
#[teardown(crate = crate::itest)]
pub(super) async fn stop_postgres(folder: PathBuf) {
    let data = folder.join("data");
    let server = PrivateServer::new(folder, PID_FILE);
    let began = Instant::now();
    while let Some(process) = server.process() {
        let _ = kill_process(process, Signal::QUIT);
        if began.elapsed() > SHUTDOWN_TIMEOUT {
            break;
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    // A server that ended regularly has removed the file that names the segment, so there is nothing to remove.
    shared_memory::remove(&data).await;
}
