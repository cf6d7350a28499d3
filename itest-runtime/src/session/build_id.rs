//! Which build a process is of.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;

use crate::process::own_binary;

/// A number that differs between two builds of a binary, also at the same path.
pub(super) fn build() -> io::Result<u64> {
    let found = fs::metadata(own_binary()?)?;
    let mut hasher = DefaultHasher::new();
    (found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec()).hash(&mut hasher);
    Ok(hasher.finish())
}
