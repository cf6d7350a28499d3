//! The constraints of the schema, against writes that do not go through the bank.

use itest::prelude::*;
use sqlx::AssertSqlSafe;

use crate::fixtures::{Bank, BankDb, VAULT};

/// A transfer of 5 from the vault to account 3, without entries.
const TRANSFER: &str =
    "INSERT INTO transfer (idempotency_key, from_account, to_account, amount) VALUES ('raw', 1, 3, 5)";

/// The id of that transfer, as an SQL expression.
const RAW: &str = "(SELECT id FROM transfer WHERE idempotency_key = 'raw')";

/// Sets the balances of the accounts to the sums of their entries.
const BALANCES: &str =
    "UPDATE account SET balance = (SELECT coalesce(sum(amount), 0) FROM entry WHERE account_id = account.id)";

#[integration_test(tags("smoke"))]
#[case::no_entry("", false)]
#[case::one_entry("(TRANSFER, 1, -5, 0)", false)]
#[case::two_entries("(TRANSFER, 1, -5, -5), (TRANSFER, 3, 5, 5)", true)]
#[case::a_cent_too_many("(TRANSFER, 1, -5, 0), (TRANSFER, 3, 6, 0)", false)]
#[case::two_gifts("(TRANSFER, 1, 5, 0), (TRANSFER, 3, 5, 0)", false)]
#[case::dollars_for_euros("(TRANSFER, 1, -5, 0), (TRANSFER, 2, 5, 0)", false)]
#[case::three_entries("(TRANSFER, 1, -5, 0), (TRANSFER, 3, 3, 0), (TRANSFER, 4, 2, 0)", false)]
async fn only_balanced_transfers_are_committed(
    bank: &Bank,
    db: &BankDb,
    data: &Data,
    #[case] entries: &str,
    #[case] is_balanced: bool,
) -> Result<()> {
    #[arrange]
    for _ in 0..2 {
        bank.account(data, 0).await?;
    }

    #[act("each statement succeeds")]
    let mut transaction = db.pool().begin().await?;
    sqlx::query(TRANSFER).execute(&mut *transaction).await?;
    if !entries.is_empty() {
        let entries = entries.replace("TRANSFER", RAW);
        let insert = format!("INSERT INTO entry (transfer_id, account_id, amount, balance) VALUES {entries}");
        sqlx::query(AssertSqlSafe(insert)).execute(&mut *transaction).await?;
        sqlx::query(BALANCES).execute(&mut *transaction).await?;
    }
    let committed = transaction.commit().await;

    #[assert("the commit fails unless the transfer is balanced")]
    assert_eq!(violated(committed), if is_balanced { None } else { Some("double_entry".to_owned()) });
    Ok(())
}

#[integration_test]
#[case::an_entry_is_added(
    "INSERT INTO entry (transfer_id, account_id, amount, balance) SELECT transfer_id, 2, 5, 5 FROM entry WHERE account_id = 3"
)]
#[case::an_entry_is_changed("UPDATE entry SET amount = amount + 1 WHERE account_id = 3")]
#[case::an_entry_is_moved_to_another_account("UPDATE entry SET account_id = 2 WHERE account_id = 3")]
#[case::an_entry_is_deleted("DELETE FROM entry WHERE account_id = 3")]
async fn posted_transfer_cannot_be_unbalanced(
    bank: &Bank,
    db: &BankDb,
    data: &Data,
    #[case] forgery: &'static str,
) -> Result<()> {
    #[arrange]
    bank.account(data, 100).await?;

    #[act]
    let mut transaction = db.pool().begin().await?;
    let forged = sqlx::query(forgery).execute(&mut *transaction).await?;
    let committed = transaction.commit().await;

    #[assert]
    assert_eq!(forged.rows_affected(), 1);
    assert_eq!(violated(committed).as_deref(), Some("double_entry"));
    Ok(())
}

#[integration_test]
async fn constraint_refuses_an_overdrawn_account(bank: &Bank, db: &BankDb, data: &Data) -> Result<()> {
    #[arrange]
    let ada = bank.account(data, 100).await?;

    #[act]
    let overdraw = sqlx::query("UPDATE account SET balance = -1 WHERE id = $1").bind(ada);
    let overdrawn = overdraw.execute(&db.pool()).await;

    #[assert]
    assert_eq!(violated(overdrawn).as_deref(), Some("account_is_covered"));
    assert_eq!((bank.balance(ada).await?, bank.balance(VAULT).await?), (100, -100));
    Ok(())
}

/// The name of the violated constraint, if the statement failed.
fn violated<T>(outcome: std::result::Result<T, sqlx::Error>) -> Option<String> {
    let error = outcome.err()?;
    Some(error.as_database_error().and_then(|error| error.constraint()).unwrap_or("another error").to_owned())
}
