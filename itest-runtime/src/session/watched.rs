//! The list of the test processes of a cargo-nextest run, each with the mark of its descendants. The list is a file, so that the
//! descendants can be killed even if all processes of the harness were killed.

use std::fs;
use std::io::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::mpsc::UnboundedSender;

use super::folder::SessionFolder;
use super::kill::kill;
use super::message::Message;
use crate::model::{Mark, ProcessIdentity, RESPONSE_TIMEOUT, set_of};
use crate::process::{is_alive, wait_for_end};

/// The pause between two checks of processes that are about to end.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A test process in the list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct WatchedProcess {
    /// The mark of everything that the process starts.
    pub(super) mark: Mark,
    /// The process, which adds itself to the list before it starts anything.
    pub(super) process: ProcessIdentity,
}

impl WatchedProcess {
    /// Appends the process to the list of a session.
    pub(super) fn append_to(&self, folder: &SessionFolder) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        folder.open_watched()?.write_all(&line)
    }

    /// The list of a session. An incomplete line is skipped, because its process has not started anything yet.
    pub(super) fn all(folder: &SessionFolder) -> Vec<Self> {
        let text = fs::read_to_string(folder.watched()).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The mark that all tests of the same binary share. Nextest's value consists of the run, the binary, `$`, and the test.
    fn mark_of_binary(&self) -> Mark {
        let Mark { name, value } = &self.mark;
        Mark::new(name, value.split('$').next().unwrap_or_default())
    }
}

/// Sends a message when the owner of a session has ended.
pub(super) fn watch_owner(owner: ProcessIdentity, messages: UnboundedSender<Message>) -> io::Result<()> {
    let watch = move || {
        wait_for_end(owner);
        let _ = messages.send(Message::OwnerEnded);
    };
    std::thread::Builder::new().name("itest-watch".to_owned()).spawn(watch).map(drop)
}

/// Kills the watched processes and their descendants when the run is over. Test processes that still run get a time limit to end
/// by themselves.
pub(super) async fn end_watched(folder: &SessionFolder, limit: Duration) {
    let watched = WatchedProcess::all(folder);
    let wait = async {
        while watched.iter().any(|watched| is_alive(watched.process)) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let _ = tokio::time::timeout(limit + RESPONSE_TIMEOUT, wait).await;
    let marks = set_of(watched.iter().map(WatchedProcess::mark_of_binary));
    for mark in marks {
        kill(mark).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::own_identity;

    #[test]
    fn tests_of_one_binary_share_a_mark() {
        let mark = Mark::new("NEXTEST_ATTEMPT_ID", "run:package::binary$module::test$#2");
        let watched = WatchedProcess { mark, process: own_identity() };
        assert_eq!(watched.mark_of_binary().value, "run:package::binary");
    }
}
