//! Sweeping: what sessions left behind all of whose processes are gone.

use std::path::{Path, PathBuf};

use super::folder::SessionFolder;
use super::recover::recover_session;
use crate::model::{ProcessIdentity, Sweep};
use crate::process::{identify, is_alive};

/// Whether there is anything that may have to be swept: cheap enough to be asked at every start.
#[must_use]
pub(crate) fn is_worth_sweeping(roots: &[PathBuf]) -> bool {
    roots.iter().any(|root| !SessionFolder::all(root).is_empty())
}

/// Gives back what dead sessions left, and removes them. Living ones are not touched.
pub(crate) async fn sweep(roots: &[PathBuf]) -> Sweep {
    let mut sweep = Sweep::default();
    for folder in roots.iter().flat_map(|root| SessionFolder::all(root)) {
        let lock = match folder.try_lock() {
            Ok(Some(lock)) => lock,
            Ok(None) => continue,
            Err(_) => {
                remove_ruin(folder.path());
                continue;
            }
        };
        // Its server is dead. As long as its run lives, it sees to the rest itself.
        if folder.config().is_ok_and(|config| is_alive(config.owner)) {
            continue;
        }
        sweep.sessions += 1;
        sweep.recovered.add(recover_session(&folder).await);
        drop(lock);
    }
    sweep
}

/// A folder without a lock is a draft whose maker died, or the rest of one that was being removed.
fn remove_ruin(path: &Path) {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let maker: Option<ProcessIdentity> = name
        .strip_prefix('.')
        .and_then(|draft| draft.rsplit_once('.'))
        .and_then(|(_, pid)| pid.parse().ok())
        .and_then(identify);
    if maker.is_none() {
        // Only if it is empty: what is in there was not put there by us.
        let _ = std::fs::remove_dir(path);
    }
}
