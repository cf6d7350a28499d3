//! Removal of temporary folders. A test may have changed their permissions or replaced them by a file or a link.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;

use super::durable::{TeardownEntry, call_with};
use super::sync::FunctionKind;
use crate::model::Problem;

/// The name of [`remove_folder`] in the ledger.
pub(super) const REMOVE_FOLDER: &str = "itest::remove_folder";

inventory::submit! {
    TeardownEntry {
        name: REMOVE_FOLDER,
        location: "itest",
        kind: FunctionKind::Sync,
        run: |arguments| call_with(arguments, |path: PathBuf| Box::pin(async move {
            remove_folder(&path).map_err(|error| Problem::new(describe(&path, &error)))
        })),
    }
}

/// The pause before the next attempt to remove a folder that another process is still writing to.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// The number of further attempts after the first one.
const MAX_RETRIES: u32 = 20;

/// Describes a failed removal for a report: the path, the cause, and what the user can do.
pub(super) fn describe(path: &Path, error: &io::Error) -> String {
    format!("cannot remove {}: {error}; see what stands in the way, or remove it by hand", path.display())
}

/// Removes a worker's folder, or the file or link that has replaced it. A missing folder is not an error.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    // The path may come from a ledger file that is damaged, so only paths with an itest folder in them are removed.
    let is_ours = path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("itest-"));
    if !is_ours {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a folder of itest's"));
    }
    remove_tree(path)
}

/// Removes a folder inside a worker's folder, or the file or link that has replaced it.
pub(crate) fn remove_temp_dir(path: &Path) -> io::Result<()> {
    let Some(worker_folder) = path.parent() else { return remove_folder(path) };
    // If a test has replaced the worker's folder by a link, nothing behind the link may be removed.
    match metadata(worker_folder)? {
        Some(metadata) if metadata.is_dir() => {}
        _ => return Ok(()),
    }
    match remove_folder(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            fs::set_permissions(worker_folder, fs::Permissions::from_mode(0o700))?;
            remove_folder(path)
        }
        result => result,
    }
}

/// Removes a folder that this process has created, or the file or link that has replaced it.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let mut result = remove_once(path);
    for _ in 0..MAX_RETRIES {
        // A process that is about to end may still be writing into the folder.
        if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty) {
            break;
        }
        std::thread::sleep(RETRY_PAUSE);
        result = remove_once(path);
    }
    result
}

fn remove_once(path: &Path) -> io::Result<()> {
    let Some(metadata) = metadata(path)? else { return Ok(()) };
    let removed = if metadata.is_dir() {
        fs::remove_dir_all(path).or_else(|error| {
            if error.kind() != io::ErrorKind::PermissionDenied {
                return Err(error);
            }
            make_writable(path)?;
            fs::remove_dir_all(path)
        })
    } else {
        // This is a file, a pipe or a link. Only the link itself is removed, and not its target.
        fs::remove_file(path)
    };
    removed.or_else(|error| if is_missing(&error) { Ok(()) } else { Err(error) })
}

/// The metadata of a path, without following a link; `None` if nothing exists there.
fn metadata(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Err(error) if is_missing(&error) => Ok(None),
        result => result.map(Some),
    }
}

/// Whether an error means that nothing exists at a path, or that nothing can exist there.
fn is_missing(error: &io::Error) -> bool {
    const MISSING: [Errno; 4] = [Errno::NOENT, Errno::NOTDIR, Errno::NAMETOOLONG, Errno::LOOP];
    Errno::from_io_error(error).is_some_and(|error| MISSING.contains(&error))
}

