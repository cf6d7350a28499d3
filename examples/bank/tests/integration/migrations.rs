//! The migrations: up, down and up again with rows in the tables, and while the bank is serving.

use std::sync::atomic::{AtomicBool, Ordering};

use bank::{Config, MIGRATIONS};
use itest::migrations::{Check, Example};
use itest::prelude::*;
use sqlx::PgPool;

use crate::books::Books;
use crate::fixtures::{Bank, OwnBankDb, config};

#[integration_test(tags("smoke"))]
async fn migrations_up_and_down_keep_the_balances(db: &OwnBankDb) -> Result<()> {
    #[arrange("a function that returns an empty database")]
    let empty = async || -> Result<PgPool> {
        sqlx::raw_sql("DROP SCHEMA public CASCADE; CREATE SCHEMA public").execute(&db.pool()).await?;
        Ok(PgPool::connect(db.url()).await?)
    };
    let accounts =
        "INSERT INTO account (owner, currency, credit_limit) VALUES ('Vault', 'EUR', 1000), ('Ada', 'EUR', 0)";
    let transfers = "
        INSERT INTO transfer (idempotency_key, from_account, to_account, amount) VALUES ('a', 1, 2, 50), ('b', 2, 1, 20);
        INSERT INTO entry (transfer_id, account_id, amount) VALUES (1, 1, -50), (1, 2, 50), (2, 2, -20), (2, 1, 20);
        UPDATE account SET balance = CASE id WHEN 1 THEN -30 ELSE 30 END";
    let entries = "SELECT account_id, amount, balance FROM entry ORDER BY account_id, id";
    let counted = [["1", "-50", "-50"], ["1", "20", "-30"], ["2", "50", "50"], ["2", "-20", "30"]];

    #[act]
    let checked = Check::new(&MIGRATIONS)
        .folder("migrations")
        .require_down()
        .example(
            Example::new("running balances are counted")
                .before(2, accounts)
                .before(4, transfers)
                .after(4, entries, counted)
                .undone(4, "SELECT sum(amount) FROM entry", [["0"]])
                .after(5, "SELECT balance, household FROM account ORDER BY id", [["-30", "NULL"], ["30", "NULL"]]),
        )
        .run(empty)
        .await;

    #[assert]
    assert_eq!(checked?.to_string(), "5 migrations applied, 5 undone and applied again, 1 example kept");
    Ok(())
}

/// A household may owe more in one account than the older schema allows. Undoing the migration must still work.
#[integration_test]
async fn undoing_households_grants_credit_to_overdrawn_accounts(db: &OwnBankDb) -> Result<()> {
    #[arrange]
    let household = "INSERT INTO account (owner, currency, balance, credit_limit, household)
                     VALUES ('Ada', 'EUR', -40, 10, 'Lovelace'), ('William', 'EUR', 60, 0, 'Lovelace')";
    sqlx::query(household).execute(&db.pool()).await?;

    #[act]
    MIGRATIONS.undo(&db.pool(), 4).await?;

    #[assert]
    let accounts: Vec<(i64, i64)> =
        sqlx::query_as("SELECT balance, credit_limit FROM account WHERE id > 2 ORDER BY id")
            .fetch_all(&db.pool())
            .await?;
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

#[integration_test(tags("smoke"))]
async fn transfers_succeed_while_the_schema_changes(db: &OwnBankDb, data: &Data, teardown: &Teardown) -> Result<()> {
    #[arrange]
    // The two customers conflict all the time, so many attempts are allowed.
    let bank = Bank::start(db.url(), &Config { attempts: 100, ..config() }, teardown).await?;
    let (ada, bob) = (bank.account(data, 1_000_000).await?, bank.account(data, 1_000_000).await?);
    let has_grown = AtomicBool::new(false);
    // A customer sends transfers one after another until the schema is changed, and one more with the new schema.
    let customer = async |from, to| -> Result<Vec<u16>> {
        let mut statuses = Vec::new();
        loop {
            let is_last = has_grown.load(Ordering::Relaxed);
            statuses.push(bank.transfer(&data.unique("busy"), from, to, 1).await?.status());
            if is_last {
                return Ok(statuses);
            }
        }
    };
    let grow = async || -> Result<()> {
        eventually(|| bank.balance(ada)).until(|balance| balance.as_ref().is_ok_and(|now| *now != 1_000_000)).await??;
        for statement in ONLINE_CHANGES {
            sqlx::query(statement).execute(&db.pool()).await?;
        }
        has_grown.store(true, Ordering::Relaxed);
        Ok(())
    };

    #[act]
    let (grown, adas, bobs) = tokio::join!(grow(), customer(ada, bob), customer(bob, ada));

    #[assert("all requests succeeded")]
    grown?;
    let statuses = [adas?, bobs?].concat();
    assert_eq!(statuses, vec![201; statuses.len()]);
    assert_eq!(Books::read(&db.pool()).await?, Books::BALANCED);
    Ok(())
}
