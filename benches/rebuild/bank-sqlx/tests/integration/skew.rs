//! Write skew: two transactions read the same rows and write different ones, and together break a rule that each of them checked.

use bank::Isolation::{ReadCommitted, RepeatableRead, Serializable};
use bank::{Config, Isolation};
use sqlx::PgPool;

use crate::fixtures::{Bank, Opening, Result, config, unique};
use crate::sessions::{block_entries, wait_for_blocked_sessions};

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn accounts_of_a_household_cover_each_other(pool: PgPool) -> Result {
    // Sixty in one account, forty in the other, and a third account in dollars.
    let bank = Bank::start(&pool).await?;
    let household = Some(unique("household"));
    let mine = bank.open(&Opening { household: household.clone(), ..Opening::default() }).await?.id;
    let yours = bank.open(&Opening { household: household.clone(), ..Opening::default() }).await?.id;
    bank.open(&Opening { household, currency: "USD", credit_limit: 1000, ..Opening::default() }).await?;
    let shop = bank.account(0).await?;
    bank.deposit(mine, 60).await?;
    bank.deposit(yours, 40).await?;

    // The household spends the whole sum from one account, and then one more.
    let all = bank.client.transfer(&unique("sofa"), mine, shop, 100).await?;
    let one_more = bank.client.transfer(&unique("sofa"), yours, shop, 1).await?;

    all.assert_status(201);
    one_more.assert_status(409);
    assert_eq!((bank.balance(mine).await?, bank.balance(yours).await?), (-40, 40));
    bank.stop().await;
    Ok(())
}

/// A household has 100, and two transfers take 100 each from its two accounts. Both have read the balances before either writes.
async fn concurrent_transfers(pool: &PgPool, isolation: Isolation, expected: [u16; 2], left: i64) -> Result {
    let bank = Bank::start_with(pool, &Config { isolation, ..config() }).await?;
    let household = Some(unique("household"));
    let mine = bank.open(&Opening { household: household.clone(), ..Opening::default() }).await?.id;
    let yours = bank.open(&Opening { household, ..Opening::default() }).await?.id;
    bank.deposit(mine, 50).await?;
    bank.deposit(yours, 50).await?;
    let (baker, tailor) = (bank.account(0).await?, bank.account(0).await?);
    let blocker = block_entries(pool).await?;
    let cake = tokio::spawn(bank.client.transfer(&unique("cake"), mine, baker, 100));
    let suit = tokio::spawn(bank.client.transfer(&unique("suit"), yours, tailor, 100));
    wait_for_blocked_sessions(pool, 2).await?;

    blocker.rollback().await?;
    let responses = [cake.await??, suit.await??];

    let mut statuses = responses.each_ref().map(|response| response.status);
    statuses.sort_unstable();
    assert_eq!(statuses, expected);
    for response in responses.iter().filter(|response| response.status == 409) {
        assert_eq!(response.problem(), "insufficient-funds");
    }
    assert_eq!(bank.balance(mine).await? + bank.balance(yours).await?, left);
    let was_tried_again = bank.retries().await?.serialization_failures > 0;
    assert_eq!(was_tried_again, isolation == Serializable);
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn read_committed_spends_the_money_of_a_household_twice(pool: PgPool) -> Result {
    concurrent_transfers(&pool, ReadCommitted, [201, 201], -100).await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn repeatable_read_spends_the_money_of_a_household_twice(pool: PgPool) -> Result {
    concurrent_transfers(&pool, RepeatableRead, [201, 201], -100).await
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn serializable_spends_the_money_of_a_household_once(pool: PgPool) -> Result {
    concurrent_transfers(&pool, Serializable, [201, 409], 0).await
}
