//! Conflicts: transactions that the database aborts because of other transactions, and that the bank retries.

use bank::Config;
use bank::retry::Retries;
use sqlx::AssertSqlSafe;
use sqlx::error::DatabaseError;
use sqlx::postgres::PgPool;

use crate::books::{Books, keys_in_the_ledger};
use crate::fixtures::{Bank, Result, config};
use crate::sessions::{open_transaction, wait_for_blocked_sessions};

const NONE: Retries = Retries { serialization_failures: 0, deadlocks: 0, given_up: 0 };

/// This test uses the database without the bank. It shows the error that the bank must handle.
#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn one_of_two_unserializable_transactions_fails(pool: PgPool) -> Result {
    // Each transaction reads what the other one writes.
    let begin = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE; SELECT sum(balance) FROM account";
    let mut one = open_transaction(&pool, begin).await?;
    let mut other = open_transaction(&pool, begin).await?;
    sqlx::query("UPDATE account SET balance = 1 WHERE id = 1").execute(&mut *one).await?;
    sqlx::query("UPDATE account SET balance = 1 WHERE id = 2").execute(&mut *other).await?;

    one.commit().await?;
    let committed = other.commit().await;

    let error = committed.err().ok_or("the second one was committed")?;
    assert_eq!(error.as_database_error().and_then(DatabaseError::code).as_deref(), Some("40001"));
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_is_retried_after_a_serialization_failure(pool: PgPool) -> Result {
    // Another transaction has changed the account, and has not committed.
    let bank = Bank::start(&pool).await?;
    let (ada, bob) = (bank.account(100).await?, bank.account(0).await?);
    let change = format!("UPDATE account SET owner = 'Augusta' WHERE id = {ada}");
    let blocker = open_transaction(&pool, &change).await?;
    let sent = tokio::spawn(bank.client.transfer("rent", ada, bob, 10));
    wait_for_blocked_sessions(&pool, 1).await?;

    blocker.commit().await?;
    let response = sent.await??;

    response.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    assert_eq!(bank.retries().await?, Retries { serialization_failures: 1, ..NONE });
    bank.stop().await;
    Ok(())
}

/// Makes the commits of the first `times` transfers fail.
async fn commits_fail(pool: &PgPool, times: u32, code: &str) -> Result {
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

/// Sends a transfer to a bank with three attempts, the first of which fail.
async fn transfer_with_failing_attempts(pool: &PgPool, failing: u32, status: u16, code: &str) -> Result {
    let bank = Bank::start_with(pool, &Config { attempts: 3, ..config() }).await?;
    let (ada, bob) = (bank.account(100).await?, bank.account(0).await?);
    commits_fail(pool, failing, code).await?;

    let response = bank.client.transfer("rent", ada, bob, 10).await?;

    response.assert_status(status);
    let is_given_up = status == 503;
    if is_given_up {
        assert_eq!((response.header("retry-after"), response.problem()), (Some("1"), "conflict"));
        assert_eq!(keys_in_the_ledger(pool, "rent").await?, [""; 0]);
    }
    assert_eq!(bank.balance(bob).await?, if is_given_up { 0 } else { 10 });
    assert_eq!(Books::read(pool).await?, Books::BALANCED);
    let (failed, given_up) = (u64::from(failing), u64::from(is_given_up));
    let counted = match code {
        "40001" => Retries { serialization_failures: failed, given_up, ..NONE },
        _ => Retries { deadlocks: failed, given_up, ..NONE },
    };
    assert_eq!(bank.retries().await?, counted);
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_without_a_serialization_failure_succeeds(pool: PgPool) -> Result {
    transfer_with_failing_attempts(&pool, 0, 201, "40001").await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_succeeds_after_one_serialization_failure(pool: PgPool) -> Result {
    transfer_with_failing_attempts(&pool, 1, 201, "40001").await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_succeeds_after_two_serialization_failures(pool: PgPool) -> Result {
    transfer_with_failing_attempts(&pool, 2, 201, "40001").await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_is_given_up_after_three_serialization_failures(pool: PgPool) -> Result {
    transfer_with_failing_attempts(&pool, 3, 503, "40001").await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_without_a_deadlock_succeeds(pool: PgPool) -> Result {
    transfer_with_failing_attempts(&pool, 0, 201, "40P01").await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_succeeds_after_one_deadlock(pool: PgPool) -> Result {
    transfer_with_failing_attempts(&pool, 1, 201, "40P01").await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_succeeds_after_two_deadlocks(pool: PgPool) -> Result {
    transfer_with_failing_attempts(&pool, 2, 201, "40P01").await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_is_given_up_after_three_deadlocks(pool: PgPool) -> Result {
    transfer_with_failing_attempts(&pool, 3, 503, "40P01").await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn permanent_error_is_not_retried(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let (ada, bob) = (bank.account(100).await?, bank.account(0).await?);
    commits_fail(&pool, 1, "XX000").await?;

    let response = bank.client.transfer("rent", ada, bob, 10).await?;

    // The response does not contain the cause.
    response.assert_status(500);
    assert_eq!(response.body["detail"], "something went wrong on our side");
    assert_eq!(response.problem(), "internal");
    assert_eq!((bank.balance(ada).await?, bank.retries().await?), (100, NONE));
    bank.stop().await;
    Ok(())
}

/// The transfer has locked Ada's account, and is stopped before it writes. Another transaction has locked the entries and waits for
/// Ada's account. When the transfer goes on, the two deadlock. PostgreSQL aborts the transaction that checks for deadlocks first. This is
/// the transfer, because the other one checks only after a minute.
#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_is_retried_after_a_deadlock(pool: PgPool) -> Result {
    let may = sqlx::query_scalar("SELECT has_parameter_privilege('deadlock_timeout', 'SET')");
    if !may.fetch_one(&pool).await? {
        eprintln!("skipped: a superuser must GRANT SET ON PARAMETER deadlock_timeout to the role of the tests");
        return Ok(());
    }
    let options = (*pool.connect_options()).clone().options([("deadlock_timeout", "10ms")]);
    let bank = Bank::connect(options, &config()).await?;
    let (ada, bob) = (bank.account(100).await?, bank.account(0).await?);
    let stop = open_transaction(&pool, "LOCK TABLE transfer IN SHARE MODE").await?;
    let statements = "SET LOCAL deadlock_timeout = '1min'; LOCK TABLE entry IN SHARE MODE";
    let mut blocker = open_transaction(&pool, statements).await?;
    let sent = tokio::spawn(bank.client.transfer("rent", ada, bob, 10));
    wait_for_blocked_sessions(&pool, 1).await?;

    // The transfer goes on when the other transaction waits for it.
    let lock = sqlx::query("SELECT FROM account WHERE id = $1 FOR UPDATE").bind(ada);
    let go_on = async {
        wait_for_blocked_sessions(&pool, 2).await?;
        stop.rollback().await?;
        Result::Ok(())
    };
    let (locked, gone_on) = tokio::join!(lock.execute(&mut *blocker), go_on);
    blocker.rollback().await?;
    let response = sent.await??;

    // The other transaction got its lock, and then the transfer succeeded.
    gone_on?;
    assert_eq!(locked?.rows_affected(), 1);
    response.assert_status(201);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (90, 10));
    // The next attempt may lock Ada's account before the other transaction wakes up, and be aborted again.
    let retries = bank.retries().await?;
    assert!(retries.deadlocks > 0, "{retries:?}");
    assert_eq!(retries, Retries { deadlocks: retries.deadlocks, ..NONE });
    bank.stop().await;
    Ok(())
}
