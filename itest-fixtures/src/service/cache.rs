//! A cache in the user's cache folder, for files that are made once and copied for every private server.

use std::fmt;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use itest_runtime::__private::variable;
use itest_runtime::Error;

use super::account::Account;
use crate::failure::failed_to;

/// Fills a folder that does not exist yet: with a copy of the cached one of this name, or by making it, and then it is cached.
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
    let kept = cache.join(name);
    let measure = cache.join(format!("{name}.measure"));
    // One process fills the cache; the others wait for it.
    let lock = lock(&cache.join(format!("{name}.lock")));
    if !is_whole(&kept, &measure) {
        make()?;
        let draft = cache.join(format!(".{name}.{}", std::process::id()));
        let keep = || {
            copy(folder, &draft, None)?;
            if kept.exists() {
                fs::remove_dir_all(&kept)?;
            }
            fs::write(&measure, measured(&draft)?.to_string())?;
            fs::rename(&draft, &kept)
        };
        // A cache that cannot be written costs time, and nothing else.
        if keep().is_err() {
            let _ = fs::remove_dir_all(&draft);
        }
        return Ok(());
    }
    drop(lock);
    copy(&kept, folder, owner)
        .map_err(|error| failed_to(&format!("copy {} to {}", kept.display(), folder.display()), &error))
}

/// Whether a cached folder has all its files: a user may have removed some, and a crash of the machine loses those that were written last.
fn is_whole(kept: &Path, measure: &Path) -> bool {
    let expected = fs::read_to_string(measure);
    measured(kept).is_ok_and(|actual| expected.is_ok_and(|expected| expected == actual.to_string()))
}

/// How many files there are, and how large they are.
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
    fn cached_folder_is_whole_until_a_file_is_missing_or_shorter() {
        let folder = std::env::temp_dir().join(format!("itest-measure-{}", std::process::id()));
        let (kept, measure) = (folder.join("kept"), folder.join("measure"));
        fs::create_dir_all(kept.join("inner")).unwrap();
        fs::write(kept.join("inner/file"), "text").unwrap();
        assert!(!is_whole(&kept, &measure), "it was not measured");
        fs::write(&measure, measured(&kept).unwrap().to_string()).unwrap();
        assert!(is_whole(&kept, &measure));
        fs::write(kept.join("inner/file"), "").unwrap();
        assert!(!is_whole(&kept, &measure));
        fs::write(kept.join("inner/file"), "text").unwrap();
        assert!(is_whole(&kept, &measure));
        fs::remove_dir_all(kept.join("inner")).unwrap();
        assert!(!is_whole(&kept, &measure));
        fs::remove_dir_all(&kept).unwrap();
        assert!(!is_whole(&kept, &measure));
        fs::remove_dir_all(&folder).unwrap();
    }
}
