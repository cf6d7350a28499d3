//! Sweeping: removes dead sessions and gives back the resources that they left behind.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::folder::SessionFolder;
use super::recover::recover_session;
use crate::model::{RESPONSE_TIMEOUT, Sweep};
use crate::process::{Liveness, identify, is_alive, liveness};

/// The pause between two checks of a server that is about to end.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Whether a session may have to be swept. The check is cheap, because it runs at every start.
#[must_use]
pub(crate) fn is_worth_sweeping(roots: &[PathBuf]) -> bool {
    roots.iter().any(|root| !SessionFolder::all(root).is_empty())
}

/// Gives back the resources of dead sessions, and removes these sessions. Live sessions are not changed.
pub(crate) async fn sweep(roots: &[PathBuf]) -> Sweep {
    let mut sweep = Sweep::default();
    for folder in roots.iter().flat_map(|root| SessionFolder::all(root)) {
        if let Some(creator) = creator_of_draft(folder.path()) {
            // A draft has no resources. As long as the process that creates it runs, it may become a session.
            if identify(creator).is_none() {
                let _ = std::fs::remove_dir_all(folder.path());
            }
            continue;
        }
        // As long as the run of a session lives, the run itself gives everything back.
        if folder.config().is_ok_and(|config| is_alive(config.owner)) {
            continue;
        }
        let lock = match lock_of_dead_server(&folder).await {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => continue,
            // The folder is empty because its removal was interrupted, or it is not a session. Only an empty folder is removed.
            Err(_) if folder.ledgers().is_empty() => {
                let _ = std::fs::remove_dir(folder.path());
                continue;
            }
            Err(_) => None,
        };
        sweep.sessions += 1;
        sweep.recovered.add(recover_session(&folder).await);
        drop(lock);
    }
    sweep
}

/// Takes the lock of a session whose server has ended. `None` if the server still runs, which will end by itself because its run
/// is over, or if another process sweeps the session.
async fn lock_of_dead_server(folder: &SessionFolder) -> io::Result<Option<File>> {
    let began = Instant::now();
    loop {
        // The servers are checked before the lock is tried. With the opposite order, a server that ends between the two steps
        // would look as if another process held its lock.
        let had_ended = folder.servers().all(|server| liveness(server) == Liveness::Gone);
        let lock = folder.try_lock()?;
        let is_any_alive = || folder.servers().any(|server| liveness(server) == Liveness::Alive);
        if lock.is_some() || had_ended || is_any_alive() || began.elapsed() > RESPONSE_TIMEOUT {
            folder.continue_server();
            return Ok(lock);
        }
        // The server was killed a moment ago and still holds the lock.
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// The process that creates a draft. The folder of a draft, which is an incomplete session, is named `.NAME.PID`.
fn creator_of_draft(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix('.')?.rsplit_once('.')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::super::folder::tests::{address, create};
    use super::*;

    /// The server can end between any two steps of the function, so the test repeats this with many processes.
    #[tokio::test]
    async fn lock_of_a_server_that_ends_during_the_check_is_taken() {
        for _ in 0..200 {
            let root = tempfile::tempdir().unwrap();
            let session = create(&address(root.path()));
            let lock = Stdio::from(session.lock);
            let mut server = Command::new("sleep").arg("60").stdout(lock).spawn().unwrap();
            session.folder.set_started(server.id()).unwrap();
            let identity = identify(server.id()).unwrap();
            server.kill().unwrap();
            while liveness(identity) == Liveness::Alive {}
            let waiting = std::thread::spawn(move || server.wait().unwrap());
            assert!(lock_of_dead_server(&session.folder).await.unwrap().is_some());
            waiting.join().unwrap();
        }
    }

    #[test]
    fn draft_is_recognized_by_its_name() {
        assert_eq!(creator_of_draft(Path::new("/x/.run-17-4.99")), Some(99));
        assert_eq!(creator_of_draft(Path::new("/x/run-17-4")), None);
        assert_eq!(creator_of_draft(Path::new("/x/.hidden")), None);
    }
}
