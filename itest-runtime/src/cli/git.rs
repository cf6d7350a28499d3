//! The commit that is checked out, from the files of git: a run must not wait for a program that may not be installed.

use std::fs;
use std::path::{Path, PathBuf};

/// The commit that is checked out in a folder or in the nearest parent folder with a work tree of git. Linked work trees and submodules
/// have a file in place of git's folder, which names that folder.
pub(super) fn commit(folder: &Path) -> Option<String> {
    let git = folder.ancestors().map(|folder| folder.join(".git")).find(|git| git.exists())?;
    let git = if git.is_dir() { git } else { linked(&git)? };
    let head = fs::read_to_string(git.join("HEAD")).ok()?;
    let Some(reference) = head.trim().strip_prefix("ref: ") else { return Some(head.trim().to_owned()) };
    // A linked work tree has a HEAD of its own and shares the branches with the main one.
    let shared = fs::read_to_string(git.join("commondir")).map(|path| git.join(path.trim())).unwrap_or(git.clone());
    if let Some(commit) = [&git, &shared].into_iter().find_map(|git| fs::read_to_string(git.join(reference)).ok()) {
        return Some(commit.trim().to_owned());
    }
    let packed = fs::read_to_string(shared.join("packed-refs")).ok()?;
    let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
    lines.find(|(_, name)| *name == reference).map(|(commit, _)| commit.to_owned())
}

/// The folder that a `.git` file names.
fn linked(file: &Path) -> Option<PathBuf> {
    let text = fs::read_to_string(file).ok()?;
    let path = text.trim().strip_prefix("gitdir: ")?;
    Some(file.parent()?.join(path))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use tempfile::TempDir;

    use super::*;

    fn git(folder: &Path, words: &[&str]) -> String {
        let identity = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(identity).args(words).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "git {words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    fn is_installed() -> bool {
        Command::new("git").arg("--version").output().is_ok_and(|output| output.status.success())
    }

    #[test]
    fn commit_is_that_of_git_in_every_kind_of_work_tree() {
        if !is_installed() {
            return;
        }
        let folder = TempDir::new().unwrap();
        let main = folder.path().join("main");
        fs::create_dir_all(main.join("a/b")).unwrap();
        git(&main, &["init", "-q"]);
        git(&main, &["commit", "-q", "--allow-empty", "-m", "first"]);
        let first = git(&main, &["rev-parse", "HEAD"]);
        assert_eq!(commit(&main.join("a/b")), Some(first.clone()), "in a folder of the main work tree");
        git(&main, &["worktree", "add", "-q", "-b", "side", "../linked"]);
        let linked = folder.path().join("linked");
        assert_eq!(commit(&linked), Some(first.clone()), "in a linked work tree");
        git(&linked, &["commit", "-q", "--allow-empty", "-m", "second"]);
        let second = git(&linked, &["rev-parse", "HEAD"]);
        assert_ne!(first, second);
        assert_eq!(commit(&linked), Some(second.clone()), "on the branch of a linked work tree");
        git(&main, &["pack-refs", "--all"]);
        assert_eq!(commit(&linked), Some(second.clone()), "of packed branches");
        git(&main, &["checkout", "-q", "--detach", &second]);
        assert_eq!(commit(&main), Some(second), "without a branch");
    }

    #[test]
    fn folder_without_git_has_no_commit() {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join(".git"), "nonsense").unwrap();
        assert_eq!(commit(folder.path()), None);
    }
}