/// Makes a folder and all folders in it writable. The path must not be a link, because the system would follow it.
fn make_writable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            make_writable(&entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    use rustix::fs::{CWD, FileType, Mode, mknodat};
    use tempfile::tempdir;

    use super::*;

    /// Creates something at the first path. The second path is a folder that the removal must not change.
    type Replace = fn(&Path, &Path);

    /// A temporary folder, and a worker's folder in it.
    fn worker_folder() -> (tempfile::TempDir, PathBuf) {
        let outer = tempdir().unwrap();
        let own = outer.path().join("itest-1-ab");
        fs::create_dir(&own).unwrap();
        (outer, own)
    }

    fn is_there(path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok()
    }

    /// Runs a function as a user without special rights, also if root runs the tests.
    fn unprivileged<T: Send>(act: impl FnOnce() -> T + Send) -> T {
        const UNPRIVILEGED_USER: u32 = 65_534;
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                if rustix::process::geteuid().is_root() {
                    let user = rustix::process::Uid::from_raw(UNPRIVILEGED_USER);
                    rustix::thread::set_thread_res_uid(user, user, user).unwrap();
                }
                act()
            });
            thread.join().unwrap()
        })
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn replaced_temp_dir_is_removed_without_following_links() {
        let (outer, own) = worker_folder();
        let precious = outer.path().join("precious");
        fs::create_dir(&precious).unwrap();
        fs::write(precious.join("file"), "precious").unwrap();
        set_mode(&precious, 0o555);
        let place = own.join("test");
        let replacements: [(&str, Replace); 6] = [
            ("a file", |place, _| fs::write(place, "in its place").unwrap()),
            ("a link to a folder", |place, precious| symlink(precious, place).unwrap()),
            ("a link to nothing", |place, _| symlink("/nowhere/at/all", place).unwrap()),
            ("a named pipe", |place, _| mknodat(CWD, place, FileType::Fifo, Mode::RWXU, 0).unwrap()),
            ("a socket", |place, _| drop(UnixListener::bind(place).unwrap())),
            ("a folder of links", |place, precious| {
                fs::create_dir(place).unwrap();
                symlink(precious, place.join("link")).unwrap();
            }),
        ];
        for (name, replace) in replacements {
            replace(&place, &precious);
            remove_temp_dir(&place).unwrap();
            assert!(!is_there(&place), "{name}");
            assert_eq!(fs::read(precious.join("file")).unwrap(), b"precious", "{name}");
            assert_eq!(fs::metadata(&precious).unwrap().permissions().mode() & 0o777, 0o555, "{name}");
        }
    }

    #[test]
    fn removing_a_worker_folder_that_became_a_link_keeps_the_target() {
        let (outer, own) = worker_folder();
        let precious = outer.path().join("precious");
        fs::create_dir_all(precious.join("test")).unwrap();
        fs::remove_dir(&own).unwrap();
        symlink(&precious, &own).unwrap();
        remove_temp_dir(&own.join("test")).unwrap();
        assert!(is_there(&precious.join("test")));
        remove_folder(&own).unwrap();
        assert!(!is_there(&own) && is_there(&precious.join("test")));
    }

    #[test]
    fn unprivileged_user_removes_folders_without_permissions() {
        for mode in [0o000, 0o444, 0o555] {
            let (outer, own) = worker_folder();
            set_mode(outer.path(), 0o777);
            set_mode(&own, 0o777);
            unprivileged(|| {
                let place = own.join("test");
                fs::create_dir_all(place.join("inner")).unwrap();
                fs::write(place.join("inner/file"), "sealed").unwrap();
                set_mode(&place.join("inner"), mode);
                set_mode(&place, mode);
                remove_temp_dir(&place).unwrap();
                assert!(!is_there(&place), "{mode:o}");

                // The same holds if the test has changed the permissions of the worker's folder.
                let of_worker = own.join("itest-2-cd");
                fs::create_dir_all(of_worker.join("test")).unwrap();
                set_mode(&of_worker, mode);
                remove_temp_dir(&of_worker.join("test")).unwrap();
                assert!(!is_there(&of_worker.join("test")), "{mode:o}");
            });
        }
    }

    #[test]
    fn removal_of_missing_or_impossible_path_succeeds() {
        let outer = tempdir().unwrap();
        fs::write(outer.path().join("file"), "").unwrap();
        symlink("/nowhere/at/all", outer.path().join("dangling")).unwrap();
        symlink("loop", outer.path().join("loop")).unwrap();
        for parent in ["gone", "file", "dangling", "loop", &"long".repeat(100), &"long/".repeat(2_000)] {
            let place = outer.path().join(parent).join("itest-1-ab");
            assert!(remove_folder(&place).is_ok(), "{}: {:?}", place.display(), remove_folder(&place));
            assert!(remove_temp_dir(&place.join("test")).is_ok(), "{}", place.display());
        }
    }

    #[test]
    fn denied_removal_is_an_error_with_advice() {
        let outer = tempdir().unwrap();
        let hidden = outer.path().join("hidden");
        let place = hidden.join("itest-1-ab");
        fs::create_dir_all(&place).unwrap();
        set_mode(outer.path(), 0o755);
        set_mode(&hidden, 0o700);
        // As root, the folder must belong to another user than the one that removes it, because an owner could restore the permissions.
        let is_root = rustix::process::geteuid().is_root();
        set_mode(&hidden, if is_root { 0o700 } else { 0o000 });
        let error = unprivileged(|| remove_folder(&place).unwrap_err());
        let message = describe(&place, &error);
        set_mode(&hidden, 0o700);
        assert!(message.starts_with(&format!("cannot remove {}: Permission denied", place.display())), "{message}");
        assert!(message.ends_with("remove it by hand"), "{message}");
        assert!(is_there(&place));
    }
}
