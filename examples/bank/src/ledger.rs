//! The transaction that moves money.

use sqlx::{PgPool, Postgres, Transaction};

use crate::accounts::{Account, AccountId};
use crate::config::Isolation;
use crate::error::Error;
use crate::transfers::{NewTransfer, Transfer, TransferId};

/// The result of posting a transfer.
pub(crate) enum Posted {
    /// The transfer was posted by this request.
    Now(Transfer),
    /// An earlier request with the same key had posted the transfer.
    Before(Transfer),
}

/// Makes one attempt at a transfer. Afterwards all of it is in the ledger, or nothing.
pub(crate) async fn post(
    pool: &PgPool,
    isolation: Isolation,
    key: &str,
    transfer: NewTransfer,
) -> Result<Posted, Error> {
    let mut transaction = pool.begin_with(isolation.begin()).await?;
    let (from, to) = lock(&mut transaction, transfer).await?;
    let Some(id) = record(&mut transaction, key, transfer).await? else {
        let before = find(&mut transaction, key).await?;
        let is_the_same = (before.from, before.to, before.amount) == (transfer.from, transfer.to, transfer.amount);
        return if is_the_same { Ok(Posted::Before(before)) } else { Err(Error::KeyReused) };
    };
    if !covers(&mut transaction, &from, transfer.amount).await? {
        return Err(Error::InsufficientFunds(from.id));
    }
    let less = from.balance.checked_sub(transfer.amount).ok_or(Error::TooMuch(from.id))?;
    let more = to.balance.checked_add(transfer.amount).ok_or(Error::TooMuch(to.id))?;
    enter(&mut transaction, id, from.id, -transfer.amount, less).await?;
    enter(&mut transaction, id, to.id, transfer.amount, more).await?;
    transaction.commit().await?;
    Ok(Posted::Now(Transfer { id, from: from.id, to: to.id, amount: transfer.amount }))
}

/// Locks and returns both accounts. Every transaction locks the lower number first, so that two transfers in opposite directions cannot
/// deadlock.
async fn lock(transaction: &mut Transaction<'_, Postgres>, transfer: NewTransfer) -> Result<(Account, Account), Error> {
    let accounts: Vec<Account> = sqlx::query_as(
        "SELECT id, owner, currency, balance, credit_limit, household FROM account
         WHERE id IN ($1, $2) ORDER BY id FOR NO KEY UPDATE",
    )
    .bind(transfer.from)
    .bind(transfer.to)
    .fetch_all(&mut **transaction)
    .await?;
    let find = |id| accounts.iter().find(|account| account.id == id).cloned().ok_or(Error::UnknownAccount(id));
    let (from, to) = (find(transfer.from)?, find(transfer.to)?);
    if from.currency != to.currency {
        return Err(Error::OtherCurrency(from.currency, to.currency));
    }
    Ok((from, to))
}

/// Inserts the transfer, and returns `None` if its key exists already. A `SELECT` of the key first would cause serialization failures
/// between unrelated transfers, because they would read the same page of the index.
async fn record(
    transaction: &mut Transaction<'_, Postgres>,
    key: &str,
    transfer: NewTransfer,
) -> Result<Option<TransferId>, Error> {
    let id = sqlx::query_scalar(
        "INSERT INTO transfer (idempotency_key, from_account, to_account, amount) VALUES ($1, $2, $3, $4)
         ON CONFLICT (idempotency_key) DO NOTHING RETURNING id",
    )
    .bind(key)
    .bind(transfer.from)
    .bind(transfer.to)
    .bind(transfer.amount)
    .fetch_optional(&mut **transaction)
    .await?;
    Ok(id)
}

async fn find(transaction: &mut Transaction<'_, Postgres>, key: &str) -> Result<Transfer, Error> {
    let transfer =
        sqlx::query_as("SELECT id, from_account, to_account, amount FROM transfer WHERE idempotency_key = $1")
            .bind(key)
            .fetch_one(&mut **transaction)
            .await?;
    Ok(transfer)
}

/// Whether the account or its household has enough money. The accounts of a household are read without a lock: `SERIALIZABLE` detects
/// if another transaction takes from one of them at the same time.
async fn covers(transaction: &mut Transaction<'_, Postgres>, account: &Account, amount: i64) -> Result<bool, Error> {
    let Some(household) = &account.household else {
        return Ok(i128::from(account.balance) + i128::from(account.credit_limit) >= i128::from(amount));
    };
    let is_enough = sqlx::query_scalar(
        "SELECT sum(balance::numeric + credit_limit) >= $3 FROM account WHERE household = $1 AND currency = $2",
    )
    .bind(household)
    .bind(&account.currency)
    .bind(amount)
    .fetch_one(&mut **transaction)
    .await?;
    Ok(is_enough)
}

/// Updates one account and inserts its entry of the transfer.
async fn enter(
    transaction: &mut Transaction<'_, Postgres>,
    transfer: TransferId,
    account: AccountId,
    amount: i64,
    balance: i64,
) -> Result<(), Error> {
    sqlx::query("UPDATE account SET balance = $2 WHERE id = $1")
        .bind(account)
        .bind(balance)
        .execute(&mut **transaction)
        .await?;
    sqlx::query("INSERT INTO entry (transfer_id, account_id, amount, balance) VALUES ($1, $2, $3, $4)")
        .bind(transfer)
        .bind(account)
        .bind(amount)
        .bind(balance)
        .execute(&mut **transaction)
        .await?;
    Ok(())
}
