//! Transactions that are rolled back after an error, and attempts that cannot have an effect twice.

use itest::prelude::*;
use sqlx::{Acquire, Error, PgPool};

use crate::fixtures::clients::within;
use crate::fixtures::database::ZooDb;
use crate::fixtures::ledger::{Bookings, Ledger, balance_of};

const WITHDRAW: &str = "UPDATE account SET balance = balance - 10 WHERE id = 1";
const DEPOSIT: &str = "UPDATE account SET balance = balance + 10 WHERE id = 2";

/// The code of a conflict after which PostgreSQL has rolled the transaction back.
const SERIALIZATION_FAILURE: &str = "40001";

async fn transfer_once(pool: &PgPool, reference: &str) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query(WITHDRAW).execute(&mut *transaction).await?;
    sqlx::query(DEPOSIT).execute(&mut *transaction).await?;
    let posting = sqlx::query("INSERT INTO transfer (reference) VALUES ($1)").bind(reference.to_owned());
    posting.execute(&mut *transaction).await?;
    transaction.commit().await
}

#[integration_test]
async fn failed_transfer_is_rolled_back(ledger: &Ledger, db: &ZooDb) -> Result<()> {
    #[act]
    within(transfer_once(&ledger.0, "rent")).await?;

    #[assert]
    assert_eq!(balance_of(db, 2).await?, 10);
    Ok(())
}

/// Tries again only after a conflict. After a lost connection the transfer may be committed, so that the caller gets the error.
async fn transfer_unless_unknown(pool: &PgPool, reference: &str) -> Result<(), Error> {
    match transfer_once(pool, reference).await {
        Err(Error::Database(error)) if error.code().as_deref() == Some(SERIALIZATION_FAILURE) => {
            transfer_once(pool, reference).await
        }
        outcome => outcome,
    }
}

#[integration_test]
async fn conflict_is_tried_again(ledger: &Ledger, db: &ZooDb) -> Result<()> {
    #[act]
    within(transfer_unless_unknown(&ledger.0, "rent")).await?;

    #[assert]
    assert_eq!(balance_of(db, 2).await?, 10);
    Ok(())
}

/// The reference is unique, and is stored with the transfer: another attempt does nothing if the transfer is committed.
async fn transfer_with_reference(pool: &PgPool, reference: &str) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    let post = sqlx::query("INSERT INTO posted (reference) VALUES ($1) ON CONFLICT DO NOTHING");
    if post.bind(reference.to_owned()).execute(&mut *transaction).await?.rows_affected() == 1 {
        sqlx::query(WITHDRAW).execute(&mut *transaction).await?;
        sqlx::query(DEPOSIT).execute(&mut *transaction).await?;
    }
    transaction.commit().await
}

#[integration_test]
async fn lost_commit_is_tried_again_with_its_reference(ledger: &Ledger, db: &ZooDb) -> Result<()> {
    #[act]
    if within(transfer_with_reference(&ledger.0, "rent")).await.is_err() {
        within(transfer_with_reference(&ledger.0, "rent")).await?;
    }

    #[assert]
    assert_eq!(balance_of(db, 2).await?, 10);
    Ok(())
}

#[integration_test]
async fn one_statement_moves_the_money(ledger: &Ledger, db: &ZooDb) -> Result<()> {
    #[act]
    let transfer = "UPDATE account SET balance = balance + CASE id WHEN 1 THEN -10 ELSE 10 END WHERE id IN (1, 2)";
    within(sqlx::query(transfer).execute(&ledger.0)).await?;

    #[assert]
    assert_eq!(balance_of(db, 2).await?, 10);
    Ok(())
}

/// The transaction is begun by hand, and rolled back by hand. A connection that cannot roll back is closed.
async fn pay_interest(pool: &PgPool) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let paid = within(async {
        sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
        sqlx::query("UPDATE account SET balance = balance * 2 WHERE id = 2").execute(&mut *connection).await?;
        sqlx::raw_sql("COMMIT").execute(&mut *connection).await
    });
    let Err(error) = paid.await else { return Ok(()) };
    if within(sqlx::raw_sql("ROLLBACK").execute(&mut *connection)).await.is_err() {
        drop(connection.detach());
    }
    Err(error)
}

#[integration_test]
async fn transaction_is_rolled_back_by_hand(ledger: &Ledger) -> Result<()> {
    #[act]
    let paid = pay_interest(&ledger.0).await;

    #[assert]
    assert!(paid.is_ok());
    Ok(())
}

/// After an error the connection is closed, which ends its transaction.
async fn pay_interest_or_close(pool: &PgPool) -> Result<()> {
    let mut connection = pool.acquire().await?;
    let paid = within(async {
        sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
        sqlx::query("UPDATE account SET balance = balance * 2 WHERE id = 2").execute(&mut *connection).await?;
        sqlx::raw_sql("COMMIT").execute(&mut *connection).await
    });
    if let Err(error) = paid.await {
        // The result does not matter, because the connection is not used again.
        let _ = within(connection.close()).await;
        return Err(error);
    }
    Ok(())
}

#[integration_test]
async fn connection_is_closed_after_an_error(ledger: &Ledger) -> Result<()> {
    #[act]
    let paid = pay_interest_or_close(&ledger.0).await;

    #[assert]
    assert!(paid.is_ok());
    Ok(())
}

/// A note of the transfer is not important: if it fails, the transaction goes on at the savepoint before it.
async fn transfer_with_note(pool: &PgPool) -> Result<(), Error> {
    let mut transaction = pool.begin().await?;
    sqlx::query(WITHDRAW).execute(&mut *transaction).await?;
    let mut savepoint = transaction.begin().await?;
    let note = sqlx::query("INSERT INTO transfer (reference) VALUES ('rent')");
    match note.execute(&mut *savepoint).await {
        Ok(_) => savepoint.commit().await?,
        Err(_) => savepoint.rollback().await?,
    }
    sqlx::query(DEPOSIT).execute(&mut *transaction).await?;
    transaction.commit().await
}

#[integration_test]
async fn transfer_goes_on_without_its_note(ledger: &Ledger, db: &ZooDb) -> Result<()> {
    #[act]
    within(transfer_with_note(&ledger.0)).await?;

    #[assert]
    assert_eq!(balance_of(db, 2).await?, 10);
    Ok(())
}

/// The key of a booking comes from the guest's request, so that another attempt finds the first one.
async fn book(pool: &PgPool, guest: &str) -> Result<()> {
    let insert = "INSERT INTO booking (guest) SELECT $1 WHERE NOT EXISTS (SELECT FROM booking WHERE guest = $1)";
    let insert = || sqlx::query(insert).bind(guest.to_owned());
    if within(insert().execute(pool)).await.is_err() {
        within(insert().execute(pool)).await?;
    }
    Ok(())
}

#[integration_test]
async fn booking_is_tried_again_with_its_key(bookings: &Bookings) -> Result<()> {
    #[act]
    let booked = book(&bookings.0, "ada").await;

    #[assert]
    assert!(booked.is_ok());
    Ok(())
}

#[integration_test]
async fn failed_booking_is_an_error(bookings: &Bookings) -> Result<()> {
    #[act]
    let insert = sqlx::query("INSERT INTO booking (guest) VALUES ('ada')");
    within(insert.execute(&bookings.0)).await?;

    #[assert]
    assert!(!bookings.0.is_closed());
    Ok(())
}
