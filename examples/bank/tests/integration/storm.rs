//! Load tests: hundreds of concurrent transfers among a few accounts. Afterwards the ledger has every confirmed transfer once, and no other.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use bank::accounts::AccountId;
use bank::{Config, Isolation};
use itest::Response;
use itest::prelude::*;
use sqlx::postgres::PgPool;
use tokio::task::JoinSet;

use crate::books::keys_in_the_ledger;
use crate::fixtures::{Bank, BankDb, config, problem};

/// The limit of attempts of a client for one transfer.
const MAX_ATTEMPTS: usize = 100;

/// The balance of each account at the start.
const INITIAL_BALANCE: i64 = 100;

/// The results of a load test.
#[derive(Debug, Default)]
struct StormResults {
    made: BTreeSet<String>,
    refused: usize,
}

/// Opens a few accounts with low balances, so that some transfers are refused.
async fn few_accounts(bank: &Bank, data: &Data) -> Result<Vec<AccountId>> {
    let mut accounts = Vec::new();
    for _ in 0..4 {
        accounts.push(bank.account(data, INITIAL_BALANCE).await?);
    }
    Ok(accounts)
}

/// Sends transfers to all instances at once, each until it is posted or refused, and collects the results.
async fn storm(banks: &[&Bank], data: &Data, accounts: &[AccountId], count: usize) -> Result<StormResults> {
    let mut sent = JoinSet::new();
    for number in 0..count {
        let key = data.unique("storm");
        let from = *data.pick(accounts).ok_or("no accounts")?;
        let others: Vec<_> = accounts.iter().copied().filter(|account| *account != from).collect();
        let to = *data.pick(&others).ok_or("no other account")?;
        let amount = i64::try_from(data.within(1..=80))?;
        // A client that gets no final answer from one instance tries the next one.
        let mut instances: Vec<Bank> = banks.iter().map(|bank| (*bank).clone()).collect();
        instances.rotate_left(number % banks.len());
        sent.spawn(async move {
            let response = send_until_final(&instances, &key, (from, to, amount)).await?;
            Ok::<_, itest::Error>((key, response))
        });
    }
    let mut results = StormResults::default();
    while let Some(ended) = sent.join_next().await {
        let (key, response) = ended??;
        match response.status() {
            // 200 means that an earlier attempt was posted, and its response was lost.
            200 | 201 => drop(results.made.insert(key)),
            _ => {
                response.assert_status(409);
                assert_eq!(problem(&response), "insufficient-funds");
                results.refused += 1;
            }
        }
    }
    Ok(results)
}

/// Sends a transfer until the response is not 503.
async fn send_until_final(
    banks: &[Bank],
    key: &str,
    (from, to, amount): (AccountId, AccountId, i64),
) -> Result<Response> {
    let mut last = Err("nothing was sent".into());
    for bank in banks.iter().cycle().take(MAX_ATTEMPTS) {
        last = bank.transfer(key, from, to, amount).await;
        if last.as_ref().is_ok_and(|response| response.status() != 503) {
            break;
        }
    }
    last
}

/// Asserts that the ledger agrees with the responses.
async fn assert_ledger_agrees(pool: &PgPool, results: &StormResults, accounts: &[AccountId]) -> Result<()> {
    let in_the_ledger = keys_in_the_ledger(pool, "storm").await?;
    assert_eq!(in_the_ledger, Vec::from_iter(results.made.clone()), "exactly the confirmed transfers");
    let total = sqlx::query_scalar::<_, i64>("SELECT sum(balance)::bigint FROM account WHERE id = ANY ($1)");
    let accounts: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    assert_eq!(total.bind(&accounts).fetch_one(pool).await?, INITIAL_BALANCE * i64::try_from(accounts.len())?);
    assert!(!results.made.is_empty() && results.refused > 0, "both kinds must occur: {results:?}");
    Ok(())
}

#[integration_test(tags("smoke"), covers("POST /transfers"))]
async fn books_balance_after_hundreds_of_transfers(bank: &Bank, db: &BankDb, data: &Data) -> Result<()> {
    #[arrange]
    let accounts = few_accounts(bank, data).await?;

    #[act]
    let results = storm(&[bank], data, &accounts, 300).await?;

    #[assert]
    assert_ledger_agrees(&db.pool(), &results, &accounts).await?;
    let retries = bank.retries().await?;
    assert!(retries.serialization_failures > 0, "no transfers conflicted: {retries:?}");
    assert_eq!(retries.deadlocks, 0, "accounts are locked in one order");
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
async fn books_balance_with_two_instances(one: Bank, other: Bank, db: &BankDb, data: &Data) -> Result<()> {
    #[arrange]
    let accounts = few_accounts(&one, data).await?;

    #[act]
    let results = storm(&[&one, &other], data, &accounts, 300).await?;

    #[assert]
    assert_ledger_agrees(&db.pool(), &results, &accounts).await?;
    for bank in [&one, &other] {
        let retries = bank.retries().await?;
        assert!(retries.serialization_failures > 0, "no transfers conflicted: {retries:?}");
        assert_eq!(retries.deadlocks, 0, "accounts are locked in one order");
    }
    Ok(())
}

/// Without households the locks alone are sufficient, and no transfer is retried.
#[integration_test(covers("POST /transfers"))]
async fn books_balance_at_read_committed_without_conflicts(
    db: &BankDb,
    data: &Data,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let config = Config { isolation: Isolation::ReadCommitted, ..config() };
    let bank = Bank::start(db.url(), &config, teardown).await?;
    let accounts = few_accounts(&bank, data).await?;

    #[act]
    let results = storm(&[&bank], data, &accounts, 300).await?;

    #[assert]
    assert_ledger_agrees(&db.pool(), &results, &accounts).await?;
    assert_eq!(bank.retries().await?, bank::retry::Retries::default());
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
async fn books_balance_while_connections_are_killed(bank: &Bank, db: &BankDb, data: &Data) -> Result<()> {
    #[arrange]
    let accounts = few_accounts(bank, data).await?;

    #[act("a busy connection is killed after every five transfers")]
    let pool = db.pool();
    let (mut killed, mut next_kill_at) = (0, 0);
    let mut poll_interval = tokio::time::interval(Duration::from_millis(5));
    let banks = [bank];
    let mut storm = pin!(storm(&banks, data, &accounts, 200));
    let results = loop {
        tokio::select! {
            results = &mut storm => break results?,
            _ = poll_interval.tick() => {}
        }
        // The kills depend on the number of transfers and not on time, because on a slow machine no transfer would finish otherwise.
        let made: i64 = sqlx::query_scalar("SELECT count(*) FROM transfer").fetch_one(&pool).await?;
        if made >= next_kill_at {
            killed += kill_one_busy_session(&pool).await?;
            next_kill_at = made + 5;
        }
    };

    #[assert]
    assert!(killed > 0, "no connection was killed");
    assert_ledger_agrees(&pool, &results, &accounts).await?;
    Ok(())
}

/// Ends one busy session of the bank in this test's database.
async fn kill_one_busy_session(pool: &PgPool) -> Result<u64> {
    let kill = sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'bank' AND state <> 'idle' LIMIT 1",
    );
    Ok(kill.execute(pool).await?.rows_affected())
}
