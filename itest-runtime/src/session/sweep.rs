//! Sweeping: what sessions left behind all of whose processes are gone.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::folder::SessionFolder;
use super::recover::recover_session;
use crate::model::{RESPONSE_TIMEOUT, Sweep};
use crate::process::{Liveness, identify, is_alive, liveness};

/// The pause between two looks at a server that is about to end.
const POLL_INTERVAL: Duration = Duration::from_millis(5);

/// Whether there is anything that may have to be swept: cheap enough to be asked at every start.
#[must_use]
pub(crate) fn is_worth_sweeping(roots: &[PathBuf]) -> bool {
    roots.iter().any(|root| !SessionFolder::all(root).is_empty())
}

/// Gives back what dead sessions left, and removes them. Living ones are not touched.
pub(crate) async fn sweep(roots: &[PathBuf]) -> Sweep {
    let mut sweep = Sweep::default();
    for folder in roots.iter().flat_map(|root| SessionFolder::all(root)) {
        if let Some(maker) = maker_of_draft(folder.path()) {
            // Nothing was taken yet, and as long as its maker lives it may become a session.
            if identify(maker).is_none() {
                let _ = std::fs::remove_dir_all(folder.path());
            }
            continue;
        }
        // As long as its run lives, it sees to everything itself.
        if folder.config().is_ok_and(|config| is_alive(config.owner)) {
            continue;
        }
        let lock = match lock_of_dead_server(&folder).await {
            Ok(Some(lock)) => Some(lock),
            Ok(None) => continue,
            // The rest of one that was being removed. What else is in there is none of ours.
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

/// The lock of a session whose server has ended. `None`: it lives, and is about to end by itself because its run is over; or
/// another process sweeps the session.
async fn lock_of_dead_server(folder: &SessionFolder) -> io::Result<Option<File>> {
    let began = Instant::now();
    loop {
        // Before the lock is tried: a server that ends between the two looks has held it, and does so no more.
        let had_ended = folder.servers().all(|server| liveness(server) == Liveness::Gone);
        let lock = folder.try_lock()?;
        let lives = || folder.servers().any(|server| liveness(server) == Liveness::Alive);
        if lock.is_some() || had_ended || lives() || began.elapsed() > RESPONSE_TIMEOUT {
            folder.continue_server();
            return Ok(lock);
        }
        // It was killed a moment ago.
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// `.NAME.PID`: a session that is not whole yet.
fn maker_of_draft(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix('.')?.rsplit_once('.')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::super::folder::tests::{address, made};
    use super::*;

    /// Chance decides between which two looks a process ends, so many processes end here.
    #[tokio::test]
    async fn server_that_ends_while_it_is_looked_at_keeps_no_lock() {
        for _ in 0..200 {
            let root = tempfile::tempdir().unwrap();
            let session = made(&address(root.path()));
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
    fn a_draft_is_known_by_its_name() {
        assert_eq!(maker_of_draft(Path::new("/x/.run-17-4.99")), Some(99));
        assert_eq!(maker_of_draft(Path::new("/x/run-17-4")), None);
        assert_eq!(maker_of_draft(Path::new("/x/.hidden")), None);
    }
}
