//! Removing folders, whatever is in them, and whatever a test has put in their place.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;

use super::durable::{TeardownEntry, call_with};
use super::sync::FunctionKind;
use crate::model::Problem;

/// What the ledger calls [`remove_folder`].
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

/// The pause before another attempt at a folder in which something appears while it is being removed.
const RETRY_PAUSE: Duration = Duration::from_millis(10);

/// So often it is tried.
const MAX_RETRIES: u32 = 20;

/// An error of a removal, for a report: what, where, and what to do.
pub(super) fn describe(path: &Path, error: &io::Error) -> String {
    format!("cannot remove {}: {error}; see what stands in the way, or remove it by hand", path.display())
}

/// Removes a worker's folder, or what is in its place. Where there is nothing, that is what is wanted.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    // Only folders of ours: a ledger is a file, and files can be wrong.
    let is_ours = path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("itest-"));
    if !is_ours {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a folder of itest's"));
    }
    remove_tree(path)
}

/// Removes a folder inside of a worker's folder, or what is in its place.
pub(crate) fn remove_temp_dir(path: &Path) -> io::Result<()> {
    let Some(of_worker) = path.parent() else { return remove_folder(path) };
    // What a test has put in the place of the worker's folder may be a link to anything.
    match metadata(of_worker)? {
        Some(found) if found.is_dir() => {}
        _ => return Ok(()),
    }
    match remove_folder(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            fs::set_permissions(of_worker, fs::Permissions::from_mode(0o700))?;
            remove_folder(path)
        }
        result => result,
    }
}

/// Removes a folder that this process has made, or what is in its place.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    let mut result = remove_once(path);
    for _ in 0..MAX_RETRIES {
        // A process that is on its way out may still be writing.
        if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty) {
            break;
        }
        std::thread::sleep(RETRY_PAUSE);
        result = remove_once(path);
    }
    result
}

fn remove_once(path: &Path) -> io::Result<()> {
    let Some(found) = metadata(path)? else { return Ok(()) };
    let removed = if found.is_dir() {
        fs::remove_dir_all(path).or_else(|error| {
            if error.kind() != io::ErrorKind::PermissionDenied {
                return Err(error);
            }
            make_writable(path)?;
            fs::remove_dir_all(path)
        })
    } else {
        // A file, a pipe or a link: what a link leads to is none of ours.
        fs::remove_file(path)
    };
    removed.or_else(|error| if is_nothing(&error) { Ok(()) } else { Err(error) })
}

/// What is at a path itself, without following a link; `None` where there can be nothing.
fn metadata(path: &Path) -> io::Result<Option<fs::Metadata>> {
    match fs::symlink_metadata(path) {
        Err(error) if is_nothing(&error) => Ok(None),
        found => found.map(Some),
    }
}

/// Whether an error says that nothing is at a path, and that nothing can be there.
fn is_nothing(error: &io::Error) -> bool {
    const NOTHING: [Errno; 4] = [Errno::NOENT, Errno::NOTDIR, Errno::NAMETOOLONG, Errno::LOOP];
    Errno::from_io_error(error).is_some_and(|error| NOTHING.contains(&error))
}

/// Makes a folder writable, and those in it. It must be a folder: a link would be followed.
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

    /// Puts something in the place of the first path; the second one is a folder that must not be touched.
    type Replace = fn(&Path, &Path);

    /// A folder, and in it a folder of itest's, as that of a worker.
    fn own_folder() -> (tempfile::TempDir, PathBuf) {
        let outer = tempdir().unwrap();
        let own = outer.path().join("itest-1-ab");
        fs::create_dir(&own).unwrap();
        (outer, own)
    }

    fn is_there(path: &Path) -> bool {
        fs::symlink_metadata(path).is_ok()
    }

    /// What a user without special rights can do, also where root runs the tests.
    fn unprivileged<T: Send>(act: impl FnOnce() -> T + Send) -> T {
        const NOBODY: u32 = 65_534;
        std::thread::scope(|scope| {
            let thread = scope.spawn(|| {
                if rustix::process::geteuid().is_root() {
                    let user = rustix::process::Uid::from_raw(NOBODY);
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
    fn whatever_took_the_place_of_a_temp_dir_is_removed_and_no_link_is_followed() {
        let (outer, own) = own_folder();
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
    fn what_is_behind_a_link_in_the_place_of_the_workers_folder_is_not_touched() {
        let (outer, own) = own_folder();
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
    fn folders_without_permissions_are_removed_also_by_a_user_without_special_rights() {
        for mode in [0o000, 0o444, 0o555] {
            let (outer, own) = own_folder();
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

                // Also if the test has taken the rights to the worker's folder.
                let of_worker = own.join("itest-2-cd");
                fs::create_dir_all(of_worker.join("test")).unwrap();
                set_mode(&of_worker, mode);
                remove_temp_dir(&of_worker.join("test")).unwrap();
                assert!(!is_there(&of_worker.join("test")), "{mode:o}");
            });
        }
    }

    #[test]
    fn where_nothing_can_be_there_is_nothing_to_remove() {
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
    fn what_may_be_there_and_cannot_be_removed_is_an_error_that_says_what_to_do() {
        let outer = tempdir().unwrap();
        let hidden = outer.path().join("hidden");
        let place = hidden.join("itest-1-ab");
        fs::create_dir_all(&place).unwrap();
        set_mode(outer.path(), 0o755);
        set_mode(&hidden, 0o700);
        // It must be another user's, so that its own cannot take the rights back.
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
