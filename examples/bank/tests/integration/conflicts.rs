//! Conflicts: transactions that the database aborts because of other transactions, and that the bank retries.

use bank::Config;
use bank::retry::Retries;
use itest::prelude::*;
use sqlx::AssertSqlSafe;
use sqlx::error::DatabaseError;
use sqlx::postgres::{PgConnectOptions, PgPool};

use crate::books::keys_in_the_ledger;
use crate::fixtures::{Bank, BankDb, OwnBankDb, config, problem};
use crate::sessions::{open_transaction, wait_for_blocked_sessions};

const NONE: Retries = Retries { serialization_failures: 0, deadlocks: 0, given_up: 0 };

/// This test uses the database without the bank. It shows the error that the bank must handle.
#[integration_test]
async fn one_of_two_unserializable_transactions_fails(db: &BankDb) -> Result<()> {
    #[arrange("each transaction reads what the other one writes")]
    let begin = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT sum(credit_limit) FROM account";
    let mut one = open_transaction(&db.pool(), begin).await?;
    let mut other = open_transaction(&db.pool(), begin).await?;
    sqlx::query("UPDATE account SET credit_limit = 1 WHERE id = 1").execute(&mut *one).await?;
    sqlx::query("UPDATE account SET credit_limit = 1 WHERE id = 2").execute(&mut *other).await?;

    #[act]
    one.commit().await?;
    let committed = other.commit().await;

    #[assert]
    let error = committed.err().ok_or("the second one was committed")?;
    assert_eq!(error.as_database_error().and_then(DatabaseError::code).as_deref(), Some("40001"));
    Ok(())
}

#[integration_test(tags("smoke"), covers("POST /transfers", "GET /retries"))]
async fn transfer_is_retried_after_a_serialization_failure(bank: &Bank, db: &BankDb, data: &Data) -> Result<()> {
    #[arrange("another transaction has changed the account, and has not committed")]
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    let change = format!("UPDATE account SET owner = 'Augusta' WHERE id = {ada}");
    let blocker = open_transaction(&db.pool(), &change).await?;
    let sent = tokio::spawn(bank.transfer("rent", ada, bob, 10).send());
    wait_for_blocked_sessions(&db.pool(), 1).await?;

    #[act]
    blocker.commit().await?;
    let response = sent.await??;

    #[assert]
    response.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    assert_eq!(bank.retries().await?, Retries { serialization_failures: 1, ..NONE });
    Ok(())
}

/// Makes the commits of the first `times` transfers fail.
async fn commits_fail(pool: &PgPool, times: u32, code: &str) -> Result<()> {
    let trouble = format!(
        "CREATE SEQUENCE trouble;
         CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             IF nextval('trouble') <= {times} THEN RAISE EXCEPTION 'trouble' USING ERRCODE = '{code}'; END IF;
             RETURN NULL;
         END $$;
         CREATE CONSTRAINT TRIGGER trouble AFTER INSERT ON transfer
             DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION trouble()"
    );
    sqlx::raw_sql(AssertSqlSafe(trouble)).execute(pool).await?;
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
#[case::none(0, 201)]
#[case::one(1, 201)]
#[case::all_but_the_last(2, 201)]
#[case::every(3, 503)]
async fn transfer_is_given_up_after_three_failed_attempts(
    db: &OwnBankDb,
    data: &Data,
    teardown: &Teardown,
    #[case] failing: u32,
    #[case] status: u16,
    #[values("40001", "40P01")] code: &str,
) -> Result<()> {
    #[arrange]
    let bank = Bank::start(db.url(), &Config { attempts: 3, ..config() }, teardown).await?;
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    commits_fail(&db.pool(), failing, code).await?;

    #[act]
    let response = bank.transfer("rent", ada, bob, 10).await?;

    #[assert]
    response.assert_status(status);
    let is_given_up = status == 503;
    if is_given_up {
        response.assert_header("retry-after", "1").assert_json("/type", "/problems/conflict");
        assert_eq!(keys_in_the_ledger(&db.pool(), "rent").await?, [""; 0]);
    }
    assert_eq!(bank.balance(bob).await?, if is_given_up { 0 } else { 10 });
    let (failed, given_up) = (u64::from(failing), u64::from(is_given_up));
    let counted = match code {
        "40001" => Retries { serialization_failures: failed, given_up, ..NONE },
        _ => Retries { deadlocks: failed, given_up, ..NONE },
    };
    assert_eq!(bank.retries().await?, counted);
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
async fn permanent_error_is_not_retried(db: &OwnBankDb, data: &Data, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let bank = Bank::start(db.url(), &config(), teardown).await?;
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    commits_fail(&db.pool(), 1, "XX000").await?;

    #[act]
    let response = bank.transfer("rent", ada, bob, 10).await?;

    #[assert("the response does not contain the cause")]
    response.assert_status(500).assert_json("/detail", "something went wrong on our side");
    assert_eq!(problem(&response), "internal");
    assert_eq!((bank.balance(ada).await?, bank.retries().await?), (100, NONE));
    Ok(())
}

/// The transfer has locked Ada's account, and is stopped before it writes. Another transaction has locked the entries and waits for
/// Ada's account. When the transfer goes on, the two deadlock. PostgreSQL aborts the transaction that checks for deadlocks first. This is
/// the transfer, because the other one checks only after a minute.
#[integration_test(covers("POST /transfers"))]
async fn transfer_is_retried_after_a_deadlock(db: &BankDb, data: &Data, teardown: &Teardown) -> Result<()> {
    #[arrange]
    let may = sqlx::query_scalar("SELECT has_parameter_privilege('deadlock_timeout', 'SET')");
    if !may.fetch_one(&db.pool()).await? {
        skip!("a superuser must GRANT SET ON PARAMETER deadlock_timeout to the role of the tests");
    }
    let options = db.url().parse::<PgConnectOptions>()?.options([("deadlock_timeout", "10ms")]);
    let bank = Bank::connect(options, &config(), teardown).await?;
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    let stop = open_transaction(&db.pool(), "LOCK TABLE transfer IN SHARE MODE").await?;
    let statements = "SET LOCAL deadlock_timeout = '1min'; LOCK TABLE entry IN SHARE MODE";
    let mut blocker = open_transaction(&db.pool(), statements).await?;
    let sent = tokio::spawn(bank.transfer("rent", ada, bob, 10).send());
    wait_for_blocked_sessions(&db.pool(), 1).await?;

    #[act("the transfer goes on when the other transaction waits for it")]
    let lock = sqlx::query("SELECT FROM account WHERE id = $1 FOR UPDATE").bind(ada);
    let go_on = async {
        wait_for_blocked_sessions(&db.pool(), 2).await?;
        Ok::<_, itest::Error>(stop.rollback().await?)
    };
    let (locked, gone_on) = tokio::join!(lock.execute(&mut *blocker), go_on);
    blocker.rollback().await?;
    let response = sent.await??;

    #[assert("the other transaction got its lock, and then the transfer succeeded")]
    gone_on?;
    assert_eq!(locked?.rows_affected(), 1);
    response.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    // The next attempt may lock Ada's account before the other transaction wakes up, and be aborted again.
    let retries = bank.retries().await?;
    assert!(retries.deadlocks > 0, "{retries:?}");
    assert_eq!(retries, Retries { deadlocks: retries.deadlocks, ..NONE });
    Ok(())
}
