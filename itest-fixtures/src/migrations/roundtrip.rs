//! The roundtrips of a check: apply, undo and apply again, without rows and with those of an example.

use sqlx::Pool;
use sqlx_core::migrate::Migration;

use super::check::{Check, DownFiles};
use super::database::MigratedDatabase;
use super::example::{Example, Expectation};
use super::problem::{Problem, Round};
use super::schema::{Difference, Schemas};
use super::step::{EMPTY, Step, before, down, ups};
use crate::backend::Backend;
use crate::database::describe;
use crate::database::script::excerpt;
use itest_runtime::Error;

/// The result of a roundtrip without rows.
#[derive(Debug, Default)]
pub(super) struct Roundtrip {
    /// The schema after each version, up to the failed one.
    pub(super) schemas: Schemas,
    pub(super) undone: usize,
    pub(super) irreversible: Option<Step>,
    /// Whether undoing leaves nothing behind, so that an example can be undone too.
    pub(super) is_reversible: bool,
}

impl Check<'_> {
    /// Applies all migrations, runs them a second time, undoes them, and applies them again. The schema is compared at each step.
    pub(super) async fn roundtrip<DB: Backend>(
        &self,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<Roundtrip, Problem> {
        let mut database = self.open_database(empty, Round::First).await?;
        let mut roundtrip = Roundtrip::default();
        let result = self.run_roundtrip(&mut database, empty, problems, &mut roundtrip).await;
        database.close().await;
        // A failure ends the roundtrip, but not the check.
        problems.extend(result.err());
        Ok(roundtrip)
    }

    async fn run_roundtrip<DB: Backend>(
        &self,
        database: &mut MigratedDatabase<'_, DB>,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
        roundtrip: &mut Roundtrip,
    ) -> Result<(), Problem> {
        let ups = ups(self.migrator);
        roundtrip.schemas.push(EMPTY, database.schema().await?);
        for migration in &ups {
            database.up(migration, empty).await?;
            roundtrip.schemas.push(migration.version, database.schema().await?);
        }
        let last = ups.last().map_or(EMPTY, |migration| migration.version);
        if let Err(message) = database.run(last).await {
            return Err(Problem::SecondRun(message));
        }
        let schema = database.schema().await?;
        let changed = roundtrip.schemas.last().map(|before| before.difference(&schema)).unwrap_or_default();
        if !changed.is_empty() {
            problems.push(Problem::NotIdempotent(changed));
        }

        let known = self.undo_all(database, empty, problems, roundtrip).await?;
        if known.is_empty() {
            self.apply_again(database, empty, problems, roundtrip).await?;
            roundtrip.is_reversible = true;
        }
        Ok(())
    }

    /// Undoes all migrations, and returns the entries that they left behind. Each one is reported once, and not again for each earlier
    /// migration.
    async fn undo_all<DB: Backend>(
        &self,
        database: &mut MigratedDatabase<'_, DB>,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
        roundtrip: &mut Roundtrip,
    ) -> Result<Difference, Problem> {
        let mut known = Difference::default();
        for migration in ups(self.migrator).into_iter().rev() {
            let Some(undo) = down(self.migrator, migration.version) else {
                let step = self.step(migration);
                match self.down_files {
                    DownFiles::Required => problems.push(Problem::NoDown(step)),
                    DownFiles::Optional => roundtrip.irreversible = Some(step),
                }
                break;
            };
            match database.down(migration.version, empty).await {
                Ok(()) => roundtrip.undone += 1,
                // The failure may be caused by entries that another migration left behind.
                Err(_) if !known.is_empty() => break,
                Err(problem) => return Err(problem),
            }
            let schema = database.schema().await?;
            let expected = roundtrip.schemas.after(before(self.migrator, migration.version));
            let difference = expected.map(|expected| expected.difference(&schema)).unwrap_or_default().beyond(&known);
            if !difference.is_empty() {
                known = known.with(difference.clone());
                problems.push(Problem::NotUndone { step: self.step(undo), difference });
            }
        }
        Ok(known)
    }

    async fn apply_again<DB: Backend>(
        &self,
        database: &mut MigratedDatabase<'_, DB>,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
        roundtrip: &Roundtrip,
    ) -> Result<(), Problem> {
        database.round = Round::Again;
        let ups = ups(self.migrator);
        let mut known = Difference::default();
        for migration in &ups[ups.len() - roundtrip.undone..] {
            database.up(migration, empty).await?;
            let schema = database.schema().await?;
            let expected = roundtrip.schemas.after(migration.version);
            let difference = expected.map(|expected| expected.difference(&schema)).unwrap_or_default().beyond(&known);
            if !difference.is_empty() {
                known = known.with(difference.clone());
                let (step, round) = (self.step(migration), Round::Again);
                problems.push(Problem::NotRepeated { step, round, difference });
            }
        }
        Ok(())
    }

    /// Runs the roundtrip with the rows of an example: no row may get lost, and the expectations must hold.
    pub(super) async fn try_example<DB: Backend>(
        &self,
        example: &Example,
        roundtrip: &Roundtrip,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let versions: Vec<_> = ups(self.migrator).iter().map(|migration| migration.version).collect();
        if let Some(version) = example.versions().find(|version| !versions.contains(version)) {
            return Err(Problem::NoVersion { example: example.name.clone(), version, versions });
        }
        // An expectation that is never checked must not pass.
        let blocking =
            ups(self.migrator).into_iter().rfind(|migration| down(self.migrator, migration.version).is_none());
        let unreachable =
            |blocking: &&Migration| example.undone.iter().find(|undone| undone.version <= blocking.version);
        if let Some((blocking, undone)) = blocking.and_then(|blocking| Some((blocking, unreachable(&blocking)?))) {
            let (example, version) = (example.name.clone(), undone.version);
            return Err(Problem::NeverUndone { example, version, blocking: self.step(blocking) });
        }
        let mut database = self.open_database(empty, Round::Example(example.name.clone())).await?;
        let result = self.roundtrip_with_rows(example, &mut database, roundtrip, empty, problems).await;
        database.close().await;
        result
    }

    async fn roundtrip_with_rows<DB: Backend>(
        &self,
        example: &Example,
        database: &mut MigratedDatabase<'_, DB>,
        roundtrip: &Roundtrip,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let (ups, known_problems) = (ups(self.migrator), problems.len());
        for migration in &ups {
            let version = migration.version;
            for (_, script) in example.before.iter().filter(|(at, _)| *at == version) {
                database.script(script).await.map_err(|failure| Problem::BadExample {
                    example: example.name.clone(),
                    action: format!("`{}` before migration {version}", excerpt(script)),
                    message: describe(&failure.error),
                })?;
            }
            let before = database.counts().await?;
            database.up(migration, empty).await?;
            if !self.row_losing_versions.contains(&version) {
                let after = database.counts().await?;
                problems.extend(self.lost_rows(example, migration, &before, &after));
            }
            let expectations = example.after.iter().filter(|expectation| expectation.version == version);
            self.check_expectations(example, migration, expectations, database, problems).await;
        }
        let schema = database.schema().await?;
        let difference = roundtrip.schemas.last().map(|expected| expected.difference(&schema)).unwrap_or_default();
        if let Some(step) = self.responsible_step(&roundtrip.schemas, &difference) {
            problems.push(Problem::NotRepeated { step, round: database.round.clone(), difference });
        }

        // Undoing is skipped if it fails without rows, which is already reported, or if this example has problems, because lost rows cannot
        // come back.
        if !roundtrip.is_reversible || problems.len() > known_problems {
            return Ok(());
        }
        let mut undone = 0;
        for migration in ups.iter().rev() {
            let Some(undo) = down(self.migrator, migration.version) else { break };
            database.down(migration.version, empty).await?;
            undone += 1;
            let expectations = example.undone.iter().filter(|expectation| expectation.version == migration.version);
            self.check_expectations(example, undo, expectations, database, problems).await;
        }
        for migration in &ups[ups.len() - undone..] {
            database.up(migration, empty).await?;
        }
        Ok(())
    }

    fn lost_rows(
        &self,
        example: &Example,
        migration: &Migration,
        before: &[(String, u64)],
        after: &[(String, u64)],
    ) -> Vec<Problem> {
        let lost = before.iter().filter_map(|(table, expected)| {
            let (_, remaining) = after.iter().find(|(other, remaining)| other == table && remaining < expected)?;
            let (table, step) = (table.clone(), self.step(migration));
            Some(Problem::RowsLost {
                example: example.name.clone(),
                step,
                table,
                expected: *expected,
                remaining: *remaining,
            })
        });
        lost.collect()
    }

    async fn check_expectations<'e, DB: Backend>(
        &self,
        example: &Example,
        migration: &Migration,
        expectations: impl Iterator<Item = &'e Expectation>,
        database: &mut MigratedDatabase<'_, DB>,
        problems: &mut Vec<Problem>,
    ) {
        for expectation in expectations {
            let (example, query) = (example.name.clone(), expectation.query.clone());
            match database.rows(&query).await {
                Ok(rows) => problems.extend(expectation.difference(&rows).map(|difference| {
                    let step = self.step(migration);
                    Problem::Unexpected { example, step, query, difference }
                })),
                Err(error) => problems.push(Problem::BadExample {
                    example,
                    action: format!("`{query}` after {}", self.step(migration)),
                    message: describe(&error),
                }),
            }
        }
    }

    /// Opens a new database for migrations.
    pub(super) async fn open_database<'j, DB: Backend>(
        &'j self,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        round: Round,
    ) -> Result<MigratedDatabase<'j, DB>, Problem> {
        let pool = empty().await.map_err(|error| Problem::Other(format!("no empty database can be made: {error}")))?;
        MigratedDatabase::open(self.migrator, self.folder.as_deref(), pool, round).await
    }
}
