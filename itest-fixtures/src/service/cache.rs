//! A cache in the user's cache folder, for files that are created once and copied for every private server.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use itest_runtime::__private::variable;
use itest_runtime::Error;

use super::account::Account;
use crate::failure::failed_to;

/// Creates and fills a folder: with a copy of the cached folder of this name, or with `make`, whose result is then cached.
///
/// # Errors
///
/// When the folder cannot be made or copied.
pub(crate) fn cached(
    name: &str,
    folder: &Path,
    owner: Option<&Account>,
    make: impl FnOnce() -> Result<(), Error>,
) -> Result<(), Error> {
    let Some(cache) = cache() else { return make() };
    let cached_folder = cache.join(name);
    let measure = cache.join(format!("{name}.measure"));
    // One process fills the cache; the others wait for it.
    let lock = lock(&cache.join(format!("{name}.lock")));
    if !is_complete(&cached_folder, &measure) {
        make()?;
        let temporary = cache.join(format!(".{name}.{}", std::process::id()));
        let store = || {
            copy(folder, &temporary, None)?;
            if cached_folder.exists() {
                fs::remove_dir_all(&cached_folder)?;
            }
            fs::write(&measure, measured(&temporary)?.to_string())?;
            fs::rename(&temporary, &cached_folder)
        };
        // A failure to write the cache only costs time, so it is ignored.
        if store().is_err() {
            let _ = fs::remove_dir_all(&temporary);
        }
        return Ok(());
    }
    drop(lock);
    copy(&cached_folder, folder, owner)
        .map_err(|error| failed_to(&format!("copy {} to {}", cached_folder.display(), folder.display()), &error))
}

/// Whether a cached folder is complete. A user may have removed files, and a crash of the machine may have lost the files that were written
/// last.
fn is_complete(cached_folder: &Path, measure: &Path) -> bool {
    let expected = fs::read_to_string(measure);
    measured(cached_folder).is_ok_and(|actual| expected.is_ok_and(|expected| expected == actual.to_string()))
}

/// The number of entries of a folder, and the size of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Measure {
    entries: u64,
    bytes: u64,
}

impl fmt::Display for Measure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} entries, {} bytes", self.entries, self.bytes)
    }
}

fn measured(folder: &Path) -> io::Result<Measure> {
    let mut measure = Measure::default();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let inside = if entry.file_type()?.is_dir() {
            measured(&entry.path())?
        } else {
            Measure { entries: 0, bytes: entry.metadata()?.len() }
        };
        measure.entries += 1 + inside.entries;
        measure.bytes += inside.bytes;
    }
    Ok(measure)
}

/// The cache folder, if only this user can write to it.
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
    let metadata = fs::symlink_metadata(&folder).ok()?;
    let is_private =
        metadata.is_dir() && metadata.uid() == rustix::process::geteuid().as_raw() && metadata.mode() & 0o022 == 0;
    is_private.then_some(folder)
}

fn lock(path: &Path) -> Option<File> {
    let file = OpenOptions::new().create(true).append(true).open(path).ok()?;
    file.lock().ok()?;
    Some(file)
}

fn copy(from: &Path, to: &Path, owner: Option<&Account>) -> io::Result<()> {
    let mode = fs::metadata(from)?.permissions().mode();
    DirBuilder::new().mode(mode).create(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target, owner)?;
        } else {
            fs::copy(entry.path(), &target)?;
            owner.map_or(Ok(()), |owner| owner.own(&target))?;
        }
    }
    owner.map_or(Ok(()), |owner| owner.own(to))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cached_folder_is_complete_until_a_file_is_missing_or_shorter() {
        let folder = std::env::temp_dir().join(format!("itest-measure-{}", std::process::id()));
        let (cached_folder, measure) = (folder.join("kept"), folder.join("measure"));
        fs::create_dir_all(cached_folder.join("inner")).unwrap();
        fs::write(cached_folder.join("inner/file"), "text").unwrap();
        assert!(!is_complete(&cached_folder, &measure), "it was not measured");
        fs::write(&measure, measured(&cached_folder).unwrap().to_string()).unwrap();
        assert!(is_complete(&cached_folder, &measure));
        fs::write(cached_folder.join("inner/file"), "").unwrap();
        assert!(!is_complete(&cached_folder, &measure));
        fs::write(cached_folder.join("inner/file"), "text").unwrap();
        assert!(is_complete(&cached_folder, &measure));
        fs::remove_dir_all(cached_folder.join("inner")).unwrap();
        assert!(!is_complete(&cached_folder, &measure));
        fs::remove_dir_all(&cached_folder).unwrap();
        assert!(!is_complete(&cached_folder, &measure));
        fs::remove_dir_all(&folder).unwrap();
    }
}
