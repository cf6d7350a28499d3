//! Write skew: two transactions that read the same and write different things, and together break a rule that each of them kept.

use bank::Isolation::{ReadCommitted, RepeatableRead, Serializable};
use bank::{Config, Isolation};
use itest::prelude::*;
use tokio::task::JoinSet;

use crate::fixtures::{Bank, BankDb, Opening, config, problem};
use crate::sessions::{somebody_who_stops_entries, until_waiting};

#[integration_test(tags("smoke"), covers("POST /transfers"))]
async fn the_accounts_of_a_household_cover_for_one_another(bank: &Bank, data: &Data) -> Result<()> {
    #[arrange("sixty in one account, forty in the other, and as much in dollars")]
    let household = Some(data.unique("household"));
    let mine = bank.open(&Opening { household: household.clone(), ..data.make() }).await?.id;
    let yours = bank.open(&Opening { household: household.clone(), ..data.make() }).await?.id;
    bank.open(&Opening { household, currency: "USD", credit_limit: 1000, ..data.make() }).await?;
    let shop = bank.account(data, 0).await?;
    bank.deposit(data, mine, 60).await?;
    bank.deposit(data, yours, 40).await?;

    #[act("all of it from one account, and then one more")]
    let all = bank.transfer(&data.unique("sofa"), mine, shop, 100).await?;
    let one_more = bank.transfer(&data.unique("sofa"), yours, shop, 1).await?;

    #[assert]
    all.assert_status(201);
    one_more.assert_status(409);
    assert_eq!((bank.balance(mine).await?, bank.balance(yours).await?), (-40, 40));
    Ok(())
}

/// A household has 100; both of its accounts are asked for 100, each by somebody else, and both have looked before either has taken.
#[integration_test(tags("smoke"), covers("POST /transfers"))]
#[case::at_read_committed_it_spends_what_it_has_twice(ReadCommitted, [201, 201], -100)]
#[case::at_repeatable_read_it_does_so_too(RepeatableRead, [201, 201], -100)]
#[case::at_serializable_it_does_not(Serializable, [201, 409], 0)]
async fn a_household_at_two_counters(
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
    let somebody = somebody_who_stops_entries(&db.pool()).await?;
    let requests = [
        bank.transfer(&data.unique("cake"), mine, baker, 100),
        bank.transfer(&data.unique("suit"), yours, tailor, 100),
    ];
    let sent: JoinSet<_> = requests.into_iter().map(itest::Request::send).collect();
    until_waiting(&db.pool(), 2).await?;

    #[act("both go on")]
    somebody.rollback().await?;
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
