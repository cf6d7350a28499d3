//! What a template is recognized by: a hash of everything that made it.

use std::hash::{BuildHasher, DefaultHasher, Hash, Hasher, RandomState};
use std::os::unix::fs::MetadataExt;

use sqlx::migrate::Migrator;

/// A hash of the things that decide what a template holds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fingerprint {
    hasher: DefaultHasher,
}

impl Fingerprint {
    /// Adds a thing.
    pub(crate) fn of(mut self, thing: &impl Hash) -> Self {
        thing.hash(&mut self.hasher);
        self
    }

    /// Adds migrations: their versions, and the hashes of their texts.
    pub(crate) fn of_migrations(mut self, migrator: &Migrator) -> Self {
        for migration in migrator.iter() {
            (migration.version, &migration.checksum).hash(&mut self.hasher);
        }
        self
    }

    /// In sixteen letters.
    pub(crate) fn text(&self) -> String {
        format!("{:016x}", self.hasher.finish())
    }
}

/// A number that another build of the suite does not have: seeds are code, and code has no version but this.
pub(crate) fn build_of_this_binary() -> u64 {
    let Ok(found) = std::env::current_exe().and_then(std::fs::metadata) else {
        // Of a binary that is gone nobody knows anything; what it makes is found by nobody else.
        return RandomState::new().hash_one(std::process::id());
    };
    let mut hasher = DefaultHasher::new();
    (found.dev(), found.ino(), found.size(), found.mtime(), found.mtime_nsec()).hash(&mut hasher);
    hasher.finish()
}
