//! What the bank does when its connection to the database breaks, or when the database aborts a transaction. A proxy between the bank
//! and the database injects each fault; the invariant of [`crate::books`] says that no money appears or vanishes.

use bank::accounts::AccountId;
use bank::retry::Retries;
use itest::prelude::*;
use itest::{Fault, SqlState, statement};

use crate::books::keys_in_the_ledger;
use crate::fixtures::{Bank, BankDb, config, problem};

const CONFLICT: Fault = Fault::SqlState(SqlState::SERIALIZATION_FAILURE);
const DEADLOCK: Fault = Fault::SqlState(SqlState::DEADLOCK_DETECTED);

/// A bank whose connections lead through a proxy, and two accounts.
struct ProxiedBank {
    bank: Bank,
    ada: AccountId,
    bob: AccountId,
}

#[fixture]
async fn proxied_bank(db: &BankDb, proxy: &Proxy, data: &Data, teardown: &Teardown) -> Result<ProxiedBank> {
    let bank = Bank::start(&db.through(proxy)?, &config(), teardown).await?;
    let (ada, bob) = (bank.account(data, 100).await?, bank.account(data, 0).await?);
    Ok(ProxiedBank { bank, ada, bob })
}

#[integration_test(covers("POST /transfers", "GET /retries"))]
#[case::conflict_at_an_update(CONFLICT, "UPDATE account", Retries { serialization_failures: 2, deadlocks: 0, given_up: 0 })]
#[case::conflict_at_commit(CONFLICT, "COMMIT", Retries { serialization_failures: 2, deadlocks: 0, given_up: 0 })]
#[case::deadlock(DEADLOCK, "UPDATE account", Retries { serialization_failures: 0, deadlocks: 2, given_up: 0 })]
async fn transfer_is_tried_again_after_two_conflicts(
    proxied: &ProxiedBank,
    proxy: &Proxy,
    #[case] fault: Fault,
    #[case] on: &str,
    #[case] expected: Retries,
) -> Result<()> {
    #[arrange]
    let ProxiedBank { bank, ada, bob } = proxied;
    proxy.inject(fault).on(statement::containing(on)).first(2);

    #[act]
    let response = bank.transfer("rent", *ada, *bob, 10).await?;

    #[assert]
    response.assert_status(201);
    assert_eq!((bank.balance(*ada).await?, bank.balance(*bob).await?), (90, 10));
    assert_eq!(bank.retries().await?, expected);
    Ok(())
}

/// The client gets an error in each case. In the last one the transfer is posted, and sending it again posts no second one.
#[integration_test(covers("POST /transfers"))]
#[case::before_the_update(Fault::ResetBefore, "UPDATE account", 0)]
#[case::before_the_commit(Fault::ResetBefore, "COMMIT", 0)]
#[case::during_the_commit(Fault::ResetDuring, "COMMIT", 1)]
async fn transfer_may_be_sent_again_after_a_lost_connection(
    proxied: &ProxiedBank,
    proxy: &Proxy,
    db: &BankDb,
    #[case] fault: Fault,
    #[case] on: &str,
    #[case] posted: usize,
) -> Result<()> {
    #[arrange]
    let ProxiedBank { bank, ada, bob } = proxied;
    proxy.inject(fault).on(statement::containing(on)).first(1);

    #[act]
    let lost = bank.transfer("rent", *ada, *bob, 10).await?;
    let after_the_loss = keys_in_the_ledger(&db.pool(), "rent").await?.len();
    let again = bank.transfer("rent", *ada, *bob, 10).await?;

    #[assert]
    lost.assert_status(503).assert_header("retry-after", "1");
    assert_eq!((problem(&lost).as_str(), after_the_loss), ("lost", posted));
    again.assert_success();
    assert_eq!((bank.balance(*ada).await?, bank.balance(*bob).await?), (90, 10));
    Ok(())
}

#[integration_test(covers("GET /accounts/{id}/entries"))]
async fn statement_of_an_account_needs_few_queries(proxied: &ProxiedBank, proxy: &Proxy) -> Result<()> {
    #[arrange]
    let ProxiedBank { bank, ada, bob } = proxied;
    for number in 0..5 {
        bank.transfer(&format!("rent {number}"), *ada, *bob, 1).await?.assert_status(201);
    }

    #[act]
    let statement = bank.statement(*ada, "?limit=5").await?;

    #[assert]
    assert_eq!(statement.entries.len(), 5);
    let queries = proxy.statements().during(itest::Phase::Act).beginning_with(&["SELECT"]);
    queries.assert_at_most(2);
    queries.assert_none_repeated_more_than(1);
    Ok(())
}
