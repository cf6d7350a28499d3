//! Checks databases that were created in another way: by the released migrations, or by a file with the whole schema.

use std::path::Path;

use sqlx::Pool;
use sqlx_core::migrate::Migrator;

use super::check::Check;
use super::database::MigratedDatabase;
use super::problem::{Problem, Round};
use super::schema::Schemas;
use super::step::{Step, ups};
use crate::backend::Backend;
use crate::database::describe;
use crate::database::script::excerpt;
use itest_runtime::Error;

impl Check<'_> {
    /// Upgrades a database with the released migrations, and compares it with a new one.
    pub(super) async fn upgrade<'j, DB: Backend>(
        &'j self,
        released: &'j Migrator,
        expected: &Schemas,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let mut database = self.open_database(empty, Round::Upgrade).await?;
        let result = self.upgrade_database(released, &mut database, expected, empty, problems).await;
        database.close().await;
        result
    }

    async fn upgrade_database<'j, DB: Backend>(
        &'j self,
        released: &'j Migrator,
        database: &mut MigratedDatabase<'j, DB>,
        expected: &Schemas,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        database.use_migrator(released);
        let mut schemas = Schemas::default();
        let mut is_refused = false;
        for migration in ups(released) {
            database.up(migration, empty).await?;
            schemas.push(migration.version, database.schema().await?);
            let current = ups(self.migrator).into_iter().find(|other| other.version == migration.version);
            match current {
                None => problems.push(Problem::Removed(Step::of(migration, None))),
                Some(current) if current.checksum != migration.checksum => {
                    let (released, edited) = (schemas.after(migration.version), expected.after(migration.version));
                    let difference = released.zip(edited).map(|(released, edited)| released.difference(edited));
                    let difference = difference.filter(|difference| !difference.is_empty());
                    problems.push(Problem::Edited { step: self.step(current), difference });
                }
                Some(_) => continue,
            }
            is_refused = true;
        }
        if !is_refused {
            database.use_migrator(self.migrator);
            for migration in ups(self.migrator) {
                database.up(migration, empty).await?;
            }
            let schema = database.schema().await?;
            let difference = expected.last().map(|last| last.difference(&schema)).unwrap_or_default();
            if let Some(step) = self.responsible_step(expected, &difference) {
                problems.push(Problem::NotRepeated { step, round: Round::Upgrade, difference });
            }
        }
        Ok(())
    }

    /// Compares the schema that a script creates with that of the migrations.
    pub(super) async fn compare<DB: Backend>(
        &self,
        file: &Path,
        expected: &Schemas,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let name = file.display().to_string();
        let script = std::fs::read_to_string(file)
            .map_err(|error| Problem::Other(format!("the schema {name} cannot be read: {error}")))?;
        let mut database = self.open_database(empty, Round::First).await?;
        let result = database.script(&script).await;
        let schema = database.schema().await;
        database.close().await;
        if let Err(failure) = result {
            let location = failure.location(&script, DB::DIALECT);
            let message = describe(&failure.error);
            return Err(Problem::Other(match location {
                Some((line, statement)) => format!("{name}:{line}: {message}\n  in: {}", excerpt(statement)),
                None => format!("{name}: {message}"),
            }));
        }
        let schema = schema?;
        let difference = expected.last().map(|migrated| schema.difference(migrated)).unwrap_or_default();
        if !difference.is_empty() {
            let first = expected.first_responsible_version(&difference).and_then(|version| self.step_of(version));
            problems.push(Problem::Drift { file: name, first, difference });
        }
        Ok(())
    }
}
