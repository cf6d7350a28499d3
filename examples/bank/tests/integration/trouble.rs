//! Trouble: locks that nobody gives back, a pool without connections, and connections that break.

use std::time::Duration;

use bank::Config;
use bank::retry::Retries;
use itest::prelude::*;
use sqlx::postgres::PgPool;

use crate::books::{Books, keys_in_the_ledger};
use crate::fixtures::{Bank, BankDb, config, problem};
use crate::sessions::{somebody, somebody_who_stops_entries, until_waiting};

/// Longer than anything takes that does not have to wait, also on a machine that is busy.
const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(20);

#[integration_test(tags("smoke"), covers("POST /transfers"))]
#[case::for_a_lock(Config { lock_timeout: SHORT, statement_timeout: LONG, ..config() }, "locked")]
#[case::altogether(Config { lock_timeout: LONG, statement_timeout: SHORT, ..config() }, "too-busy")]
async fn a_transfer_waits_only_so_long(
    db: &BankDb,
    data: &Data,
    teardown: &Teardown,
    #[case] config: Config,
    #[case] expected: &str,
) -> Result<()> {
    #[arrange]
    let bank = Bank::start(db.url(), &config, teardown).await?;
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    let somebody = somebody(&db.pool(), &format!("SELECT FROM account WHERE id = {bob} FOR UPDATE")).await?;

    #[act("while somebody has the account, and after it")]
    let meanwhile = bank.transfer("rent", ada, bob, 10).await?;
    let in_the_ledger = keys_in_the_ledger(&db.pool(), "rent").await?;
    somebody.rollback().await?;
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
async fn a_bank_without_a_free_connection_says_so(db: &BankDb, data: &Data, teardown: &Teardown) -> Result<()> {
    #[arrange("the only connection waits for somebody")]
    let config = Config { connections: 1, acquire_timeout: SHORT, lock_timeout: LONG, ..config() };
    let bank = Bank::start(db.url(), &config, teardown).await?;
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    let somebody = somebody_who_stops_entries(&db.pool()).await?;
    let sent = tokio::spawn(bank.transfer("rent", ada, bob, 10).send());
    until_waiting(&db.pool(), 1).await?;

    #[act]
    let meanwhile = bank.client.get(format!("/accounts/{ada}")).await?;
    somebody.rollback().await?;
    let response = sent.await??;

    #[assert]
    meanwhile.assert_status(503).assert_header("retry-after", "1").assert_json("/type", "/problems/too-busy");
    response.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    Ok(())
}

#[integration_test(tags("smoke"), covers("POST /transfers"))]
async fn a_transfer_whose_connection_is_killed_leaves_nothing(
    db: &BankDb,
    data: &Data,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange("the only connection is in the middle of a transfer: the balance is changed, the entry is not yet there")]
    let bank = Bank::start(db.url(), &Config { connections: 1, ..config() }, teardown).await?;
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    let somebody = somebody_who_stops_entries(&db.pool()).await?;
    let sent = tokio::spawn(bank.transfer("rent", ada, bob, 10).send());
    let waiting = until_waiting(&db.pool(), 1).await?;

    #[act("it is killed, and the transfer is sent again")]
    kill(&db.pool(), &waiting).await?;
    let killed = sent.await??;
    let in_the_ledger = keys_in_the_ledger(&db.pool(), "rent").await?;
    let balances = (bank.balance(ada).await?, bank.balance(bob).await?);
    somebody.rollback().await?;
    let again = bank.transfer("rent", ada, bob, 10).await?;

    #[assert]
    killed.assert_status(503).assert_header("retry-after", "1").assert_json("/type", "/problems/lost");
    assert_eq!((in_the_ledger.len(), balances), (0, (100, 0)));
    again.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    assert_eq!(Books::read(&db.pool()).await?, Books::BALANCED);
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
