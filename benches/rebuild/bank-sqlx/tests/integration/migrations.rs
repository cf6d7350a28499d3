//! The migrations: up, down and up again with rows in the tables, and while the bank is serving.

use std::sync::atomic::{AtomicBool, Ordering};

use bank::{Config, MIGRATIONS};
use sqlx::PgPool;

use crate::books::Books;
use crate::fixtures::{Bank, Result, config, unique};
use crate::sessions::eventually;

#[sqlx::test(migrations = false)]
async fn migrations_up_and_down_keep_the_balances(pool: PgPool) -> Result {
    let accounts =
        "INSERT INTO account (owner, currency, credit_limit) VALUES ('Vault', 'EUR', 1000), ('Ada', 'EUR', 0)";
    let transfers = "
        INSERT INTO transfer (idempotency_key, from_account, to_account, amount) VALUES ('a', 1, 2, 50), ('b', 2, 1, 20);
        INSERT INTO entry (transfer_id, account_id, amount) VALUES (1, 1, -50), (1, 2, 50), (2, 2, -20), (2, 1, 20);
        UPDATE account SET balance = CASE id WHEN 1 THEN -30 ELSE 30 END";
    let counted = [(1, -50, -50), (1, 20, -30), (2, 50, 50), (2, -20, 30)];

    MIGRATIONS.run_to(1, &pool).await?;
    sqlx::raw_sql(accounts).execute(&pool).await?;
    MIGRATIONS.run_to(3, &pool).await?;
    sqlx::raw_sql(transfers).execute(&pool).await?;
    MIGRATIONS.run_to(4, &pool).await?;
    assert_eq!(entries(&pool).await?, counted);

    MIGRATIONS.undo(&pool, 3).await?;
    let sum: i64 = sqlx::query_scalar("SELECT sum(amount)::bigint FROM entry").fetch_one(&pool).await?;
    assert_eq!(sum, 0);

    MIGRATIONS.run(&pool).await?;
    assert_eq!(entries(&pool).await?, counted);
    let balances: Vec<(i64, Option<String>)> =
        sqlx::query_as("SELECT balance, household FROM account ORDER BY id").fetch_all(&pool).await?;
    assert_eq!(balances, [(-30, None), (30, None)]);

    // Every migration can be undone and applied again.
    for migration in MIGRATIONS.iter().filter(|migration| migration.migration_type.is_up_migration()) {
        MIGRATIONS.undo(&pool, migration.version - 1).await?;
        MIGRATIONS.run(&pool).await?;
    }
    Ok(())
}

async fn entries(pool: &PgPool) -> Result<Vec<(i64, i64, i64)>> {
    let entries = sqlx::query_as("SELECT account_id, amount, balance FROM entry ORDER BY account_id, id");
    Ok(entries.fetch_all(pool).await?)
}

/// A household may owe more in one account than the older schema allows. Undoing the migration must still work.
#[sqlx::test(migrator = "MIGRATIONS", fixtures("vaults"))]
async fn undoing_households_grants_credit_to_overdrawn_accounts(pool: PgPool) -> Result {
    let household = "INSERT INTO account (owner, currency, balance, credit_limit, household)
                     VALUES ('Ada', 'EUR', -40, 10, 'Lovelace'), ('William', 'EUR', 60, 0, 'Lovelace')";
    sqlx::query(household).execute(&pool).await?;

    MIGRATIONS.undo(&pool, 4).await?;

    let accounts: Vec<(i64, i64)> =
        sqlx::query_as("SELECT balance, credit_limit FROM account WHERE id > 2 ORDER BY id").fetch_all(&pool).await?;
    assert_eq!(accounts, [(-40, 40), (60, 0)]);
    Ok(())
}

/// Schema changes of a next release, which are made while this release is serving.
const ONLINE_CHANGES: [&str; 4] = [
    "ALTER TABLE transfer ADD COLUMN reference text",
    "CREATE INDEX CONCURRENTLY transfer_by_reference ON transfer (reference)",
    "ALTER TABLE entry ADD COLUMN booked_on date NOT NULL DEFAULT current_date",
    "ALTER TABLE account ADD COLUMN closed_at timestamptz",
];

#[sqlx::test(migrator = "MIGRATIONS", fixtures("vaults"))]
async fn transfers_succeed_while_the_schema_changes(pool: PgPool) -> Result {
    // The two customers conflict all the time, so many attempts are allowed.
    let bank = Bank::start_with(&pool, &Config { attempts: 100, ..config() }).await?;
    let (ada, bob) = (bank.account(1_000_000).await?, bank.account(1_000_000).await?);
    let has_grown = AtomicBool::new(false);
    // A customer sends transfers one after another until the schema is changed, and one more with the new schema.
    let customer = async |from, to| -> Result<Vec<u16>> {
        let mut statuses = Vec::new();
        loop {
            let is_last = has_grown.load(Ordering::Relaxed);
            statuses.push(bank.client.transfer(&unique("busy"), from, to, 1).await?.status);
            if is_last {
                return Ok(statuses);
            }
        }
    };
    let grow = async || -> Result {
        eventually(async || bank.balance(ada).await, |balance| *balance != 1_000_000).await?;
        for statement in ONLINE_CHANGES {
            sqlx::query(statement).execute(&pool).await?;
        }
        has_grown.store(true, Ordering::Relaxed);
        Ok(())
    };

    let (grown, adas, bobs) = tokio::join!(grow(), customer(ada, bob), customer(bob, ada));

    grown?;
    let statuses = [adas?, bobs?].concat();
    assert_eq!(statuses, vec![201; statuses.len()]);
    assert_eq!(Books::read(&pool).await?, Books::BALANCED);
    bank.stop().await;
    Ok(())
}
