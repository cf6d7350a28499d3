//! The tours that are made: up, down and up again, without rows and with those of an example.

use sqlx::Pool;
use sqlx::migrate::Migration;

use super::check::{Check, Down};
use super::example::{Example, Expectation};
use super::journey::Journey;
use super::problem::{Problem, Round};
use super::schema::{Difference, Schemas};
use super::step::{EMPTY, Step, before, down, ups};
use crate::backend::Backend;
use crate::database::describe;
use crate::database::script::excerpt;
use itest_runtime::Error;

/// What a tour without rows has found.
#[derive(Debug, Default)]
pub(super) struct Toured {
    /// After each version; up to the one that failed.
    pub(super) schemas: Schemas,
    pub(super) undone: usize,
    pub(super) irreversible: Option<Step>,
    /// The way down is clear: an example may take it, too.
    pub(super) returns: bool,
}

impl Check<'_> {
    /// Every migration up, a second run, every migration down, and up again; the schema is compared at each step.
    pub(super) async fn tour<DB: Backend>(
        &self,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<Toured, Problem> {
        let mut journey = self.journey(empty, Round::First).await?;
        let mut toured = Toured::default();
        let done = self.go(&mut journey, empty, problems, &mut toured).await;
        journey.end().await;
        // What fails ends the tour, but not the check.
        problems.extend(done.err());
        Ok(toured)
    }

    async fn go<DB: Backend>(
        &self,
        journey: &mut Journey<'_, DB>,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
        toured: &mut Toured,
    ) -> Result<(), Problem> {
        let ups = ups(self.migrator);
        toured.schemas.push(EMPTY, journey.schema().await?);
        for migration in &ups {
            journey.up(migration, empty).await?;
            toured.schemas.push(migration.version, journey.schema().await?);
        }
        let last = ups.last().map_or(EMPTY, |migration| migration.version);
        if let Err(message) = journey.run(last).await {
            return Err(Problem::SecondRun(message));
        }
        let schema = journey.schema().await?;
        let changed = toured.schemas.last().map(|before| before.difference(&schema)).unwrap_or_default();
        if !changed.is_empty() {
            problems.push(Problem::NotIdempotent(changed));
        }

        let known = self.go_down(journey, empty, problems, toured).await?;
        if known.is_empty() {
            self.go_up_again(journey, empty, problems, toured).await?;
            toured.returns = true;
        }
        Ok(())
    }

    /// What the migrations have left behind. Each thing is told once, and not again of each migration below.
    async fn go_down<DB: Backend>(
        &self,
        journey: &mut Journey<'_, DB>,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
        toured: &mut Toured,
    ) -> Result<Difference, Problem> {
        let mut known = Difference::default();
        for migration in ups(self.migrator).into_iter().rev() {
            let Some(undo) = down(self.migrator, migration.version) else {
                let step = self.step(migration);
                match self.down {
                    Down::Required => problems.push(Problem::NoDown(step)),
                    Down::Welcome => toured.irreversible = Some(step),
                }
                break;
            };
            match journey.down(migration.version, empty).await {
                Ok(()) => toured.undone += 1,
                // It may well stumble over what another one has left.
                Err(_) if !known.is_empty() => break,
                Err(problem) => return Err(problem),
            }
            let schema = journey.schema().await?;
            let expected = toured.schemas.after(before(self.migrator, migration.version));
            let difference = expected.map(|expected| expected.difference(&schema)).unwrap_or_default().beyond(&known);
            if !difference.is_empty() {
                known = known.with(difference.clone());
                problems.push(Problem::NotUndone { step: self.step(undo), difference });
            }
        }
        Ok(known)
    }

    async fn go_up_again<DB: Backend>(
        &self,
        journey: &mut Journey<'_, DB>,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
        toured: &Toured,
    ) -> Result<(), Problem> {
        journey.round = Round::Again;
        let ups = ups(self.migrator);
        let mut known = Difference::default();
        for migration in &ups[ups.len() - toured.undone..] {
            journey.up(migration, empty).await?;
            let schema = journey.schema().await?;
            let expected = toured.schemas.after(migration.version);
            let difference = expected.map(|expected| expected.difference(&schema)).unwrap_or_default().beyond(&known);
            if !difference.is_empty() {
                known = known.with(difference.clone());
                let (step, round) = (self.step(migration), Round::Again);
                problems.push(Problem::NotRepeated { step, round, difference });
            }
        }
        Ok(())
    }

    /// The same with rows: none may get lost, and the expectations must hold.
    pub(super) async fn try_example<DB: Backend>(
        &self,
        example: &Example,
        toured: &Toured,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let versions: Vec<_> = ups(self.migrator).iter().map(|migration| migration.version).collect();
        if let Some(version) = example.versions().find(|version| !versions.contains(version)) {
            return Err(Problem::NoVersion { example: example.name.clone(), version, versions });
        }
        // An expectation that nobody looks at must not pass.
        let blocking =
            ups(self.migrator).into_iter().rfind(|migration| down(self.migrator, migration.version).is_none());
        let unseen = |blocking: &&Migration| example.undone.iter().find(|undone| undone.version <= blocking.version);
        if let Some((blocking, undone)) = blocking.and_then(|blocking| Some((blocking, unseen(&blocking)?))) {
            let (example, version) = (example.name.clone(), undone.version);
            return Err(Problem::NeverUndone { example, version, blocking: self.step(blocking) });
        }
        let mut journey = self.journey(empty, Round::Example(example.name.clone())).await?;
        let done = self.go_with_rows(example, &mut journey, toured, empty, problems).await;
        journey.end().await;
        done
    }

    async fn go_with_rows<DB: Backend>(
        &self,
        example: &Example,
        journey: &mut Journey<'_, DB>,
        toured: &Toured,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        problems: &mut Vec<Problem>,
    ) -> Result<(), Problem> {
        let (ups, told) = (ups(self.migrator), problems.len());
        for migration in &ups {
            let version = migration.version;
            for (_, script) in example.before.iter().filter(|(at, _)| *at == version) {
                journey.script(script).await.map_err(|failure| Problem::BadExample {
                    example: example.name.clone(),
                    action: format!("`{}` before migration {version}", excerpt(script)),
                    message: describe(&failure.error),
                })?;
            }
            let counted = journey.counts().await?;
            journey.up(migration, empty).await?;
            if !self.losing.contains(&version) {
                let left = journey.counts().await?;
                problems.extend(self.lost(example, migration, &counted, &left));
            }
            let expectations = example.after.iter().filter(|expectation| expectation.version == version);
            self.expect(example, migration, expectations, journey, problems).await;
        }
        let schema = journey.schema().await?;
        let difference = toured.schemas.last().map(|expected| expected.difference(&schema)).unwrap_or_default();
        if let Some(step) = self.at_fault(&toured.schemas, &difference) {
            problems.push(Problem::NotRepeated { step, round: journey.round.clone(), difference });
        }

        // What does not find back without rows has been told, and what is not there any more cannot come back.
        if !toured.returns || problems.len() > told {
            return Ok(());
        }
        let mut undone = 0;
        for migration in ups.iter().rev() {
            let Some(undo) = down(self.migrator, migration.version) else { break };
            journey.down(migration.version, empty).await?;
            undone += 1;
            let expectations = example.undone.iter().filter(|expectation| expectation.version == migration.version);
            self.expect(example, undo, expectations, journey, problems).await;
        }
        for migration in &ups[ups.len() - undone..] {
            journey.up(migration, empty).await?;
        }
        Ok(())
    }

    fn lost(
        &self,
        example: &Example,
        migration: &Migration,
        counted: &[(String, u64)],
        left: &[(String, u64)],
    ) -> Vec<Problem> {
        let lost = counted.iter().filter_map(|(table, expected)| {
            let (_, found) = left.iter().find(|(other, found)| other == table && found < expected)?;
            let (table, step) = (table.clone(), self.step(migration));
            Some(Problem::RowsLost { example: example.name.clone(), step, table, expected: *expected, found: *found })
        });
        lost.collect()
    }

    async fn expect<'e, DB: Backend>(
        &self,
        example: &Example,
        migration: &Migration,
        expectations: impl Iterator<Item = &'e Expectation>,
        journey: &mut Journey<'_, DB>,
        problems: &mut Vec<Problem>,
    ) {
        for expectation in expectations {
            let (example, query) = (example.name.clone(), expectation.query.clone());
            match journey.rows(&query).await {
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

    /// A journey on a new database.
    pub(super) async fn journey<'j, DB: Backend>(
        &'j self,
        empty: &mut impl AsyncFnMut() -> Result<Pool<DB>, Error>,
        round: Round,
    ) -> Result<Journey<'j, DB>, Problem> {
        let pool = empty().await.map_err(|error| Problem::Other(format!("no empty database can be made: {error}")))?;
        Journey::begin(self.migrator, self.folder.as_deref(), pool, round).await
    }
}
