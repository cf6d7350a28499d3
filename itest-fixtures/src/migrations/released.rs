//! Databases that came into being otherwise: by the migrations that were released, or by a file with the whole schema.

use std::path::Path;

use sqlx::Pool;
use sqlx::migrate::Migrator;

use super::check::Check;
use super::journey::Journey;
use super::problem::{Problem, Round};
use super::schema::Schemas;
use super::step::{Step, ups};
use crate::backend::Backend;
use crate::database::describe;
use crate::database::script::excerpt;
use itest_runtime::Error;

impl Check<'_> {
    /// A database of the released migrations is upgraded, and must become what a fresh one is.
    pub(super) async fn upgrade<'j, DB: Backend>(
        &'j self,
        released: &'j Migrator,
        fresh: &Schemas,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let mut journey = self.journey(empty, Round::Upgrade).await?;
        let done = self.go_on(released, &mut journey, fresh, empty, problems).await;
        journey.end().await;
        done
    }

    async fn go_on<'j, DB: Backend>(
        &'j self,
        released: &'j Migrator,
        journey: &mut Journey<'j, DB>,
        fresh: &Schemas,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        journey.follow(released);
        let mut schemas = Schemas::default();
        let mut refused = false;
        for migration in ups(released) {
            journey.up(migration, empty).await?;
            schemas.push(migration.version, journey.schema().await?);
            let now = ups(self.migrator).into_iter().find(|other| other.version == migration.version);
            match now {
                None => problems.push(Problem::Removed(Step::of(migration, None))),
                Some(now) if now.checksum != migration.checksum => {
                    let (was, is) = (schemas.after(migration.version), fresh.after(migration.version));
                    let difference = was.zip(is).map(|(was, is)| was.difference(is));
                    let difference = difference.filter(|difference| !difference.is_empty());
                    problems.push(Problem::Edited { step: self.step(now), difference });
                }
                Some(_) => continue,
            }
            refused = true;
        }
        if !refused {
            journey.follow(self.migrator);
            for migration in ups(self.migrator) {
                journey.up(migration, empty).await?;
            }
            let schema = journey.schema().await?;
            let difference = fresh.last().map(|expected| expected.difference(&schema)).unwrap_or_default();
            if let Some(step) = self.at_fault(fresh, &difference) {
                problems.push(Problem::NotRepeated { step, round: Round::Upgrade, difference });
            }
        }
        Ok(())
    }

    /// A database that a file has made must be what the migrations make.
    pub(super) async fn compare<DB: Backend>(
        &self,
        file: &Path,
        fresh: &Schemas,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let name = file.display().to_string();
        let script = std::fs::read_to_string(file)
            .map_err(|error| Problem::Other(format!("the schema {name} cannot be read: {error}")))?;
        let mut journey = self.journey(empty, Round::First).await?;
        let made = journey.script(&script).await;
        let schema = journey.schema().await;
        journey.end().await;
        if let Err(failure) = made {
            let place = failure.place(&script, DB::DIALECT);
            let message = describe(&failure.error);
            return Err(Problem::Other(match place {
                Some((line, statement)) => format!("{name}:{line}: {message}\n  in: {}", excerpt(statement)),
                None => format!("{name}: {message}"),
            }));
        }
        let schema = schema?;
        let difference = fresh.last().map(|migrated| schema.difference(migrated)).unwrap_or_default();
        if !difference.is_empty() {
            let first = fresh.first_at_fault(&difference).and_then(|version| self.step_of(version));
            problems.push(Problem::Drift { file: name, first, difference });
        }
        Ok(())
    }
}
