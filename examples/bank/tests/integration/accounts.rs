//! Accounts: opening them, and reading their statements page by page.

use bank::accounts::Account;
use itest::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::{Bank, Opening, VAULT, problem};

#[integration_test(tags("smoke"), covers("POST /accounts", "GET /accounts/{id}"))]
async fn new_account_has_a_zero_balance(bank: &Bank, data: &Data) -> Result<()> {
    #[arrange]
    let opening = Opening { credit_limit: 500, household: Some("Lovelace".to_owned()), ..data.make() };

    #[act]
    let account = bank.open(&opening).await?;

    #[assert]
    assert_eq!((&account.owner, account.currency.as_str()), (&opening.owner, "EUR"));
    assert_eq!((account.balance, account.credit_limit), (0, 500));
    assert_eq!(account.household, opening.household);
    let shown: Account = bank.client.get(format!("/accounts/{}", account.id)).await?.assert_status(200).json()?;
    assert_eq!(shown, account);
    Ok(())
}

#[integration_test(covers("POST /accounts"))]
#[case::without_an_owner(json!({"owner": " ", "currency": "EUR"}))]
#[case::in_small_letters(json!({"owner": "Ada", "currency": "eur"}))]
#[case::in_four_letters(json!({"owner": "Ada", "currency": "EURO"}))]
#[case::in_another_script(json!({"owner": "Ada", "currency": "ÄÖ"}))]
#[case::with_a_debt(json!({"owner": "Ada", "currency": "EUR", "credit_limit": -1}))]
#[case::in_a_household_without_a_name(json!({"owner": "Ada", "currency": "EUR", "household": ""}))]
#[case::in_no_currency(json!({"owner": "Ada"}))]
async fn invalid_account_is_refused(bank: &Bank, #[case] opening: Value) -> Result<()> {
    #[act]
    let response = bank.client.post("/accounts").json(&opening).await?;

    #[assert]
    response.assert_status(422);
    assert_eq!(problem(&response), "invalid");
    Ok(())
}

#[integration_test(covers("GET /accounts/{id}", "GET /accounts/{id}/entries"))]
async fn unknown_account_gets_404(bank: &Bank, #[values("", "/entries")] page: &str) -> Result<()> {
    #[act]
    let response = bank.client.get(format!("/accounts/1000000{page}")).await?;

    #[assert]
    response.assert_status(404).assert_json("/detail", "there is no such account");
    Ok(())
}

#[integration_test(covers("GET /accounts/{id}/entries"))]
async fn statement_pages_list_each_entry_once_newest_first(bank: &Bank, data: &Data) -> Result<()> {
    #[arrange("five entries, and an entry of another account")]
    let (ada, bob) = (bank.account(data, 1000).await?, bank.account(data, 1).await?);
    for amount in [100, 200, 300] {
        bank.transfer(&data.unique("rent"), ada, bob, amount).await?.assert_status(201);
    }
    bank.transfer(&data.unique("tip"), bob, ada, 5).await?.assert_status(201);

    #[act("pages of two")]
    let first = bank.statement(ada, "?limit=2").await?;
    let second = bank.statement(ada, &format!("?limit=2&before={}", first.next_before.unwrap_or(0))).await?;
    let third = bank.statement(ada, &format!("?limit=2&before={}", second.next_before.unwrap_or(0))).await?;

    #[assert]
    assert_eq!((first.entries.len(), second.entries.len(), third.entries.len()), (2, 2, 1));
    assert_eq!(third.next_before, None);
    let pages = [first.entries, second.entries, third.entries].concat();
    let lines: Vec<_> = pages.iter().map(|entry| (entry.amount, entry.balance)).collect();
    assert_eq!(lines, [(5, 405), (-300, 400), (-200, 700), (-100, 900), (1000, 1000)]);
    assert_eq!(bank.statement(ada, "").await?.entries, pages);
    Ok(())
}

#[integration_test(covers("GET /accounts/{id}/entries"))]
async fn invalid_page_is_refused(
    bank: &Bank,
    #[values("limit=0", "limit=101", "limit=-1", "limit=many", "before=yesterday")] query: &str,
) -> Result<()> {
    #[act]
    let response = bank.client.get(format!("/accounts/{VAULT}/entries?{query}")).await?;

    #[assert]
    response.assert_status(400);
    assert_eq!(problem(&response), "bad-request");
    Ok(())
}
