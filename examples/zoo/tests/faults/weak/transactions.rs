//! Transactions that are missing, tried again when they must not be, or left open.

use itest::prelude::*;
use sqlx::PgPool;

use crate::fixtures::clients::within;
use crate::fixtures::database::ZooDb;
use crate::fixtures::ledger::{Bookings, Ledger, balance_of};

const WITHDRAW: &str = "UPDATE account SET balance = balance - 10 WHERE id = 1";
const DEPOSIT: &str = "UPDATE account SET balance = balance + 10 WHERE id = 2";

async fn transfer_once(pool: &PgPool, reference: &str) -> Result<()> {
    within(async {
        let mut transaction = pool.begin().await?;
        sqlx::query(WITHDRAW).execute(&mut *transaction).await?;
        sqlx::query(DEPOSIT).execute(&mut *transaction).await?;
        let posting = sqlx::query("INSERT INTO transfer (reference) VALUES ($1)").bind(reference);
        posting.execute(&mut *transaction).await?;
        transaction.commit().await
    })
    .await
}

/// Transfers money, and tries again after each error. If the answer to the commit is lost, the money is transferred twice.
async fn transfer(pool: &PgPool, reference: &str) -> Result<()> {
    if transfer_once(pool, reference).await.is_err() {
        transfer_once(pool, reference).await?;
    }
    Ok(())
}

#[integration_test]
async fn money_is_transferred_with_another_attempt(ledger: &Ledger, db: &ZooDb) -> Result<()> {
    #[act]
    transfer(&ledger.0, "rent").await?;

    #[assert]
    assert_eq!(balance_of(db, 2).await?, 10);
    Ok(())
}

/// Transfers money by two statements that belong to no transaction.
async fn transfer_without_transaction(pool: &PgPool) -> Result<()> {
    within(sqlx::query(WITHDRAW).execute(pool)).await?;
    within(sqlx::query(DEPOSIT).execute(pool)).await?;
    Ok(())
}

#[integration_test]
async fn money_is_transferred_by_two_statements(ledger: &Ledger, db: &ZooDb) -> Result<()> {
    #[act]
    transfer_without_transaction(&ledger.0).await?;

    #[assert]
    assert_eq!(balance_of(db, 2).await?, 10);
    Ok(())
}

/// Books a room. The booking gets its key from the server, so another attempt after a lost answer books a second room.
async fn book(pool: &PgPool, guest: &str) -> Result<()> {
    let insert = || sqlx::query("INSERT INTO booking (guest) VALUES ($1)").bind(guest.to_owned());
    if within(insert().execute(pool)).await.is_err() {
        within(insert().execute(pool)).await?;
    }
    Ok(())
}

#[integration_test]
async fn room_is_booked(bookings: &Bookings) -> Result<()> {
    #[act]
    let booked = book(&bookings.0, "ada").await;

    #[assert]
    assert!(booked.is_ok());
    Ok(())
}

/// Pays interest. `sqlx` does not know of the transaction, so after an error the connection goes back to the pool with it.
async fn pay_interest(pool: &PgPool) -> Result<()> {
    let mut connection = pool.acquire().await?;
    within(async {
        sqlx::raw_sql("BEGIN").execute(&mut *connection).await?;
        sqlx::query("UPDATE account SET balance = balance * 2 WHERE id = 2").execute(&mut *connection).await?;
        sqlx::raw_sql("COMMIT").execute(&mut *connection).await
    })
    .await?;
    Ok(())
}

#[integration_test]
async fn interest_is_paid(ledger: &Ledger) -> Result<()> {
    #[act]
    let paid = pay_interest(&ledger.0).await;

    #[assert]
    assert!(paid.is_ok());
    Ok(())
}
