//! Idempotency: a transfer is posted once, however often it is sent.

use bank::transfers::Transfer;
use bank::{Config, Isolation};
use itest::prelude::*;
use tokio::task::JoinSet;

use crate::books::keys_in_the_ledger;
use crate::fixtures::{Bank, BankDb, config, problem};
use crate::sessions::{block_entries, wait_for_blocked_sessions};

#[integration_test(tags("smoke"), covers("POST /transfers"))]
async fn repeated_transfer_returns_the_first_result(bank: &Bank, db: &BankDb, data: &Data) -> Result<()> {
    #[arrange("the account is empty after the transfer")]
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    let first: Transfer = bank.transfer("rent", ada, bob, 100).await?.assert_status(201).json()?;

    #[act]
    let response = bank.transfer("rent", ada, bob, 100).await?;

    #[assert]
    let again: Transfer = response.assert_status(200).json()?;
    assert_eq!(again, first);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (0, 100));
    assert_eq!(keys_in_the_ledger(&db.pool(), "rent").await?, ["rent"]);
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
async fn key_of_another_transfer_is_refused(bank: &Bank, data: &Data) -> Result<()> {
    #[arrange]
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 100).await?);
    let eve = bank.account(data, 100).await?;
    bank.transfer("rent", ada, bob, 10).await?.assert_status(201);

    #[act("another amount, another account, the other direction")]
    let responses = [
        bank.transfer("rent", ada, bob, 11).await?,
        bank.transfer("rent", ada, eve, 10).await?,
        bank.transfer("rent", eve, bob, 10).await?,
        bank.transfer("rent", bob, ada, 10).await?,
    ];

    #[assert]
    for response in &responses {
        response.assert_status(422);
        assert_eq!(problem(response), "key-reused");
    }
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?, bank.balance(eve).await?), (90, 110, 100));
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
async fn refused_transfer_may_be_sent_again(bank: &Bank, data: &Data) -> Result<()> {
    #[arrange]
    let (ada, bob) = (bank.account(data, 0).await?, bank.account(data, 0).await?);
    bank.transfer("rent", ada, bob, 100).await?.assert_status(409);
    bank.deposit(data, ada, 100).await?;

    #[act]
    let response = bank.transfer("rent", ada, bob, 100).await?;

    #[assert]
    response.assert_status(201);
    assert_eq!(bank.balance(bob).await?, 100);
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
async fn twenty_concurrent_copies_post_one_transfer(one: Bank, other: Bank, data: &Data) -> Result<()> {
    #[arrange]
    let (ada, bob) = (one.account(data, 1000).await?, one.account(data, 0).await?);

    #[act("the same transfer, at both instances")]
    let requests = (0..10).flat_map(|_| [&one, &other]).map(|bank| bank.transfer("rent", ada, bob, 100));
    let responses = requests.map(itest::Request::send).collect::<JoinSet<_>>().join_all().await;

    #[assert]
    let mut transfers = Vec::new();
    let mut made = 0;
    for response in responses {
        let response = response?;
        made += usize::from(response.status() == 201);
        if response.status() != 201 {
            response.assert_status(200);
        }
        transfers.push(response.json::<Transfer>()?);
    }
    assert_eq!(made, 1);
    assert!(transfers.iter().all(|transfer| *transfer == transfers[0]), "{transfers:?}");
    assert_eq!((one.balance(ada).await?, other.balance(bob).await?), (900, 100));
    Ok(())
}

/// The transfers use different accounts, so that only the key and no lock prevents the second one.
#[integration_test(covers("POST /transfers"))]
#[case::read_committed(Isolation::ReadCommitted)]
#[case::repeatable_read(Isolation::RepeatableRead)]
#[case::serializable(Isolation::Serializable)]
async fn two_concurrent_transfers_with_one_key_post_one(
    db: &BankDb,
    data: &Data,
    teardown: &Teardown,
    #[case] isolation: Isolation,
) -> Result<()> {
    #[arrange("both transfers have begun, and neither has ended")]
    let bank = Bank::start(db.url(), &Config { isolation, ..config() }, teardown).await?;
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    let (eve, mallory) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    let blocker = block_entries(&db.pool()).await?;
    let requests = [bank.transfer("rent", ada, bob, 10), bank.transfer("rent", eve, mallory, 10)];
    let sent: JoinSet<_> = requests.into_iter().map(itest::Request::send).collect();
    wait_for_blocked_sessions(&db.pool(), 2).await?;

    #[act]
    blocker.rollback().await?;
    let responses = sent.join_all().await;

    #[assert]
    let mut statuses = Vec::new();
    for response in responses {
        statuses.push(response?.status());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422]);
    assert_eq!(bank.balance(bob).await? + bank.balance(mallory).await?, 10);
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
#[case::empty("")]
#[case::too_long(&"k".repeat(65))]
#[case::not_visible("é")]
async fn invalid_key_is_refused(bank: &Bank, data: &Data, #[case] key: &str) -> Result<()> {
    #[arrange]
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);

    #[act]
    let response = bank.transfer(key, ada, bob, 10).await?;

    #[assert]
    response.assert_status(400);
    assert_eq!(bank.balance(ada).await?, 100);
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
async fn transfer_without_a_key_is_refused(bank: &Bank) -> Result<()> {
    #[act]
    let transfer = serde_json::json!({"from": 1, "to": 2, "amount": 3});
    let response = bank.client.post("/transfers").json(&transfer).await?;

    #[assert]
    response.assert_status(400).assert_json("/type", "/problems/bad-request");
    Ok(())
}
