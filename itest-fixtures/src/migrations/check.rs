//! The check of a suite's migrations.

use std::collections::BTreeSet;
use std::path::PathBuf;

use sqlx::Pool;
use sqlx::migrate::{Migration, Migrator};

use super::example::Example;
use super::problem::{MigrationError, Problem};
use super::report::Report;
use super::schema::{Difference, Schemas};
use super::step::{Step, ups};
use crate::backend::Backend;
use itest_runtime::Error;

/// Checks migrations on a real database.
///
/// Every migration is applied in order; a second run must change nothing; every migration is undone in reverse order, and the schema
/// must be what it was before it; all of them are applied again. Schemas are compared by the database's catalog: tables, columns (in
/// any order), constraints, indexes, views, triggers, functions, types.
///
/// A migration without a down file ends the way down, and is told in the [`Report`]; [`require_down`](Self::require_down) makes it a
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
    pub(super) down: Down,
    pub(super) losing: BTreeSet<i64>,
    examples: Vec<Example>,
    released: Option<&'m Migrator>,
    schema: Option<PathBuf>,
}

/// Whether a migration must have a down file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Down {
    Welcome,
    Required,
}

impl<'m> Check<'m> {
    /// A check of these migrations.
    pub fn new(migrator: &'m Migrator) -> Self {
        Self {
            migrator,
            folder: None,
            down: Down::Welcome,
            losing: BTreeSet::new(),
            examples: Vec::new(),
            released: None,
            schema: None,
        }
    }

    /// Where the files are, so that messages can name them; sqlx forgets it.
    pub fn folder(mut self, folder: impl Into<PathBuf>) -> Self {
        self.folder = Some(folder.into());
        self
    }

    /// A migration without a down file is a problem.
    pub fn require_down(mut self) -> Self {
        self.down = Down::Required;
        self
    }

    /// Goes the way once more with rows in the database.
    pub fn example(mut self, example: Example) -> Self {
        self.examples.push(example);
        self
    }

    /// This migration may leave a table with fewer rows than it had.
    pub fn may_lose_rows(mut self, version: i64) -> Self {
        self.losing.insert(version);
        self
    }

    /// The migrations as they were released, for instance from a folder that a release left: a database that has them must become what a
    /// fresh one is, and none of them may have been edited since.
    pub fn released(mut self, released: &'m Migrator) -> Self {
        self.released = Some(released);
        self
    }

    /// A file that makes the whole schema at once: it must make the same as the migrations do.
    pub fn schema_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.schema = Some(file.into());
        self
    }

    /// Makes the check. `empty` makes an empty database each time it is called, and sees to it that it is dropped; the check closes the
    /// pools. It is called once, once for each example, for the released migrations and for the file with the schema, and once more when
    /// something fails. [`in_memory`](super::in_memory) makes databases of SQLite.
    ///
    /// # Errors
    ///
    /// A [`MigrationError`] with everything that is wrong: the migration at fault, its file and line, the statement, and what the database
    /// said, or how schemas or rows differ.
    pub async fn run<DB: Backend, E: Into<Error>>(
        &self,
        mut empty: impl AsyncFnMut() -> Result<Pool<DB>, E>,
    ) -> Result<Report, MigrationError> {
        let mut empty = async || empty().await.map_err(Into::into);
        let mut problems = Vec::new();
        if ups(self.migrator).is_empty() {
            let nothing = "there are no migrations to check; is it the right folder?".to_owned();
            return Err(MigrationError::new(vec![Problem::Other(nothing)]));
        }
        let toured = match self.tour(&mut empty, &mut problems).await {
            Ok(toured) => toured,
            Err(problem) => return Err(MigrationError::new(vec![problem])),
        };
        let applied = ups(self.migrator).len();
        // Migrations that cannot be applied to an empty database cannot be applied to another one.
        let complete = ups(self.migrator).last().is_none_or(|last| toured.schemas.after(last.version).is_some());
        if complete {
            for example in &self.examples {
                let tried = self.try_example(example, &toured, &mut empty, &mut problems).await;
                problems.extend(tried.err());
            }
            if let Some(released) = self.released {
                let upgraded = self.upgrade(released, &toured.schemas, &mut empty, &mut problems).await;
                problems.extend(upgraded.err());
            }
            if let Some(file) = &self.schema {
                let compared = self.compare(file, &toured.schemas, &mut empty, &mut problems).await;
                problems.extend(compared.err());
            }
        }
        if problems.is_empty() {
            let examples = self.examples.len();
            Ok(Report { applied, undone: toured.undone, irreversible: toured.irreversible, examples })
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

    /// The first migration that has to do with a difference; the last one if no other has. `None` if there is no difference.
    pub(super) fn at_fault(&self, schemas: &Schemas, difference: &Difference) -> Option<Step> {
        if difference.is_empty() {
            return None;
        }
        let last = ups(self.migrator).last().map(|migration| migration.version);
        self.step_of(schemas.first_at_fault(difference).or(last)?)
    }
}
