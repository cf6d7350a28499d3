//! Whatever a test does to its database, the next one finds a fresh one: the same 500 generated histories under every isolation.
//!
//! What an isolation cannot hold by its nature is left out of them: of `Transaction`, what needs a second connection of the pool; of
//! `Schema`, what all schemas of a database share.

use std::sync::OnceLock;
use std::time::Duration;

use itest::TestInfo;
use itest::postgres::{Cloned, InSchema, InTransaction, Isolation, Postgres, Recycled, Schema};
use itest::prelude::*;
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

use crate::generated::{Act, History, Way};
use crate::schema::{Shop, ShopInASchema};
use crate::snapshot::{Sight, Snapshot, differences, snapshot};
use crate::statements::{Reach, STATEMENTS};

/// What a fresh database looks like, seen by the first test of this worker in a clone that nobody has used.
static FRESH: OnceLock<Snapshot> = OnceLock::new();

/// What a fresh schema looks like.
static FRESH_SCHEMA: OnceLock<Snapshot> = OnceLock::new();

/// So long an act may wait for what another one holds.
const PATIENCE: Duration = Duration::from_millis(400);

/// Whether an isolation can take back what is done so.
fn holds(isolation: Isolation, way: Way, reach: Reach) -> bool {
    match isolation {
        Isolation::Transaction => way != Way::Two,
        Isolation::Schema => reach == Reach::Schema,
        _ => true,
    }
}

async fn live(history: &History, pool: &PgPool, url: &str) {
    for act in &history.acts {
        let _ = tokio::time::timeout(PATIENCE, run(act, pool, url)).await;
    }
}

async fn run(Act { way, statements }: &Act, pool: &PgPool, url: &str) {
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
        Way::Own => {
            let Ok(mut own) = PgConnection::connect(url).await else { return };
            run_on(&mut own, statements).await;
            // Not closed: the socket is, when the value is dropped.
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

async fn finds_a_fresh_one_and_leaves_another<S: Schema>(
    db: &Postgres<S>,
    info: &TestInfo,
    digits: [u64; 3],
) -> Result<()> {
    let (sight, fresh) = match S::ISOLATION {
        Isolation::Schema => (Sight::Schema, &FRESH_SCHEMA),
        _ => (Sight::Database, &FRESH),
    };
    let seen = snapshot(&db.pool(), sight).await?;
    let fresh = fresh.get_or_init(|| seen.clone());
    let differences = differences(&db.pool(), sight, fresh, &seen).await?;
    assert!(differences.is_empty(), "{} differs from a fresh database:\n{}", db.name(), differences.join("\n"));
    let number = digits.iter().fold(0, |number, digit| 10 * number + digit);
    let history = History::draw(info.seed().0, number, STATEMENTS, |way, reach| holds(S::ISOLATION, way, reach));
    live(&history, &db.pool(), db.url()).await;
    // With the next test's failure in mind: what came before it is in the output of the test before.
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
                finds_a_fresh_one_and_leaves_another(db, info, [hundreds, tens, ones]).await
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
