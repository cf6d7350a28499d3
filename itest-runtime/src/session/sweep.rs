//! Sweeping: what sessions left behind all of whose processes are gone.

use std::path::{Path, PathBuf};

use super::folder::SessionFolder;
use super::recover::recover_session;
use crate::model::Sweep;
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
        if let Some(maker) = maker_of_draft(folder.path()) {
            // Nothing was taken yet, and as long as its maker lives it may become a session.
            if identify(maker).is_none() {
                let _ = std::fs::remove_dir_all(folder.path());
            }
            continue;
        }
        let Ok(lock) = folder.try_lock() else {
            // The rest of one that was being removed. Only if it is empty: what else is in there is none of ours.
            let _ = std::fs::remove_dir(folder.path());
            continue;
        };
        let Some(lock) = lock else { continue };
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

/// `.NAME.PID`: a session that is not whole yet.
fn maker_of_draft(path: &Path) -> Option<u32> {
    let name = path.file_name()?.to_str()?;
    name.strip_prefix('.')?.rsplit_once('.')?.1.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_known_by_its_name() {
        assert_eq!(maker_of_draft(Path::new("/x/.run-17-4.99")), Some(99));
        assert_eq!(maker_of_draft(Path::new("/x/run-17-4")), None);
        assert_eq!(maker_of_draft(Path::new("/x/.hidden")), None);
    }
}
