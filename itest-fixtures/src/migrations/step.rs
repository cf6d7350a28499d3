//! A migration in one direction, with its name for messages.

use std::fmt;
use std::path::Path;

use sqlx_core::migrate::{Migration, Migrator};

/// A migration in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) version: i64,
    description: String,
    direction: &'static str,
    /// The path of the file, if its folder is known.
    file: Option<String>,
}

impl Step {
    pub(super) fn of(migration: &Migration, folder: Option<&Path>) -> Self {
        let direction = if migration.migration_type.is_down_migration() { "down" } else { "up" };
        let file = folder.and_then(|folder| file_of(migration, folder));
        Self { version: migration.version, description: migration.description.to_string(), direction, file }
    }

    /// The name with file and line.
    pub(super) fn at(&self, line: Option<usize>) -> String {
        match (&self.file, line) {
            (Some(file), Some(line)) => format!("{self}, {file}:{line}"),
            (Some(file), None) => format!("{self}, {file}"),
            (None, Some(line)) => format!("{self}, line {line}"),
            (None, None) => self.to_string(),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, description, direction, .. } = self;
        write!(formatter, "migration {version} ({description}) {direction}")
    }
}

/// Finds the file of a migration. sqlx stores the version as a number, without the leading zeros of the file name, so the folder is
/// searched.
fn file_of(migration: &Migration, folder: &Path) -> Option<String> {
    let suffix = migration.migration_type.suffix();
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    let mut names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let name = names.find(|name| {
        let number = name.split_once('_').and_then(|(number, _)| number.parse().ok());
        number == Some(migration.version) && name.ends_with(suffix)
    })?;
    Some(folder.join(name).display().to_string())
}

/// The up migrations, in order.
pub(super) fn ups(migrator: &Migrator) -> Vec<&Migration> {
    migrator.iter().filter(|migration| migration.migration_type.is_up_migration()).collect()
}

/// The down migration of a version.
pub(super) fn down(migrator: &Migrator, version: i64) -> Option<&Migration> {
    migrator.iter().find(|migration| migration.version == version && migration.migration_type.is_down_migration())
}

/// The version of an empty database. It is not 0, because the first migration may have the number 0.
pub(super) const EMPTY: i64 = i64::MIN;

/// The version before another one, or [`EMPTY`] before the first.
pub(super) fn before(migrator: &Migrator, version: i64) -> i64 {
    ups(migrator).iter().map(|migration| migration.version).take_while(|other| *other < version).last().unwrap_or(EMPTY)
}
