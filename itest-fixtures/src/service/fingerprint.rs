//! A hash of everything that something cached was made of.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::os::unix::fs::MetadataExt;

/// A hash of everything that something cached was made of: if the hash is the same, the cached thing is used again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fingerprint {
    hasher: DefaultHasher,
}

impl Fingerprint {
    /// Adds a part.
    pub(crate) fn with(mut self, part: &impl Hash) -> Self {
        part.hash(&mut self.hasher);
        self
    }

    /// In sixteen hexadecimal digits.
    pub(crate) fn text(&self) -> String {
        format!("{:016x}", self.hasher.finish())
    }
}

/// A number that changes with each build of the suite. Seeds are code, and code has no other version.
pub(crate) fn build_of_this_binary() -> u64 {
    let Ok(metadata) = std::env::current_exe().and_then(std::fs::metadata) else {
        // Of a binary that was removed nothing is known, so no other process may use what this one makes.
        return RandomState::new().hash_one(std::process::id());
    };
    let mut hasher = DefaultHasher::new();
    (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()).hash(&mut hasher);
    hasher.finish()
}
