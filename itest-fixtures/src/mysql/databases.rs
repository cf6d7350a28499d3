//! Creates the databases of tests, and restores them after each test.

use std::time::Duration;

use sqlx::Connection;
use sqlx::mysql::{MySqlPool, MySqlPoolOptions};

use itest_runtime::Error;

use super::address::folder_of_database;
use super::connection::{MysqlDriver, connect};
use super::isolation::Isolation;
use super::restore::MysqlSnapshot;
use crate::database::{Context, Database, LEASES, Locate as _, NotRecycled, Prepared, close_pool};

/// How long closing the connections of a pool may take.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(250);

/// The pool of the test that uses the database. Each test has a new pool, because opening a session costs little here.
#[derive(Debug, Default)]
pub(crate) struct Sessions {
    pool: Option<MySqlPool>,
}

impl Sessions {
    /// Closes the pool. Returns whether all of its connections were returned.
    pub(super) async fn close(self) -> bool {
        match self.pool {
            // A task that still has the closed pool gets an error from it.
            Some(pool) => close_pool(&pool, CLOSE_TIMEOUT).await,
            None => true,
        }
    }
}

/// Fills a new database, and takes its snapshot before the first test.
pub(super) async fn prepare(context: &Context<MysqlDriver>, name: &str) -> Result<Prepared<MysqlDriver>, Error> {
    let (address, inventory) = (context.server.address(), &context.blueprint);
    let mut connection = connect(address, Some(name)).await?;
    inventory.copy(&mut connection, name).await?;
    let _ = connection.close().await;
    let snapshot = match context.schema.isolation {
        Isolation::Clone => Err(NotRecycled::new("it is a clone of one test")),
        Isolation::Recycle => {
            // The connection is in another database, because a session in the test's database would count as a session of the test.
            let connection = connect(address, Some(LEASES)).await?;
            Ok(MysqlSnapshot::of(connection, inventory.clone(), name, folder_of_database(address, name)).await?)
        }
    };
    Ok(Prepared { sessions: Sessions::default(), snapshot })
}

/// The connections for a test that begins.
pub(super) fn begin_test(
    context: &Context<MysqlDriver>,
    database: &mut Database<MysqlDriver>,
) -> Result<MySqlPool, Error> {
    let options = (context.schema.options)(MysqlDriver::options(context.server.address(), Some(&database.name))?);
    let connections =
        MySqlPoolOptions::new().idle_timeout(None).max_lifetime(None).max_connections(context.max_connections);
    let connections = connections.connect_lazy_with(options);
    database.sessions.pool = Some(connections.clone());
    Ok(connections)
}

/// Reverts the changes of a test.
pub(super) async fn restore(database: &mut Database<MysqlDriver>) -> Result<(), NotRecycled> {
    let is_closed = std::mem::take(&mut database.sessions).close().await;
    let snapshot = database.snapshot.as_mut().map_err(|not_recycled| not_recycled.clone())?;
    if !is_closed {
        return Err(NotRecycled::new("the test keeps connections of its pool"));
    }
    snapshot.restore().await
}
