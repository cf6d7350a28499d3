//! The test processes of a cargo-nextest run, each with the mark of everything that it starts. They are written down, so that what
//! they started is also found when all processes of the harness were killed.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::folder::SessionFolder;
use super::kill::kill;
use crate::model::{Mark, ProcessIdentity, RESPONSE_TIMEOUT};
use crate::process::is_alive;

/// The pause between two looks at processes that are about to end.
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A test process.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Watched {
    /// The variable that everything has in its environment that the process starts, and its value.
    pub(super) mark: Mark,
    /// The process, if it had not ended when it was written down.
    pub(super) process: Option<ProcessIdentity>,
}

impl Watched {
    /// Writes it down.
    pub(super) fn note(&self, folder: &SessionFolder) -> io::Result<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        folder.open_watched()?.write_all(&line)
    }

    /// All of a session. A line that was not written to its end is that of a process that has started nothing yet.
    fn all(folder: &SessionFolder) -> Vec<Self> {
        let text = fs::read_to_string(folder.watched()).unwrap_or_default();
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The mark of all tests of the same binary: nextest's value is the run, the binary, `$`, and the test.
    fn mark_of_binary(&self) -> Mark {
        let Mark { name, value } = &self.mark;
        Mark::new(name, value.split('$').next().unwrap_or_default())
    }
}

/// Ends what the tests of a run have started that is over. Test processes that live have so much time to end by themselves.
pub(super) async fn end_watched(folder: &SessionFolder, limit: Duration) {
    let watched = Watched::all(folder);
    let wait = async {
        while watched.iter().filter_map(|watched| watched.process).any(is_alive) {
            tokio::time::sleep(POLL_INTERVAL).await;
        }
    };
    let _ = tokio::time::timeout(limit + RESPONSE_TIMEOUT, wait).await;
    let marks: BTreeSet<_> = watched.iter().map(Watched::mark_of_binary).collect();
    for mark in marks {
        kill(mark).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_of_one_binary_have_a_mark_in_common() {
        let mark = Mark::new("NEXTEST_ATTEMPT_ID", "run:package::binary$module::test$#2");
        let watched = Watched { mark, process: None };
        assert_eq!(watched.mark_of_binary().value, "run:package::binary");
    }
}
