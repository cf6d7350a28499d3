//! What is made once and copied for every private server, in the user's folder for caches.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use itest_runtime::__private::variable;
use itest_runtime::Error;

use super::{Owner, failed_to};

/// Fills `folder`, which is not there yet, with what was made under this name before, or makes it and keeps a copy.
pub(crate) fn cached(
    name: &str,
    folder: &Path,
    owner: Option<&Owner>,
    make: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(cache) = cache() else { return make() };
    let kept = cache.join(name);
    // One process fills the cache; the others wait for it.
    let lock = lock(&cache.join(format!("{name}.lock")));
    if !kept.is_dir() {
        make()?;
        let draft = cache.join(format!(".{name}.{}", std::process::id()));
        // A cache that takes no more costs time and nothing else.
        if copy(folder, &draft, None).and_then(|()| fs::rename(&draft, &kept)).is_err() {
            let _ = fs::remove_dir_all(&draft);
        }
        return Ok(());
    }
    drop(lock);
    copy(&kept, folder, owner)
        .map_err(|error| failed_to(&format!("copy {} to {}", kept.display(), folder.display()), &error))
}

/// A folder of this user's alone, for what can be made again.
fn cache() -> Option<PathBuf> {
    let home = variable("HOME").map(PathBuf::from);
    let caches = match variable("XDG_CACHE_HOME") {
        Some(folder) => PathBuf::from(folder),
        None if cfg!(target_os = "macos") => home?.join("Library/Caches"),
        None => home?.join(".cache"),
    };
    fs::create_dir_all(&caches).ok()?;
    let folder = caches.join("itest");
    let _ = DirBuilder::new().mode(0o700).create(&folder);
    let found = fs::symlink_metadata(&folder).ok()?;
    let is_private = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw() && found.mode() & 0o022 == 0;
    is_private.then_some(folder)
}

fn lock(path: &Path) -> Option<File> {
    let file = OpenOptions::new().create(true).append(true).open(path).ok()?;
    file.lock().ok()?;
    Some(file)
}

fn copy(from: &Path, to: &Path, owner: Option<&Owner>) -> io::Result<()> {
    let mode = fs::metadata(from)?.permissions().mode();
    DirBuilder::new().mode(mode).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target, owner)?;
        } else {
            fs::copy(entry.path(), &target)?;
            owner.map_or(Ok(()), |owner| owner.give(&target))?;
        }
    }
    owner.map_or(Ok(()), |owner| owner.give(to))
}
