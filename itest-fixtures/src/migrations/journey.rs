//! A database on its way through migrations, and what was done to it, so that a failure can be looked at once more.

use std::path::Path;

use sqlx::migrate::{MigrateError, Migration, Migrator};
use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Pool};

use super::problem::{Problem, Round};
use super::schema::Schema;
use super::step::{Step, before, down};
use crate::backend::Backend;
use crate::database::describe;
use crate::database::script::excerpt;
use itest_runtime::Error;

/// What was done to a database.
#[derive(Debug, Clone)]
enum Done<'m> {
    Migrated(&'m Migrator, i64),
    Undone(&'m Migrator, i64),
    Script(String),
}

/// A database on its way.
pub(super) struct Journey<'m, DB: Backend> {
    migrator: &'m Migrator,
    folder: Option<&'m Path>,
    pool: Pool<DB>,
    connection: PoolConnection<DB>,
    done: Vec<Done<'m>>,
    pub(super) round: Round,
}

impl<'m, DB: Backend> Journey<'m, DB> {
    /// Begins with an empty database; one that is not empty is left alone.
    pub(super) async fn begin(
        migrator: &'m Migrator,
        folder: Option<&'m Path>,
        pool: Pool<DB>,
        round: Round,
    ) -> Result<Self, Problem> {
        let connection = pool.acquire().await.map_err(|error| other("cannot connect to the empty database", &error))?;
        let mut journey = Self { migrator, folder, pool, connection, done: Vec::new(), round };
        let found = match journey.schema().await {
            Ok(schema) => match schema.first_object() {
                None => return Ok(journey),
                Some(object) => Problem::Other(format!(
                    "the database for the check is not empty: it has {object}; give the check new ones, nothing was changed"
                )),
            },
            Err(problem) => problem,
        };
        journey.end().await;
        Err(found)
    }

    /// Ends it; the database is its maker's to drop.
    pub(super) async fn end(self) {
        // The pool would wait for it.
        drop(self.connection.close().await);
        self.pool.close().await;
    }

    pub(super) async fn schema(&mut self) -> Result<Schema, Problem> {
        let entries = DB::catalog(&mut self.connection, table_name(self.migrator)).await;
        entries.map(Schema::new).map_err(|error| other("cannot read the schema", &error))
    }

    pub(super) async fn rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, sqlx::Error> {
        DB::rows(&mut self.connection, query).await
    }

    /// How many rows each table has.
    pub(super) async fn counts(&mut self) -> Result<Vec<(String, u64)>, Problem> {
        let tables = DB::tables(&mut self.connection).await.map_err(|error| other("cannot list the tables", &error))?;
        let mut counts = Vec::new();
        for table in tables.into_iter().filter(|table| table != table_name(self.migrator)) {
            let query = format!("SELECT count(*) FROM {}", DB::quoted(&table));
            let rows =
                self.rows(&query).await.map_err(|error| other(&format!("cannot count the rows of {table}"), &error))?;
            let count = rows.into_iter().flatten().flatten().next().and_then(|count| count.parse().ok());
            counts.push((table, count.unwrap_or(0)));
        }
        Ok(counts)
    }

    /// Runs a script that belongs to nobody's migrations.
    pub(super) async fn script(&mut self, script: &str) -> Result<(), crate::database::script_failure::ScriptFailure> {
        DB::run_script(&mut self.connection, script).await?;
        self.done.push(Done::Script(script.to_owned()));
        Ok(())
    }

    /// Applies migrations up to a version.
    pub(super) async fn up(
        &mut self,
        migration: &Migration,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
    ) -> Result<(), Problem> {
        match DB::migrate_to(&mut self.connection, self.migrator, migration.version).await {
            Ok(()) => {
                self.done.push(Done::Migrated(self.migrator, migration.version));
                Ok(())
            }
            Err(error) => Err(self.failure(migration, &error, empty).await),
        }
    }

    /// Undoes a version; those above it are undone already.
    pub(super) async fn down(
        &mut self,
        version: i64,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
    ) -> Result<(), Problem> {
        let Some(migration) = down(self.migrator, version) else { return Ok(()) };
        let target = before(self.migrator, version);
        match DB::undo_to(&mut self.connection, self.migrator, target).await {
            Ok(()) => {
                self.done.push(Done::Undone(self.migrator, target));
                Ok(())
            }
            Err(error) => Err(self.failure(migration, &error, empty).await),
        }
    }

    /// Runs what there is to run, as an application does when it starts.
    pub(super) async fn run(&mut self, version: i64) -> Result<(), String> {
        let run = DB::migrate_to(&mut self.connection, self.migrator, version).await;
        run.map_err(|error| describe(&error))
    }

    /// Goes on with other migrations.
    pub(super) fn follow(&mut self, migrator: &'m Migrator) {
        self.migrator = migrator;
    }

    /// The migration, the statement and the words of the database.
    async fn failure(
        &self,
        migration: &Migration,
        error: &MigrateError,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
    ) -> Problem {
        // sqlx tells which migration failed, but not where in it; another database is brought to the same point.
        let located = match empty().await {
            Ok(pool) => {
                let located = self.locate(migration, &pool).await;
                pool.close().await;
                located
            }
            Err(_) => None,
        };
        let step = Step::of(migration, self.folder);
        let (line, statement) = located.map_or((None, None), |(line, statement)| (Some(line), Some(statement)));
        Problem::Failed { step, round: self.round.clone(), message: describe(error), line, statement }
    }

    async fn locate(&self, migration: &Migration, pool: &Pool<DB>) -> Option<(usize, String)> {
        let mut connection = pool.acquire().await.ok()?;
        for done in &self.done {
            match done {
                Done::Migrated(migrator, version) => {
                    DB::migrate_to(&mut connection, migrator, *version).await.ok()?;
                }
                Done::Undone(migrator, version) => DB::undo_to(&mut connection, migrator, *version).await.ok()?,
                Done::Script(script) => DB::run_script(&mut connection, script).await.ok()?,
            }
        }
        let script = migration.sql.as_str();
        let failure = if migration.no_tx {
            DB::run_script(&mut connection, script).await.err()
        } else {
            let mut transaction = connection.begin().await.ok()?;
            DB::run_script(&mut transaction, script).await.err()
        };
        // A connection whose transaction failed half-way is of no use to a pool.
        drop(connection.close().await);
        let (line, statement) = failure?.place(script, DB::DIALECT)?;
        Some((line, excerpt(statement)))
    }
}

fn table_name(migrator: &Migrator) -> &str {
    migrator.table_name.trim_start_matches("public.")
}

fn other(action: &str, error: &sqlx::Error) -> Problem {
    Problem::Other(format!("{action}: {}", describe(error)))
}
