//! Kills all processes that have a mark.

use tokio::sync::oneshot;

use crate::inject::spawn_own_thread;
use crate::model::Mark;
use crate::process::kill_marked;

/// Kills all processes that have a mark. This runs on a separate thread, because it reads the environment of every process of
/// the system.
pub(super) async fn kill(mark: Mark) {
    let (done, killed) = oneshot::channel();
    let kill = move || {
        kill_marked(&mark);
        let _ = done.send(());
    };
    if spawn_own_thread("itest-kill", kill).is_ok() {
        let _ = killed.await;
    }
}
