//! The end of a private PostgreSQL server, in an order of its own: a server that is killed leaves shared memory behind.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

use super::address::PID_FILE;
use super::segment;
use crate::itest::teardown;
use crate::service::PrivateServer;

/// How long a server may take until it has ended.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// The pause between two checks whether it has ended.
const POLL_INTERVAL: Duration = Duration::from_millis(3);

/// Ends the server in a folder.
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
    // A server that ended in its own order has removed the file that names the segment.
    segment::remove(&data).await;
}
