//! Failures: locks that are not released, a pool without free connections, and connections that break.

use std::time::Duration;

use bank::Config;
use bank::retry::Retries;
use sqlx::postgres::PgPool;

use crate::books::{Books, keys_in_the_ledger};
use crate::fixtures::{Bank, Result, config};
use crate::sessions::{block_entries, open_transaction, wait_for_blocked_sessions};

/// Longer than any statement that does not wait takes, also on a busy machine.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

async fn blocked_transfer(pool: &PgPool, config: &Config, expected: &str) -> Result {
    let bank = Bank::start_with(pool, config).await?;
    let (ada, bob) = (bank.account(100).await?, bank.account(0).await?);
    let blocker = open_transaction(pool, &format!("SELECT FROM account WHERE id = {bob} FOR UPDATE")).await?;

    // While the account is locked, and afterwards.
    let meanwhile = bank.client.transfer("rent", ada, bob, 10).await?;
    let in_the_ledger = keys_in_the_ledger(pool, "rent").await?;
    blocker.rollback().await?;
    let afterwards = bank.client.transfer("rent", ada, bob, 10).await?;

    meanwhile.assert_status(503);
    assert_eq!(meanwhile.header("retry-after"), Some("1"));
    assert_eq!((meanwhile.problem(), in_the_ledger.len()), (expected, 0));
    assert!(meanwhile.elapsed >= SHORT, "{:?}", meanwhile.elapsed);
    afterwards.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    assert_eq!(bank.retries().await?, Retries::default());
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_blocked_by_a_lock_fails_after_its_timeout(pool: PgPool) -> Result {
    blocked_transfer(&pool, &Config { lock_timeout: SHORT, statement_timeout: LONG, ..config() }, "locked").await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_blocked_altogether_fails_after_its_timeout(pool: PgPool) -> Result {
    blocked_transfer(&pool, &Config { lock_timeout: LONG, statement_timeout: SHORT, ..config() }, "too-busy").await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn request_without_a_free_connection_gets_503(pool: PgPool) -> Result {
    // The only connection is blocked.
    let config = Config { connections: 1, acquire_timeout: SHORT, lock_timeout: LONG, ..config() };
    let bank = Bank::start_with(&pool, &config).await?;
    let (ada, bob) = (bank.account(100).await?, bank.account(0).await?);
    let blocker = block_entries(&pool).await?;
    let sent = tokio::spawn(bank.client.transfer("rent", ada, bob, 10));
    wait_for_blocked_sessions(&pool, 1).await?;

    let meanwhile = bank.client.get(&format!("/accounts/{ada}")).await?;
    blocker.rollback().await?;
    let response = sent.await??;

    meanwhile.assert_status(503);
    assert_eq!((meanwhile.header("retry-after"), meanwhile.problem()), (Some("1"), "too-busy"));
    response.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn killed_connection_leaves_no_partial_transfer(pool: PgPool) -> Result {
    // The only connection is in the middle of a transfer: the balance is changed, and the entry is missing.
    let bank = Bank::start_with(&pool, &Config { connections: 1, ..config() }).await?;
    let (ada, bob) = (bank.account(100).await?, bank.account(0).await?);
    let blocker = block_entries(&pool).await?;
    let sent = tokio::spawn(bank.client.transfer("rent", ada, bob, 10));
    let waiting = wait_for_blocked_sessions(&pool, 1).await?;

    // The connection is killed, and the transfer is sent again.
    kill(&pool, &waiting).await?;
    let killed = sent.await??;
    let in_the_ledger = keys_in_the_ledger(&pool, "rent").await?;
    let balances = (bank.balance(ada).await?, bank.balance(bob).await?);
    blocker.rollback().await?;
    let again = bank.client.transfer("rent", ada, bob, 10).await?;

    killed.assert_status(503);
    assert_eq!((killed.header("retry-after"), killed.problem()), (Some("1"), "lost"));
    assert_eq!((in_the_ledger.len(), balances), (0, (100, 0)));
    again.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    assert_eq!(Books::read(&pool).await?, Books::BALANCED);
    bank.stop().await;
    Ok(())
}

/// Ends sessions of this test's own database.
async fn kill(pool: &PgPool, sessions: &[i32]) -> Result {
    let kill = sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid = ANY ($1)",
    );
    let killed = kill.bind(sessions).execute(pool).await?;
    assert_eq!(killed.rows_affected(), sessions.len() as u64);
    Ok(())
}
