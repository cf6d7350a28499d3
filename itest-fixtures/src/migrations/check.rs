//! The settings of a check of migrations, and its run.

use std::collections::BTreeSet;
use std::path::PathBuf;

use sqlx::Pool;
use sqlx_core::migrate::{Migration, Migrator};

use super::example::Example;
use super::problem::{MigrationError, Problem};
use super::report::Report;
use super::schema::{Difference, Schemas};
use super::step::{Step, ups};
use crate::backend::Backend;
use itest_runtime::Error;

/// Checks migrations on a real database.
///
/// All migrations are applied in order. A second run must change nothing. Then the migrations are undone in reverse order, and after each
/// one the schema must be the same as before the migration. Finally they are applied again. Schemas are compared by the database's catalog:
/// tables, columns (in any order), constraints, indexes, views, triggers, functions, types.
///
/// The undoing stops at a migration without a down file, and the [`Report`] names it; [`require_down`](Self::require_down) makes it a
/// problem.
///
/// # Examples
///
/// ```no_run
/// use itest_fixtures::migrations::{Check, Example, in_memory};
/// use sqlx::migrate::Migrator;
///
/// # async fn check(migrations: &'static Migrator) -> itest_runtime::Result {
/// let report = Check::new(migrations)
///     .folder("migrations")
///     .example(
///         Example::new("customers keep their names")
///             .before(3, "INSERT INTO customers (name) VALUES ('Ada Lovelace')")
///             .after(3, "SELECT first_name, last_name FROM customers", [["Ada", "Lovelace"]]),
///     )
///     .run(in_memory)
///     .await?;
/// println!("{report}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
#[must_use = "nothing is checked until `run` is called"]
pub struct Check<'m> {
    pub(super) migrator: &'m Migrator,
    pub(super) folder: Option<PathBuf>,
    pub(super) down_files: DownFiles,
    /// The versions of the migrations that may delete rows.
    pub(super) row_losing_versions: BTreeSet<i64>,
    examples: Vec<Example>,
    released: Option<&'m Migrator>,
    schema: Option<PathBuf>,
}

/// Whether a migration must have a down file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum DownFiles {
    Optional,
    Required,
}

impl<'m> Check<'m> {
    /// Creates a check of these migrations.
    pub fn new(migrator: &'m Migrator) -> Self {
        Self {
            migrator,
            folder: None,
            down_files: DownFiles::Optional,
            row_losing_versions: BTreeSet::new(),
            examples: Vec::new(),
            released: None,
            schema: None,
        }
    }

    /// The folder of the migration files, so that messages can name the files. sqlx does not store it.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// Makes a migration without a down file a problem.
    pub fn require_down(mut self) -> Self {
        self.down_files = DownFiles::Required;
        self
    }

    /// Repeats the roundtrip with rows in the database.
    pub fn example(mut self, example: Example) -> Self {
        self.examples.push(example);
        self
    }

    /// Allows this migration to leave a table with fewer rows than before.
    pub fn may_lose_rows(mut self, version: i64) -> Self {
        self.row_losing_versions.insert(version);
        self
    }

    /// The migrations as they were released, for instance from a folder that a release left. A database with the released migrations must
    /// get the same schema as a new one, and none of them may have been edited since.
    pub fn released(mut self, released: &'m Migrator) -> Self {
        self.released = Some(released);
        self
    }

    /// A script that creates the whole schema. Its schema must be the same as that of the migrations.
    pub fn schema_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.schema = Some(file.into());
        self
    }

    /// Runs the check. `empty` creates an empty database at each call, and must also arrange that it is dropped; the check closes the
    /// pools. It is called once for the roundtrip, once for each example, once each for the released migrations and the schema file, and
    /// once more after each failure. [`in_memory`](super::in_memory) creates databases of SQLite.
    ///
    /// # Errors
    ///
    /// A [`MigrationError`] with all problems: the migration, its file and line, the statement, and the message of the database, or the
    /// differences of schemas or rows.
    pub async fn run<DB: Backend, E: Into<Error>>(
        &self,
        mut empty: impl AsyncFnMut() -> Result<Pool<DB>, E>,
    ) -> Result<Report, MigrationError> {
        let mut empty = async || empty().await.map_err(Into::into);
        let mut problems = Vec::new();
        if ups(self.migrator).is_empty() {
            let message = "there are no migrations to check; is it the right folder?".to_owned();
            return Err(MigrationError::new(vec![Problem::Other(message)]));
        }
        let roundtrip = match self.roundtrip(&mut empty, &mut problems).await {
            Ok(roundtrip) => roundtrip,
            Err(problem) => return Err(MigrationError::new(vec![problem])),
        };
        let applied = ups(self.migrator).len();
        // If the migrations cannot be applied to an empty database, the further checks would only repeat that failure.
        let are_all_applied =
            ups(self.migrator).last().is_none_or(|last| roundtrip.schemas.after(last.version).is_some());
        if are_all_applied {
            for example in &self.examples {
                let result = self.try_example(example, &roundtrip, &mut empty, &mut problems).await;
                problems.extend(result.err());
            }
            if let Some(released) = self.released {
                let result = self.upgrade(released, &roundtrip.schemas, &mut empty, &mut problems).await;
                problems.extend(result.err());
            }
            if let Some(file) = &self.schema {
                let result = self.compare(file, &roundtrip.schemas, &mut empty, &mut problems).await;
                problems.extend(result.err());
            }
        }
        if problems.is_empty() {
            let examples = self.examples.len();
            Ok(Report { applied, undone: roundtrip.undone, irreversible: roundtrip.irreversible, examples })
        } else {
            Err(MigrationError::new(problems))
        }
    }

    pub(super) fn step(&self, migration: &Migration) -> Step {
        Step::of(migration, self.folder.as_deref())
    }

    pub(super) fn step_of(&self, version: i64) -> Option<Step> {
        let migration = ups(self.migrator).into_iter().find(|migration| migration.version == version)?;
        Some(self.step(migration))
    }

    /// The first migration that caused a difference, or the last one if the cause is unknown. `None` if there is no difference.
    pub(super) fn responsible_step(&self, schemas: &Schemas, difference: &Difference) -> Option<Step> {
        if difference.is_empty() {
            return None;
        }
        let last = ups(self.migrator).last().map(|migration| migration.version);
        self.step_of(schemas.first_responsible_version(difference).or(last)?)
    }
}
