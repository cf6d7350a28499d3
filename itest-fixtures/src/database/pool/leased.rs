//! Leases a database to a test.

use std::sync::Arc;

use itest_runtime::{Error, Teardown, TestInfo};

use super::driver::Driver as _;
use super::worker::PoolOf;
use crate::database::connect::Connect;
use crate::database::note_changes;
use crate::database::schema::Schema;
use crate::database::url::DatabaseUrl;

/// A leased database, as a test uses it.
#[derive(Debug)]
pub(crate) struct LeasedDatabase<D: sqlx::Database> {
    pub(crate) pool: sqlx::Pool<D>,
    pub(crate) name: String,
    pub(crate) url: DatabaseUrl,
}

/// Leases a database to a test until its teardown.
///
/// # Errors
///
/// When no database is idle, and none can be created.
pub(crate) async fn lease<S: Schema>(
    pool: &PoolOf<S>,
    info: &TestInfo,
    teardown: &Teardown,
) -> Result<LeasedDatabase<<S::Driver as Connect>::Sqlx>, Error> {
    let pool = Arc::clone(&pool.pool);
    let (database, connections) = pool.take().await?;
    let leased = LeasedDatabase { pool: connections, name: database.name.clone(), url: database.url.clone() };
    // The name of the step contains the client command, for a user who keeps the databases of failed tests.
    let step = format!("give the database back; look at it with {}", database.client_command);
    let before = if info.shows_data() { Some(S::Driver::contents(&pool.context, &database).await?) } else { None };
    let test = info.clone();
    teardown.defer_with(step, move |outcome| async move {
        if let Some(before) = before.filter(|_| !outcome.is_success()) {
            note_changes(&test, &before, S::Driver::contents(&pool.context, &database)).await;
        }
        pool.give_back(database, test.id(), outcome).await
    });
    Ok(leased)
}
