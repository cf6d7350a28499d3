//! The rules that the ledger must keep after every test.

use itest::prelude::*;
use sqlx::postgres::PgPool;

use crate::fixtures::BankDb;

/// Violations of the rules of the ledger; all empty if the books balance.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Books {
    /// The sum of all entries, which must be zero.
    sum: i64,
    /// Accounts whose balance is not the sum of their entries.
    miscounted: Vec<i64>,
    /// Entries whose running balance does not follow from the one before.
    wrong_running_balance: Vec<i64>,
    /// Accounts below their credit limit that belong to no household.
    overdrawn: Vec<i64>,
    /// Transfers without exactly two entries of their amount.
    incomplete: Vec<i64>,
}

impl Books {
    pub(crate) const BALANCED: Self =
        Self { sum: 0, miscounted: vec![], wrong_running_balance: vec![], overdrawn: vec![], incomplete: vec![] };

    pub(crate) async fn read(pool: &PgPool) -> Result<Self> {
        let numbers = async |query: &'static str| sqlx::query_scalar::<_, i64>(query).fetch_all(pool).await;
        Ok(Self {
            sum: sqlx::query_scalar("SELECT coalesce(sum(amount), 0)::bigint FROM entry").fetch_one(pool).await?,
            miscounted: numbers(
                "SELECT id FROM account
                 WHERE balance <> (SELECT coalesce(sum(amount), 0) FROM entry WHERE account_id = account.id)",
            )
            .await?,
            wrong_running_balance: numbers(
                "SELECT id FROM (SELECT id, balance, sum(amount) OVER (PARTITION BY account_id ORDER BY id) AS counted
                                 FROM entry) AS running
                 WHERE balance <> counted",
            )
            .await?,
            overdrawn: numbers("SELECT id FROM account WHERE household IS NULL AND balance < -credit_limit").await?,
            incomplete: numbers(
                "SELECT id FROM transfer
                 WHERE (SELECT array_agg((account_id, amount) ORDER BY amount) FROM entry WHERE transfer_id = transfer.id)
                       IS DISTINCT FROM ARRAY[(from_account, -amount), (to_account, amount)]",
            )
            .await?,
        })
    }
}

/// No money appears or vanishes, and every account shows what the ledger says, whatever a test did.
#[invariant]
async fn books_are_balanced(db: &BankDb) -> Result<()> {
    assert_eq!(Books::read(&db.pool()).await?, Books::BALANCED);
    Ok(())
}

/// The idempotency keys of all transfers that begin with `stem`.
pub(crate) async fn keys_in_the_ledger(pool: &PgPool, stem: &str) -> Result<Vec<String>> {
    let keys = sqlx::query_scalar(
        "SELECT idempotency_key FROM transfer WHERE starts_with(idempotency_key, $1) ORDER BY idempotency_key COLLATE \"C\"",
    );
    Ok(keys.bind(stem).fetch_all(pool).await?)
}
