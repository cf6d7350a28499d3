//! Write skew: two transactions read the same rows and write different ones, and together break a rule that each of them checked.

use bank::Isolation::{ReadCommitted, RepeatableRead, Serializable};
use bank::{Config, Isolation};
use itest::prelude::*;
use tokio::task::JoinSet;

use crate::fixtures::{Bank, BankDb, Opening, config, problem};
use crate::sessions::{block_entries, wait_for_blocked_sessions};

#[integration_test(tags("smoke"), covers("POST /transfers"))]
async fn accounts_of_a_household_cover_each_other(bank: &Bank, data: &Data) -> Result<()> {
    #[arrange("sixty in one account, forty in the other, and a third account in dollars")]
    let household = Some(data.unique("household"));
    let mine = bank.open(&Opening { household: household.clone(), ..data.make() }).await?.id;
    let yours = bank.open(&Opening { household: household.clone(), ..data.make() }).await?.id;
    bank.open(&Opening { household, currency: "USD", credit_limit: 1000, ..data.make() }).await?;
    let shop = bank.account(data, 0).await?;
    bank.deposit(data, mine, 60).await?;
    bank.deposit(data, yours, 40).await?;

    #[act("spends the whole sum from one account, and then one more")]
    let all = bank.transfer(&data.unique("sofa"), mine, shop, 100).await?;
    let one_more = bank.transfer(&data.unique("sofa"), yours, shop, 1).await?;

    #[assert]
    all.assert_status(201);
    one_more.assert_status(409);
    assert_eq!((bank.balance(mine).await?, bank.balance(yours).await?), (-40, 40));
    Ok(())
}

/// A household has 100, and two transfers take 100 each from its two accounts. Both have read the balances before either writes.
#[integration_test(tags("smoke"), covers("POST /transfers"))]
#[case::read_committed_spends_it_twice(ReadCommitted, [201, 201], -100)]
#[case::repeatable_read_spends_it_twice(RepeatableRead, [201, 201], -100)]
#[case::serializable_spends_it_once(Serializable, [201, 409], 0)]
async fn concurrent_transfers_from_one_household(
    db: &BankDb,
    data: &Data,
    teardown: &Teardown,
    #[case] isolation: Isolation,
    #[case] expected: [u16; 2],
    #[case] left: i64,
) -> Result<()> {
    #[arrange]
    let bank = Bank::start(db.url(), &Config { isolation, ..config() }, teardown).await?;
    let household = Some(data.unique("household"));
    let mine = bank.open(&Opening { household: household.clone(), ..data.make() }).await?.id;
    let yours = bank.open(&Opening { household, ..data.make() }).await?.id;
    bank.deposit(data, mine, 50).await?;
    bank.deposit(data, yours, 50).await?;
    let (baker, tailor) = (bank.account(data, 0).await?, bank.account(data, 0).await?);
    let blocker = block_entries(&db.pool()).await?;
    let requests = [
        bank.transfer(&data.unique("cake"), mine, baker, 100),
        bank.transfer(&data.unique("suit"), yours, tailor, 100),
    ];
    let sent: JoinSet<_> = requests.into_iter().map(itest::Request::send).collect();
    wait_for_blocked_sessions(&db.pool(), 2).await?;

    #[act("both go on")]
    blocker.rollback().await?;
    let responses = sent.join_all().await;

    #[assert]
    let mut statuses = Vec::new();
    for response in responses {
        let response = response?;
        if response.status() == 409 {
            assert_eq!(problem(&response), "insufficient-funds");
        }
        statuses.push(response.status());
    }
    statuses.sort_unstable();
    assert_eq!(statuses, expected);
    assert_eq!(bank.balance(mine).await? + bank.balance(yours).await?, left);
    let was_tried_again = bank.retries().await?.serialization_failures > 0;
    assert_eq!(was_tried_again, isolation == Serializable);
    Ok(())
}
