//! The constraints of the schema, against writes that do not go through the bank.

use sqlx::{AssertSqlSafe, PgPool};

use crate::fixtures::{Bank, Result, VAULT};

/// A transfer of 5 from the vault to account 3, without entries.
const TRANSFER: &str =
    "INSERT INTO transfer (idempotency_key, from_account, to_account, amount) VALUES ('raw', 1, 3, 5)";

/// The id of that transfer, as an SQL expression.
const RAW: &str = "(SELECT id FROM transfer WHERE idempotency_key = 'raw')";

/// Commits a transfer with these entries, and returns the constraint that it violates. Each statement succeeds.
async fn commit_with_entries(pool: &PgPool, entries: &str) -> Result<Option<String>> {
    let bank = Bank::start(pool).await?;
    for _ in 0..2 {
        bank.account(0).await?;
    }
    let mut transaction = pool.begin().await?;
    sqlx::query(TRANSFER).execute(&mut *transaction).await?;
    if !entries.is_empty() {
        let entries = entries.replace("TRANSFER", RAW);
        let insert = format!("INSERT INTO entry (transfer_id, account_id, amount, balance) VALUES {entries}");
        sqlx::query(AssertSqlSafe(insert)).execute(&mut *transaction).await?;
    }
    let committed = transaction.commit().await;
    bank.stop().await;
    Ok(violated(committed))
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_without_entries_is_not_committed(pool: PgPool) -> Result {
    assert_eq!(commit_with_entries(&pool, "").await?.as_deref(), Some("double_entry"));
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_with_one_entry_is_not_committed(pool: PgPool) -> Result {
    assert_eq!(commit_with_entries(&pool, "(TRANSFER, 1, -5, 0)").await?.as_deref(), Some("double_entry"));
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_with_two_entries_is_committed(pool: PgPool) -> Result {
    assert_eq!(commit_with_entries(&pool, "(TRANSFER, 1, -5, 0), (TRANSFER, 3, 5, 0)").await?, None);
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_with_a_cent_too_many_is_not_committed(pool: PgPool) -> Result {
    let entries = "(TRANSFER, 1, -5, 0), (TRANSFER, 3, 6, 0)";
    assert_eq!(commit_with_entries(&pool, entries).await?.as_deref(), Some("double_entry"));
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_with_two_gifts_is_not_committed(pool: PgPool) -> Result {
    let entries = "(TRANSFER, 1, 5, 0), (TRANSFER, 3, 5, 0)";
    assert_eq!(commit_with_entries(&pool, entries).await?.as_deref(), Some("double_entry"));
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_with_dollars_for_euros_is_not_committed(pool: PgPool) -> Result {
    let entries = "(TRANSFER, 1, -5, 0), (TRANSFER, 2, 5, 0)";
    assert_eq!(commit_with_entries(&pool, entries).await?.as_deref(), Some("double_entry"));
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_with_three_entries_is_not_committed(pool: PgPool) -> Result {
    let entries = "(TRANSFER, 1, -5, 0), (TRANSFER, 3, 3, 0), (TRANSFER, 4, 2, 0)";
    assert_eq!(commit_with_entries(&pool, entries).await?.as_deref(), Some("double_entry"));
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn posted_transfer_cannot_be_unbalanced(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    bank.account(100).await?;
    let forgeries = [
        "INSERT INTO entry (transfer_id, account_id, amount, balance) SELECT transfer_id, 2, 5, 5 FROM entry WHERE account_id = 3",
        "UPDATE entry SET amount = amount + 1 WHERE account_id = 3",
        "UPDATE entry SET account_id = 2 WHERE account_id = 3",
        "DELETE FROM entry WHERE account_id = 3",
    ];
    for forgery in forgeries {
        let mut transaction = pool.begin().await?;
        let forged = sqlx::query(forgery).execute(&mut *transaction).await?;
        let committed = transaction.commit().await;

        assert_eq!(forged.rows_affected(), 1, "{forgery}");
        assert_eq!(violated(committed).as_deref(), Some("double_entry"), "{forgery}");
    }
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn constraint_refuses_an_overdrawn_account(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let ada = bank.account(100).await?;

    let overdraw = sqlx::query("UPDATE account SET balance = -1 WHERE id = $1").bind(ada);
    let overdrawn = overdraw.execute(&pool).await;

    assert_eq!(violated(overdrawn).as_deref(), Some("account_is_covered"));
    assert_eq!((bank.balance(ada).await?, bank.balance(VAULT).await?), (100, -100));
    bank.stop().await;
    Ok(())
}

/// The name of the violated constraint, if the statement failed.
fn violated<T>(outcome: std::result::Result<T, sqlx::Error>) -> Option<String> {
    let error = outcome.err()?;
    Some(error.as_database_error().and_then(|error| error.constraint()).unwrap_or("another error").to_owned())
}
