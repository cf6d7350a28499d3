//! Idempotency: a transfer is posted once, however often it is sent.

use bank::transfers::Transfer;
use bank::{Config, Isolation};
use serde_json::json;
use sqlx::PgPool;
use tokio::task::JoinSet;

use crate::books::{Books, keys_in_the_ledger};
use crate::fixtures::{Bank, Result, config, send};
use crate::sessions::{block_entries, wait_for_blocked_sessions};

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn repeated_transfer_returns_the_first_result(pool: PgPool) -> Result {
    // The account is empty after the transfer.
    let bank = Bank::start(&pool).await?;
    let (ada, bob) = (bank.account(100).await?, bank.account(0).await?);
    let first: Transfer = bank.client.transfer("rent", ada, bob, 100).await?.assert_status(201).json()?;

    let response = bank.client.transfer("rent", ada, bob, 100).await?;

    let again: Transfer = response.assert_status(200).json()?;
    assert_eq!(again, first);
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (0, 100));
    assert_eq!(keys_in_the_ledger(&pool, "rent").await?, ["rent"]);
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn key_of_another_transfer_is_refused(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let (ada, bob) = (bank.account(100).await?, bank.account(100).await?);
    let eve = bank.account(100).await?;
    bank.client.transfer("rent", ada, bob, 10).await?.assert_status(201);

    // Another amount, another account, the other direction.
    let responses = [
        bank.client.transfer("rent", ada, bob, 11).await?,
        bank.client.transfer("rent", ada, eve, 10).await?,
        bank.client.transfer("rent", eve, bob, 10).await?,
        bank.client.transfer("rent", bob, ada, 10).await?,
    ];

    for response in &responses {
        response.assert_status(422);
        assert_eq!(response.problem(), "key-reused");
    }
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?, bank.balance(eve).await?), (90, 110, 100));
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn refused_transfer_may_be_sent_again(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let (ada, bob) = (bank.account(0).await?, bank.account(0).await?);
    bank.client.transfer("rent", ada, bob, 100).await?.assert_status(409);
    bank.deposit(ada, 100).await?;

    let response = bank.client.transfer("rent", ada, bob, 100).await?;

    response.assert_status(201);
    assert_eq!(bank.balance(bob).await?, 100);
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn twenty_concurrent_copies_post_one_transfer(pool: PgPool) -> Result {
    let (one, other) = (Bank::start(&pool).await?, Bank::start(&pool).await?);
    let (ada, bob) = (one.account(1000).await?, one.account(0).await?);

    // The same transfer, at both instances.
    let requests = (0..10).flat_map(|_| [&one, &other]).map(|bank| bank.client.transfer("rent", ada, bob, 100));
    let responses = requests.collect::<JoinSet<_>>().join_all().await;

    let mut transfers = Vec::new();
    let mut made = 0;
    for response in responses {
        let response = response?;
        made += usize::from(response.status == 201);
        if response.status != 201 {
            response.assert_status(200);
        }
        transfers.push(response.json::<Transfer>()?);
    }
    assert_eq!(made, 1);
    assert!(transfers.iter().all(|transfer| *transfer == transfers[0]), "{transfers:?}");
    assert_eq!((one.balance(ada).await?, other.balance(bob).await?), (900, 100));
    assert_eq!(Books::read(&pool).await?, Books::BALANCED);
    one.stop().await;
    other.stop().await;
    Ok(())
}

/// The transfers use different accounts, so that only the key and no lock prevents the second one.
async fn two_concurrent_transfers_with_one_key(pool: &PgPool, isolation: Isolation) -> Result {
    // Both transfers have begun, and neither has ended.
    let bank = Bank::start_with(pool, &Config { isolation, ..config() }).await?;
    let (ada, bob) = (bank.account(100).await?, bank.account(0).await?);
    let (eve, mallory) = (bank.account(100).await?, bank.account(0).await?);
    let blocker = block_entries(pool).await?;
    let requests = [bank.client.transfer("rent", ada, bob, 10), bank.client.transfer("rent", eve, mallory, 10)];
    let sent: JoinSet<_> = requests.into_iter().collect();
    wait_for_blocked_sessions(pool, 2).await?;

    blocker.rollback().await?;
    let responses = sent.join_all().await;

    let mut statuses = Vec::new();
    for response in responses {
        statuses.push(response?.status);
    }
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 422]);
    assert_eq!(bank.balance(bob).await? + bank.balance(mallory).await?, 10);
    assert_eq!(Books::read(pool).await?, Books::BALANCED);
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn two_concurrent_transfers_with_one_key_post_one_at_read_committed(pool: PgPool) -> Result {
    two_concurrent_transfers_with_one_key(&pool, Isolation::ReadCommitted).await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn two_concurrent_transfers_with_one_key_post_one_at_repeatable_read(pool: PgPool) -> Result {
    two_concurrent_transfers_with_one_key(&pool, Isolation::RepeatableRead).await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn two_concurrent_transfers_with_one_key_post_one_at_serializable(pool: PgPool) -> Result {
    two_concurrent_transfers_with_one_key(&pool, Isolation::Serializable).await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn invalid_key_is_refused(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let (ada, bob) = (bank.account(100).await?, bank.account(0).await?);
    for key in ["", &"k".repeat(65), "é"] {
        let response = bank.client.transfer(key, ada, bob, 10).await?;

        assert_eq!(response.status, 400, "{key:?}: {response:?}");
        assert_eq!(bank.balance(ada).await?, 100, "{key:?}");
    }
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_without_a_key_is_refused(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;

    let transfer = json!({"from": 1, "to": 2, "amount": 3});
    let response = send(bank.client.post("/transfers").json(&transfer)).await?;

    response.assert_status(400);
    assert_eq!(response.problem(), "bad-request");
    bank.stop().await;
    Ok(())
}
