//! After every generated history, the next test gets a clean Redis: 400 histories, which change everything on a private server, and only
//! the database on a shared one.

use std::sync::OnceLock;
use std::time::Duration;

use itest::TestInfo;
use itest::prelude::*;
use itest::redis::{Cmd, MultiplexedConnection, Redis, cmd};

use crate::generated::{Action, History, Way};
use crate::reuse::assert_servers_were_reused;
use crate::snapshot::{Snapshot, differences, snapshot_of_database, snapshot_of_server};
use crate::statements::{Reach, STATEMENTS, words};
use crate::workers::{note_worker, run_histories};

/// The snapshot of a new server, taken by the first test of this worker.
static FRESH: OnceLock<Snapshot> = OnceLock::new();

/// How long an action may take, because some commands block.
const ACTION_TIMEOUT: Duration = Duration::from_millis(20);

/// A command in the notation of the histories.
fn command(statement: &str) -> Cmd {
    let words = words(statement);
    let mut command = cmd(&words[0]);
    command.arg(&words[1..]);
    command
}

async fn run_on(connection: &mut MultiplexedConnection, statements: &[String]) {
    for statement in statements {
        let _ = command(statement).exec_async(connection).await;
    }
}

async fn run(Action { way, statements }: &Action, redis: &Redis) {
    let Ok(mut one) = redis.connection().await else { return };
    match way {
        Way::Pool | Way::Connection => run_on(&mut one, statements).await,
        Way::Committed | Way::RolledBack => {
            let _ = cmd("MULTI").exec_async(&mut one).await;
            run_on(&mut one, statements).await;
            let end = if *way == Way::Committed { "EXEC" } else { "DISCARD" };
            let _ = cmd(end).exec_async(&mut one).await;
        }
        // The connection stays open.
        Way::Separate => {
            run_on(&mut one, statements).await;
            std::mem::forget(one);
        }
        Way::Two => {
            let Ok(mut other) = redis.connection().await else { return };
            run_on(&mut one, statements).await;
            run_on(&mut other, statements).await;
        }
        Way::Late => {
            let (client, statements) = (redis.client(), statements.clone());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                for statement in statements {
                    // A client that connects again for each command, as some libraries do.
                    let Ok(mut connection) = client.get_multiplexed_async_connection().await else { return };
                    let _ = command(&statement).exec_async(&mut connection).await;
                }
            });
        }
    }
}

#[integration_test(tags("histories"))]
async fn nested_history(
    #[values(0, 1, 2, 3)] hundreds: u64,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] tens: u64,
    #[values(0, 1, 2, 3, 4, 5, 6, 7, 8, 9)] ones: u64,
    redis: &Redis,
    info: &TestInfo,
) -> Result<()> {
    note_worker()?;
    let is_private = redis.url().contains("127.0.0.1") && redis.database() == 0;
    let mut connection = redis.connection().await?;
    let current = if is_private {
        snapshot_of_server(&mut connection).await?
    } else {
        snapshot_of_database(&mut connection).await?
    };
    drop(connection);
    let fresh = FRESH.get_or_init(|| current.clone());
    let differences = differences(fresh, &current);
    assert!(differences.is_empty(), "{redis:?} differs from a new one:\n{}", differences.join("\n"));
    let number = 100 * hundreds + 10 * tens + ones;
    let history = History::draw(info.seed().0, number, STATEMENTS, |_, reach| is_private || reach == Reach::Database);
    for action in &history.actions {
        let _ = tokio::time::timeout(ACTION_TIMEOUT, run(action, redis)).await;
    }
    // If the next test fails, the output of this test shows the history before it.
    history.show(number, &format!("{redis:?}"));
    Ok(())
}

#[integration_test(timeout = "5m")]
async fn redis_is_clean_after_any_history(dir: &TempDir) -> Result<()> {
    let run = run_histories("histories::nested_history", &[("ITEST_REDIS", "programs")], dir).await?;
    run.assert_green().assert_contains("400 passed");
    assert_servers_were_reused(&run, 100)
}
