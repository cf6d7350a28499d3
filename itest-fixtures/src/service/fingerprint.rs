//! A hash of all inputs of a cached item.

#[cfg(feature = "_database-server")]
use std::hash::{BuildHasher, RandomState};
use std::hash::{DefaultHasher, Hash, Hasher};
#[cfg(feature = "_database-server")]
use std::os::unix::fs::MetadataExt;

/// A hash of all inputs of a cached item or of a kept server. The item is used again if the hash is the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fingerprint {
    hasher: DefaultHasher,
}

impl Fingerprint {
    /// Adds an input.
    pub(crate) fn with(mut self, part: &impl Hash) -> Self {
        part.hash(&mut self.hasher);
        self
    }

    /// The hash as sixteen hexadecimal digits.
    pub(crate) fn text(&self) -> String {
        format!("{:016x}", self.hasher.finish())
    }
}

/// A number that changes with each build of the suite. Seeds are code, so the build is their only version.
#[cfg(feature = "_database-server")]
pub(crate) fn build_of_this_binary() -> u64 {
    let Ok(metadata) = std::env::current_exe().and_then(std::fs::metadata) else {
        // The binary was removed, so its version is unknown. A random number keeps other processes from using the cached item of this one.
        return RandomState::new().hash_one(std::process::id());
    };
    let mut hasher = DefaultHasher::new();
    (metadata.dev(), metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()).hash(&mut hasher);
    hasher.finish()
}
