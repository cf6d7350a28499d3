//! Removing folders, whatever is in them.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

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
            remove_folder(&path).map_err(|error| Problem::new(format!("cannot remove {}: {error}", path.display())))
        })),
    }
}

/// Removes a folder, after making writable what is not. One that is gone already is what is wanted.
pub(crate) fn remove_folder(path: &Path) -> io::Result<()> {
    // Only folders of ours: a ledger is a file, and files can be wrong.
    let is_ours = path.components().any(|part| part.as_os_str().to_string_lossy().starts_with("itest-"));
    if !is_ours {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a folder of itest's"));
    }
    remove_tree(path)
}

/// Removes a folder that this process has made.
pub(crate) fn remove_tree(path: &Path) -> io::Result<()> {
    // A process that is on its way out may still be writing.
    let mut result = remove_once(path);
    for _ in 0..20 {
        if !matches!(&result, Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty) {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
        result = remove_once(path);
    }
    result
}

fn remove_once(path: &Path) -> io::Result<()> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            make_writable(path)?;
            fs::remove_dir_all(path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

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
