//! Hundreds of transfers at once among a few accounts: what was promised is in the books, once, and nothing else.

use std::collections::BTreeSet;
use std::pin::pin;
use std::time::Duration;

use bank::accounts::AccountId;
use bank::{Config, Isolation};
use itest::Response;
use itest::prelude::*;
use sqlx::postgres::PgPool;
use tokio::task::JoinSet;

use crate::books::{Books, keys_in_the_ledger};
use crate::fixtures::{Bank, BankDb, config, problem};

/// How often a client sends a transfer again whose end it does not know.
const PERSISTENCE: usize = 100;

/// Where each account begins.
const EACH: i64 = 100;

/// What has become of a storm.
#[derive(Debug, Default)]
struct Decisions {
    made: BTreeSet<String>,
    refused: usize,
}

/// A few accounts with little in them, so that some transfers are refused.
async fn few_accounts(bank: &Bank, data: &Data) -> Result<Vec<AccountId>> {
    let mut accounts = Vec::new();
    for _ in 0..4 {
        accounts.push(bank.account(data, EACH).await?);
    }
    Ok(accounts)
}

/// Sends transfers to some instances, all at once, each until it is decided, and gathers what was decided.
async fn storm(banks: &[&Bank], data: &Data, accounts: &[AccountId], count: usize) -> Result<Decisions> {
    let mut sent = JoinSet::new();
    for number in 0..count {
        let key = data.unique("storm");
        let from = *data.pick(accounts).ok_or("no accounts")?;
        let others: Vec<_> = accounts.iter().copied().filter(|account| *account != from).collect();
        let to = *data.pick(&others).ok_or("no other account")?;
        let amount = i64::try_from(data.within(1..=80))?;
        // Who does not get an answer from one instance asks the next one.
        let mut counters: Vec<Bank> = banks.iter().map(|bank| (*bank).clone()).collect();
        counters.rotate_left(number % banks.len());
        sent.spawn(async move {
            let response = decided(&counters, &key, (from, to, amount)).await?;
            Ok::<_, itest::Error>((key, response))
        });
    }
    let mut decisions = Decisions::default();
    while let Some(ended) = sent.join_next().await {
        let (key, response) = ended??;
        match response.status() {
            // 200: it was made when an earlier answer was lost.
            200 | 201 => drop(decisions.made.insert(key)),
            _ => {
                response.assert_status(409);
                assert_eq!(problem(&response), "insufficient-funds");
                decisions.refused += 1;
            }
        }
    }
    Ok(decisions)
}

/// The first answer that is not "try again".
async fn decided(banks: &[Bank], key: &str, (from, to, amount): (AccountId, AccountId, i64)) -> Result<Response> {
    let mut last = Err("nothing was sent".into());
    for bank in banks.iter().cycle().take(PERSISTENCE) {
        last = bank.transfer(key, from, to, amount).await;
        if last.as_ref().is_ok_and(|response| response.status() != 503) {
            break;
        }
    }
    last
}

/// What must hold after every storm.
async fn the_books_tell(pool: &PgPool, decisions: &Decisions, accounts: &[AccountId]) -> Result<()> {
    assert_eq!(Books::read(pool).await?, Books::BALANCED);
    let in_the_ledger = keys_in_the_ledger(pool, "storm").await?;
    assert_eq!(in_the_ledger, Vec::from_iter(decisions.made.clone()), "what was promised, and nothing else");
    let total = sqlx::query_scalar::<_, i64>("SELECT sum(balance)::bigint FROM account WHERE id = ANY ($1)");
    let accounts: Vec<i64> = accounts.iter().map(|account| account.0).collect();
    assert_eq!(total.bind(&accounts).fetch_one(pool).await?, EACH * i64::try_from(accounts.len())?);
    assert!(!decisions.made.is_empty() && decisions.refused > 0, "a storm has both: {decisions:?}");
    Ok(())
}

#[integration_test(tags("smoke"), covers("POST /transfers"))]
async fn the_books_balance_after_hundreds_of_transfers(bank: &Bank, db: &BankDb, data: &Data) -> Result<()> {
    #[arrange]
    let accounts = few_accounts(bank, data).await?;

    #[act]
    let decisions = storm(&[bank], data, &accounts, 300).await?;

    #[assert]
    the_books_tell(&db.pool(), &decisions, &accounts).await?;
    let retries = bank.retries().await?;
    assert!(retries.serialization_failures > 0, "nobody was in anybody's way: {retries:?}");
    assert_eq!(retries.deadlocks, 0, "accounts are locked in one order");
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
async fn the_books_balance_after_a_storm_at_two_instances(
    one: Bank,
    other: Bank,
    db: &BankDb,
    data: &Data,
) -> Result<()> {
    #[arrange]
    let accounts = few_accounts(&one, data).await?;

    #[act]
    let decisions = storm(&[&one, &other], data, &accounts, 300).await?;

    #[assert]
    the_books_tell(&db.pool(), &decisions, &accounts).await?;
    for bank in [&one, &other] {
        let retries = bank.retries().await?;
        assert!(retries.serialization_failures > 0, "nobody was in anybody's way: {retries:?}");
        assert_eq!(retries.deadlocks, 0, "accounts are locked in one order");
    }
    Ok(())
}

/// Without households the locks alone are enough, and nothing is ever tried again.
#[integration_test(covers("POST /transfers"))]
async fn the_books_balance_at_read_committed_without_conflicts(
    db: &BankDb,
    data: &Data,
    teardown: &Teardown,
) -> Result<()> {
    #[arrange]
    let config = Config { isolation: Isolation::ReadCommitted, ..config() };
    let bank = Bank::start(db.url(), &config, teardown).await?;
    let accounts = few_accounts(&bank, data).await?;

    #[act]
    let decisions = storm(&[&bank], data, &accounts, 300).await?;

    #[assert]
    the_books_tell(&db.pool(), &decisions, &accounts).await?;
    assert_eq!(bank.retries().await?, bank::retry::Retries::default());
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
async fn the_books_balance_when_connections_are_killed_all_the_time(
    bank: &Bank,
    db: &BankDb,
    data: &Data,
) -> Result<()> {
    #[arrange]
    let accounts = few_accounts(bank, data).await?;

    #[act("one that is at work is killed after every five transfers")]
    let pool = db.pool();
    let (mut killed, mut enough) = (0, 0);
    let mut look = tokio::time::interval(Duration::from_millis(5));
    let banks = [bank];
    let mut storm = pin!(storm(&banks, data, &accounts, 200));
    let decisions = loop {
        tokio::select! {
            decisions = &mut storm => break decisions?,
            _ = look.tick() => {}
        }
        // Counted in transfers and not in time: on a machine that is slow nobody would get anywhere.
        let made: i64 = sqlx::query_scalar("SELECT count(*) FROM transfer").fetch_one(&pool).await?;
        if made >= enough {
            killed += kill_one_at_work(&pool).await?;
            enough = made + 5;
        }
    };

    #[assert]
    assert!(killed > 0, "nobody was killed");
    the_books_tell(&pool, &decisions, &accounts).await?;
    Ok(())
}

/// Ends one session of this test's own database that the bank has and that is in a transaction.
async fn kill_one_at_work(pool: &PgPool) -> Result<u64> {
    let kill = sqlx::query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE datname = current_database() AND application_name = 'bank' AND state <> 'idle' LIMIT 1",
    );
    Ok(kill.execute(pool).await?.rows_affected())
}
