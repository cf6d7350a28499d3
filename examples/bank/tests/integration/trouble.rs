//! Failures: locks that are not released, a pool without free connections, and connections that break.

use std::time::Duration;

use bank::Config;
use bank::retry::Retries;
use itest::prelude::*;
use sqlx::postgres::PgPool;

use crate::books::keys_in_the_ledger;
use crate::fixtures::{Bank, BankDb, config, problem};
use crate::sessions::{block_entries, open_transaction, wait_for_blocked_sessions};

/// Longer than any statement that does not wait takes, also on a busy machine.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

#[integration_test(tags("smoke"), covers("POST /transfers"))]
#[case::for_a_lock(Config { lock_timeout: SHORT, statement_timeout: LONG, ..config() }, "locked")]
#[case::altogether(Config { lock_timeout: LONG, statement_timeout: SHORT, ..config() }, "too-busy")]
async fn blocked_transfer_fails_after_its_timeout(
    db: &BankDb,
    data: &Data,
    teardown: &Teardown,
    #[case] config: Config,
    #[case] expected: &str,
) -> Result<()> {
    #[arrange]
    let bank = Bank::start(db.url(), &config, teardown).await?;
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    let blocker = open_transaction(&db.pool(), &format!("SELECT FROM account WHERE id = {bob} FOR UPDATE")).await?;

    #[act("while the account is locked, and afterwards")]
    let meanwhile = bank.transfer("rent", ada, bob, 10).await?;
    let in_the_ledger = keys_in_the_ledger(&db.pool(), "rent").await?;
    blocker.rollback().await?;
    let afterwards = bank.transfer("rent", ada, bob, 10).await?;

    #[assert]
    meanwhile.assert_status(503).assert_header("retry-after", "1");
    assert_eq!((problem(&meanwhile).as_str(), in_the_ledger.len()), (expected, 0));
    assert!(meanwhile.elapsed() >= SHORT, "{:?}", meanwhile.elapsed());
    afterwards.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    assert_eq!(bank.retries().await?, Retries::default());
    Ok(())
}

#[integration_test(covers("POST /transfers", "GET /accounts/{id}"))]
async fn request_without_a_free_connection_gets_503(db: &BankDb, data: &Data, teardown: &Teardown) -> Result<()> {
    #[arrange("the only connection is blocked")]
    let config = Config { connections: 1, acquire_timeout: SHORT, lock_timeout: LONG, ..config() };
    let bank = Bank::start(db.url(), &config, teardown).await?;
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    let blocker = block_entries(&db.pool()).await?;
    let sent = tokio::spawn(bank.transfer("rent", ada, bob, 10).send());
    wait_for_blocked_sessions(&db.pool(), 1).await?;

    #[act]
    let meanwhile = bank.client.get(format!("/accounts/{ada}")).await?;
    blocker.rollback().await?;
    let response = sent.await??;

    #[assert]
    meanwhile.assert_status(503).assert_header("retry-after", "1").assert_json("/type", "/problems/too-busy");
    response.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    Ok(())
}

#[integration_test(tags("smoke"), covers("POST /transfers"))]
async fn killed_connection_leaves_no_partial_transfer(db: &BankDb, data: &Data, teardown: &Teardown) -> Result<()> {
    #[arrange("the only connection is in the middle of a transfer: the balance is changed, and the entry is missing")]
    let bank = Bank::start(db.url(), &Config { connections: 1, ..config() }, teardown).await?;
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    let blocker = block_entries(&db.pool()).await?;
    let sent = tokio::spawn(bank.transfer("rent", ada, bob, 10).send());
    let waiting = wait_for_blocked_sessions(&db.pool(), 1).await?;

    #[act("the connection is killed, and the transfer is sent again")]
    kill(&db.pool(), &waiting).await?;
    let killed = sent.await??;
    let in_the_ledger = keys_in_the_ledger(&db.pool(), "rent").await?;
    let balances = (bank.balance(ada).await?, bank.balance(bob).await?);
    blocker.rollback().await?;
    let again = bank.transfer("rent", ada, bob, 10).await?;

    #[assert]
    killed.assert_status(503).assert_header("retry-after", "1").assert_json("/type", "/problems/lost");
    assert_eq!((in_the_ledger.len(), balances), (0, (100, 0)));
    again.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    Ok(())
}

/// Ends sessions of this test's own database.
async fn kill(pool: &PgPool, sessions: &[i32]) -> Result<()> {
    let kill = sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid = ANY ($1)",
    );
    let killed = kill.bind(sessions).execute(pool).await?;
    assert_eq!(killed.rows_affected(), sessions.len() as u64);
    Ok(())
}
