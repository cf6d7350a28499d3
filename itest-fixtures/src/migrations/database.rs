//! A database that migrations are applied to and undone on. It records each action, so that a failure can be repeated on another database.

use std::path::Path;

use sqlx::pool::PoolConnection;
use sqlx::{Connection as _, Pool};
use sqlx_core::migrate::{MigrateError, Migration, Migrator};

use super::problem::{Problem, Round};
use super::schema::Schema;
use super::step::{Step, before, down};
use crate::backend::Backend;
use crate::database::describe;
use crate::database::script::excerpt;
use itest_runtime::Error;

/// An action on a database.
#[derive(Debug, Clone)]
enum Action<'m> {
    MigrateTo(&'m Migrator, i64),
    UndoTo(&'m Migrator, i64),
    Script(String),
}

/// A database that migrations are applied to, with the recorded actions.
pub(super) struct MigratedDatabase<'m, DB: Backend> {
    migrator: &'m Migrator,
    folder: Option<&'m Path>,
    pool: Pool<DB>,
    connection: PoolConnection<DB>,
    actions: Vec<Action<'m>>,
    pub(super) round: Round,
}

impl<'m, DB: Backend> MigratedDatabase<'m, DB> {
    /// Opens an empty database. A database that is not empty is refused and not changed.
    pub(super) async fn open(
        migrator: &'m Migrator,
        folder: Option<&'m Path>,
        pool: Pool<DB>,
        round: Round,
    ) -> Result<Self, Problem> {
        let connection =
            pool.acquire().await.map_err(|error| problem("cannot connect to the empty database", &error))?;
        let mut database = Self { migrator, folder, pool, connection, actions: Vec::new(), round };
        let problem = match database.schema().await {
            Ok(schema) => match schema.first_object() {
                None => return Ok(database),
                Some(object) => Problem::Other(format!(
                    "the database for the check is not empty: it has {object}; give the check new ones, nothing was changed"
                )),
            },
            Err(problem) => problem,
        };
        database.close().await;
        Err(problem)
    }

    /// Closes the connection and the pool. The caller that created the database drops it.
    pub(super) async fn close(self) {
        // The connection is closed first, because the pool would wait for it.
        drop(self.connection.close().await);
        self.pool.close().await;
    }

    pub(super) async fn schema(&mut self) -> Result<Schema, Problem> {
        let entries = DB::catalog(&mut self.connection, table_name(self.migrator)).await;
        entries.map(Schema::new).map_err(|error| problem("cannot read the schema", &error))
    }

    pub(super) async fn rows(&mut self, query: &str) -> Result<Vec<Vec<Option<String>>>, sqlx::Error> {
        DB::rows(&mut self.connection, query).await
    }

    /// Counts the rows of each table.
    pub(super) async fn counts(&mut self) -> Result<Vec<(String, u64)>, Problem> {
        let tables =
            DB::tables(&mut self.connection).await.map_err(|error| problem("cannot list the tables", &error))?;
        let mut counts = Vec::new();
        for table in tables.into_iter().filter(|table| table != table_name(self.migrator)) {
            let query = format!("SELECT count(*) FROM {}", DB::quoted(&table));
            let rows = self
                .rows(&query)
                .await
                .map_err(|error| problem(&format!("cannot count the rows of {table}"), &error))?;
            let count = rows.into_iter().flatten().flatten().next().and_then(|count| count.parse().ok());
            counts.push((table, count.unwrap_or(0)));
        }
        Ok(counts)
    }

    /// Runs a script that is not a migration.
    pub(super) async fn script(&mut self, script: &str) -> Result<(), crate::database::script_failure::ScriptFailure> {
        DB::run_script(&mut self.connection, script).await?;
        self.actions.push(Action::Script(script.to_owned()));
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
                self.actions.push(Action::MigrateTo(self.migrator, migration.version));
                Ok(())
            }
            Err(error) => Err(self.describe_failure(migration, &error, empty).await),
        }
    }

    /// Undoes a version. All later versions are already undone.
    pub(super) async fn down(
        &mut self,
        version: i64,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
    ) -> Result<(), Problem> {
        let Some(migration) = down(self.migrator, version) else { return Ok(()) };
        let target = before(self.migrator, version);
        match DB::undo_to(&mut self.connection, self.migrator, target).await {
            Ok(()) => {
                self.actions.push(Action::UndoTo(self.migrator, target));
                Ok(())
            }
            Err(error) => Err(self.describe_failure(migration, &error, empty).await),
        }
    }

    /// Runs the pending migrations, in the way an application does when it starts.
    pub(super) async fn run(&mut self, version: i64) -> Result<(), String> {
        let run = DB::migrate_to(&mut self.connection, self.migrator, version).await;
        run.map_err(|error| describe(&error))
    }

    /// Continues with the migrations of another migrator.
    pub(super) fn use_migrator(&mut self, migrator: &'m Migrator) {
        self.migrator = migrator;
    }

    /// Describes a failure: the migration, the statement and the message of the database.
    async fn describe_failure(
        &self,
        migration: &Migration,
        error: &MigrateError,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
    ) -> Problem {
        // sqlx reports which migration failed, but not the statement. Therefore the recorded actions are repeated on another database, and
        // the migration runs there as a script.
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
        for action in &self.actions {
            match action {
                Action::MigrateTo(migrator, version) => {
                    DB::migrate_to(&mut connection, migrator, *version).await.ok()?;
                }
                Action::UndoTo(migrator, version) => DB::undo_to(&mut connection, migrator, *version).await.ok()?,
                Action::Script(script) => DB::run_script(&mut connection, script).await.ok()?,
            }
        }
        let script = migration.sql.as_str();
        let failure = if migration.no_tx {
            DB::run_script(&mut connection, script).await.err()
        } else {
            let mut transaction = connection.begin().await.ok()?;
            DB::run_script(&mut transaction, script).await.err()
        };
        // The connection is not returned to the pool, because its transaction has failed.
        drop(connection.close().await);
        let (line, statement) = failure?.location(script, DB::DIALECT)?;
        Some((line, excerpt(statement)))
    }
}

fn table_name(migrator: &Migrator) -> &str {
    migrator.table_name.trim_start_matches("public.")
}

fn problem(action: &str, error: &sqlx::Error) -> Problem {
    Problem::Other(format!("{action}: {}", describe(error)))
}
