//! The database that a test is given.

use std::any::Any;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use sqlx::postgres::PgPool;

use itest_runtime::__private::{FixtureDescriptor, FunctionKind, Parameter, TestScope};
use itest_runtime::{Error, Fixture, Teardown, TestInfo};

use super::Schema;
use super::shelf::Shelf;
use crate::database::show_changes;

/// A private database, migrated and seeded by `S`, given back after the test.
pub struct Postgres<S> {
    pool: PgPool,
    name: String,
    url: String,
    schema: PhantomData<fn() -> S>,
}

impl<S> Postgres<S> {
    /// A pool of connections to the database; clones share it.
    #[must_use]
    pub fn pool(&self) -> PgPool {
        self.pool.clone()
    }

    /// A URL for code that connects by itself, with everything it needs, also the password.
    ///
    /// What it opens it must close before the test ends: a database with foreign sessions in it is not used again.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl<S> fmt::Debug for Postgres<S> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the URL: it may hold a password.
        formatter.debug_struct("Postgres").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<S: Schema> Postgres<S> {
    async fn lease(shelf: &Shelf<S>, info: &TestInfo, teardown: &Teardown) -> Result<Self, Error> {
        let stock = Arc::clone(&shelf.stock);
        let leased = stock.take().await?;
        let (pool, name, url) = (leased.pool.clone(), leased.name.clone(), leased.url.clone());
        // Who keeps what a failed test has taken wants to look at it.
        let step = format!("give the database back; look at it with {}", leased.client_command);
        let before = if info.shows_data() { Some(stock.contents(&leased).await?) } else { None };
        let database = Self { pool, name, url, schema: PhantomData };
        teardown.defer_with(step, move |outcome| async move {
            if let Some(before) = before.filter(|_| !outcome.is_success()) {
                show_changes(&before, stock.contents(&leased)).await;
            }
            stock.give_back(leased, outcome).await
        });
        Ok(database)
    }
}

#[diagnostic::do_not_recommend]
impl<S: Schema> Fixture for Postgres<S> {
    type Scope = TestScope;

    fn descriptor() -> &'static FixtureDescriptor {
        const {
            &FixtureDescriptor::of::<Self>(
                FunctionKind::Async,
                const {
                    &[
                        Parameter::shared::<Shelf<S>, TestScope>(),
                        Parameter::shared::<TestInfo, TestScope>(),
                        Parameter::shared::<Teardown, TestScope>(),
                    ]
                },
                |inputs| {
                    Box::pin(async move {
                        let [shelf, info, teardown] = inputs.slots();
                        let database = Self::lease(shelf.shared(), info.shared(), teardown.shared()).await?;
                        Ok(Box::new(database) as Box<dyn Any>)
                    })
                },
            )
        }
    }
}
