//! Whatever a test does to its database, the next one finds a fresh one: the same 200 generated histories under every isolation.
//!
//! Truncating a table takes a server that waits for its disk some milliseconds: 500 of them took two minutes there.

use std::sync::OnceLock;
use std::time::Duration;

use itest::TestInfo;
use itest::mysql::{Cloned, Mysql, Recycled, Schema};
use itest::prelude::*;
use sqlx::{AssertSqlSafe, Connection, MySqlConnection, MySqlPool};

use crate::generated::{Act, History, Way};
use crate::schema::Shop;
use crate::snapshot::{Snapshot, differences, snapshot};
use crate::statements::STATEMENTS;

/// What a fresh database looks like, seen by the first test of this worker in a clone that nobody has used.
static FRESH: OnceLock<Snapshot> = OnceLock::new();

/// So long an act may wait for what another one holds.
const PATIENCE: Duration = Duration::from_millis(400);

async fn live(history: &History, pool: &MySqlPool, url: &str) {
    for act in &history.acts {
        let _ = tokio::time::timeout(PATIENCE, run(act, pool, url)).await;
    }
}

async fn run(Act { way, statements }: &Act, pool: &MySqlPool, url: &str) {
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
            let Ok(mut own) = MySqlConnection::connect(url).await else { return };
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

async fn run_on(connection: &mut MySqlConnection, statements: &[String]) {
    for sql in statements {
        let _ = sqlx::raw_sql(AssertSqlSafe(sql.as_str())).execute(&mut *connection).await;
    }
}

async fn finds_a_fresh_one_and_leaves_another<S: Schema>(
    db: &Mysql<S>,
    info: &TestInfo,
    digits: [u64; 3],
) -> Result<()> {
    let seen = snapshot(&db.pool()).await?;
    let fresh = FRESH.get_or_init(|| seen.clone());
    let differences = differences(fresh, &seen);
    assert!(differences.is_empty(), "{} differs from a fresh database:\n{}", db.name(), differences.join("\n"));
    let number = digits.iter().fold(0, |number, digit| 10 * number + digit);
    let history = History::draw(info.seed().0, number, STATEMENTS, |_, ()| true);
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
                #[values(0, 1)] hundreds: u64,
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
    recycled: Mysql<Recycled<Shop>>;
    cloned: Mysql<Cloned<Shop>>;
}
