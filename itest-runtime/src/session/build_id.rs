//! The identity of the test binary's build.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::os::unix::fs::MetadataExt;

use crate::process::own_binary;

/// A number that identifies the build of the running binary. It differs between two builds, even at the same path.
pub(super) fn build_id() -> io::Result<u64> {
    let metadata = fs::metadata(own_binary()?)?;
    let mut hasher = DefaultHasher::new();
    (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()).hash(&mut hasher);
    Ok(hasher.finish())
}
