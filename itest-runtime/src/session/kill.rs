//! Killing everything that bears a mark.

use tokio::sync::oneshot;

use crate::inject::spawn_own_thread;
use crate::model::Mark;
use crate::process::kill_marked;

/// Kills everything that bears a mark. Looking at all processes of the system takes a while, so a thread of its own does it.
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
