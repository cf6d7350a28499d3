//! After every generated history, the next test gets a database in its first state: the same 500 histories under every isolation.
//!
//! Statements that an isolation cannot revert in principle are left out: for `Transaction`, those that need a second connection of the
//! pool; for `Schema`, those that change objects which all schemas of a database share.

use std::sync::OnceLock;
use std::time::Duration;

use itest::TestInfo;
use itest::postgres::{Cloned, InSchema, InTransaction, Isolation, Postgres, Recycled, Schema};
use itest::prelude::*;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

use crate::generated::{Action, History, Way};
use crate::schema::{Shop, ShopInASchema};
use crate::snapshot::{Extent, Snapshot, differences, snapshot};
use crate::statements::{Reach, STATEMENTS};

/// The snapshot of a new database, taken by the first test of this worker.
static FRESH: OnceLock<Snapshot> = OnceLock::new();

/// The snapshot of a new schema.
static FRESH_SCHEMA: OnceLock<Snapshot> = OnceLock::new();

/// How long an action may take. It may wait for a lock of another one.
const ACTION_TIMEOUT: Duration = Duration::from_millis(400);

/// Whether an isolation can revert a statement that is executed in this way.
fn can_revert(isolation: Isolation, way: Way, reach: Reach) -> bool {
    match isolation {
        Isolation::Transaction => way != Way::Two,
        Isolation::Schema => reach == Reach::Schema,
        _ => true,
    }
}

async fn execute_history(history: &History, pool: &PgPool, url: &str) {
    for action in &history.actions {
        let _ = tokio::time::timeout(ACTION_TIMEOUT, run(action, pool, url)).await;
    }
}

async fn run(Action { way, statements }: &Action, pool: &PgPool, url: &str) {
    match way {
        Way::Pool => {
            for sql in statements {
                let _ = sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(pool).await;
            }
        }
        Way::Connection => {
            let Ok(mut connection) = pool.acquire().await else { return };
            run_on(&mut connection, statements).await;
        }
        Way::Committed | Way::RolledBack => {
            let Ok(mut transaction) = pool.begin().await else { return };
            run_on(&mut transaction, statements).await;
            let _ = if *way == Way::Committed { transaction.commit().await } else { transaction.rollback().await };
        }
        Way::Separate => {
            let Ok(mut connection) = PgConnection::connect(url).await else { return };
            run_on(&mut connection, statements).await;
            // The connection is not closed. Dropping the value closes only the socket.
        }
        Way::Two => {
            let (Ok(mut one), Ok(mut other)) = (pool.acquire().await, pool.acquire().await) else { return };
            run_on(&mut one, statements).await;
            run_on(&mut other, statements).await;
        }
        Way::Late => {
            let (pool, statements) = (pool.clone(), statements.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(3)).await;
                for sql in statements {
                    let _ = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&pool).await;
                }
            });
        }
    }
}

async fn run_on(connection: &mut PgConnection, statements: &[String]) {
    let _ = connection.execute("SET lock_timeout = '200ms'").await;
    for sql in statements {
        let _ = sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(&mut *connection).await;
    }
}

async fn database_is_fresh_before_a_history<S: Schema>(
    db: &Postgres<S>,
    info: &TestInfo,
    digits: [u64; 3],
) -> Result<()> {
    let (extent, fresh) = match S::ISOLATION {
        Isolation::Schema => (Extent::Schema, &FRESH_SCHEMA),
        _ => (Extent::Database, &FRESH),
    };
    let current = snapshot(&db.pool(), extent).await?;
    let fresh = fresh.get_or_init(|| current.clone());
    let differences = differences(&db.pool(), extent, fresh, &current).await?;
    assert!(differences.is_empty(), "{} differs from a fresh database:\n{}", db.name(), differences.join("\n"));
    let number = digits.iter().fold(0, |number, digit| 10 * number + digit);
    let history = History::draw(info.seed().0, number, STATEMENTS, |way, reach| can_revert(S::ISOLATION, way, reach));
    execute_history(&history, &db.pool(), db.url()).await;
    // If the next test fails, the output of this test shows the history before it.
    history.show(number, db.name());
    Ok(())
}

macro_rules! histories {
    ($($isolation:ident: $database:ty;)+) => {
        $(
            #[integration_test(tags("histories"))]
            async fn $isolation(
                #[values(0, 1, 2, 3, 4)] hundreds: u64,
                #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] tens: u64,
                #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] ones: u64,
                db: &$database,
                info: &TestInfo,
            ) -> Result<()> {
                database_is_fresh_before_a_history(db, info, [hundreds, tens, ones]).await
            }
        )+
    };
}

histories! {
    recycled: Postgres<Recycled<Shop>>;
    cloned: Postgres<Cloned<Shop>>;
    in_a_transaction: Postgres<InTransaction<Shop>>;
    in_a_schema: Postgres<InSchema<ShopInASchema>>;
}
