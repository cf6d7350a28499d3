//! Faults of statements, as the code under test and the server see them.

use std::time::{Duration, Instant};

use itest::prelude::*;
use itest::{Fault, SqlState, statement};
use sqlx::{Connection, PgConnection, PgPool};

use crate::{Db, Pool};

const UPDATE: &str = "UPDATE account SET balance = balance - 10 WHERE id = 1";

/// Moves money in a transaction, as a service does.
async fn pay(pool: &PgPool) -> std::result::Result<(), sqlx::Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query(UPDATE).execute(&mut *transaction).await?;
    transaction.commit().await
}

/// The balance in the database, which is read without the proxy.
async fn balance(db: &Db) -> Result<i32> {
    Ok(sqlx::query_scalar("SELECT balance FROM account WHERE id = 1").fetch_one(&db.pool()).await?)
}

fn what_failed(result: std::result::Result<(), sqlx::Error>) -> String {
    match result {
        Ok(()) => "nothing".to_owned(),
        Err(sqlx::Error::Database(error)) => error.code().unwrap_or_default().into_owned(),
        Err(error) => error.to_string(),
    }
}

#[integration_test]
#[case::before_the_update(Fault::ResetBefore, "UPDATE account", "reset", 100)]
#[case::during_the_update(Fault::ResetDuring, "UPDATE account", "reset", 100)]
#[case::before_the_commit(Fault::ResetBefore, "COMMIT", "reset", 100)]
#[case::during_the_commit(Fault::ResetDuring, "COMMIT", "reset", 90)]
#[case::cut_commit(Fault::Cut(3), "COMMIT", "reset", 90)]
#[case::after_the_commit(Fault::ResetAfter, "COMMIT", "nothing", 90)]
#[case::serialization_failure(Fault::SqlState(SqlState::SERIALIZATION_FAILURE), "UPDATE account", "40001", 100)]
#[case::deadlock_at_commit(Fault::SqlState(SqlState::DEADLOCK_DETECTED), "COMMIT", "40P01", 100)]
#[case::latency(Fault::Latency(Duration::from_millis(30)), "UPDATE account", "nothing", 90)]
async fn fault_ends_a_transaction_as_the_real_failure_would(
    pool: &Pool,
    proxy: &Proxy,
    db: &Db,
    #[case] fault: Fault,
    #[case] on: &str,
    #[case] expected: &str,
    #[case] in_the_end: i32,
) -> Result<()> {
    #[arrange]
    let injection = proxy.inject(fault).on(statement::containing(on)).first(1);
    let began = Instant::now();

    #[act]
    let failed = what_failed(pay(&pool.0).await);

    #[assert]
    assert!(failed.contains(expected), "{failed}");
    assert_eq!(injection.count(), 1);
    // The server ends a lost session on its own, and rolls its transaction back.
    eventually(|| balance(db)).until(|now| now.as_ref().is_ok_and(|now| *now == in_the_end)).await??;
    if let Fault::Latency(latency) = fault {
        assert!(began.elapsed() >= latency);
    }
    Ok(())
}

#[integration_test]
async fn connection_is_usable_after_an_injected_error(pool: &Pool, proxy: &Proxy, db: &Db) -> Result<()> {
    #[arrange]
    proxy.inject(Fault::SqlState(SqlState::SERIALIZATION_FAILURE)).on(statement::containing(UPDATE)).first(2);
    #[act]
    let mut failures = Vec::new();
    while let Err(error) = pay(&pool.0).await {
        failures.push(what_failed(Err(error)));
    }
    #[assert]
    assert_eq!(failures, ["40001", "40001"]);
    assert_eq!(balance(db).await?, 90);
    Ok(())
}

/// After a failed commit, the server has rolled back, and the session is ready for the next transaction.
#[integration_test]
#[case::in_one_message(true)]
#[case::by_a_portal(false)]
async fn failed_commit_ends_the_transaction(proxy: &Proxy, db: &Db, #[case] is_simple: bool) -> Result<()> {
    #[arrange]
    let mut connection = PgConnection::connect(&db.through(proxy)?).await?;
    proxy.inject(Fault::SqlState(SqlState::SERIALIZATION_FAILURE)).on(statement::containing("commit")).first(1);
    sqlx::raw_sql("BEGIN").execute(&mut connection).await?;
    sqlx::query(UPDATE).execute(&mut connection).await?;

    #[act]
    let committed = if is_simple {
        sqlx::raw_sql("COMMIT").execute(&mut connection).await
    } else {
        sqlx::query("COMMIT").execute(&mut connection).await
    };

    #[assert]
    assert_eq!(what_failed(committed.map(drop)), "40001");
    let is_idle: bool =
        sqlx::query_scalar("SELECT pg_current_xact_id_if_assigned() IS NULL").fetch_one(&mut connection).await?;
    assert!(is_idle);
    sqlx::query(UPDATE).execute(&mut connection).await?;
    assert_eq!(balance(db).await?, 90);
    connection.close().await?;
    Ok(())
}

#[integration_test]
async fn statement_that_never_ends_is_given_up_by_the_client(proxy: &Proxy, db: &Db) -> Result<()> {
    let url = db.through(proxy)?;
    let injection = proxy.inject(Fault::Timeout).on(statement::containing(UPDATE)).first(1);
    for expected in [true, false] {
        let mut connection = PgConnection::connect(&url).await?;
        let update = sqlx::query(UPDATE).execute(&mut connection);
        assert_eq!(tokio::time::timeout(Duration::from_millis(500), update).await.is_err(), expected);
    }
    assert_eq!((injection.count(), balance(db).await?), (1, 90));
    Ok(())
}

#[integration_test]
async fn rules_count_the_statements_that_match(pool: &Pool, proxy: &Proxy, db: &Db) -> Result<()> {
    #[arrange]
    let conflict = Fault::SqlState(SqlState::SERIALIZATION_FAILURE);
    let injection = proxy.inject(conflict).on(statement::matching("commits", |sql| sql == "COMMIT")).after(1).every(2);
    #[act]
    let mut results = Vec::new();
    for _ in 0..5 {
        results.push(pay(&pool.0).await.is_ok());
    }
    #[assert]
    assert_eq!(results, [true, true, false, true, false]);
    assert_eq!((injection.count(), balance(db).await?), (2, 70));
    Ok(())
}

#[integration_test]
#[case::status(Fault::Status(503))]
#[case::rate_limit(Fault::RateLimited(Duration::from_secs(1)))]
#[case::malformed(Fault::Malformed)]
#[case::empty_object(Fault::EmptyObject)]
#[case::duplicate(Fault::Duplicate)]
fn fault_that_is_none_of_statements_is_refused(proxy: &Proxy, #[case] fault: Fault) {
    let refused = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = proxy.inject(fault);
    }));
    let message = refused.err().and_then(|panic| panic.downcast::<String>().ok()).unwrap_or_default();
    assert!(message.contains("is no fault of a statement"), "{message}");
}
