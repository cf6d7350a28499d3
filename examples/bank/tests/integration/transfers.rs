//! Single transfers: their effect, and the requests that are refused.

use bank::accounts::AccountId;
use bank::transfers::Transfer;
use itest::prelude::*;
use serde_json::{Value, json};

use crate::fixtures::{Bank, BankDb, DOLLAR_VAULT, Opening, VAULT, problem};

#[integration_test(tags("smoke"), covers("POST /transfers", "GET /accounts/{id}"))]
async fn transfer_moves_money_between_accounts(bank: &Bank, data: &Data) -> Result<()> {
    #[arrange]
    let (ada, bob) = (bank.account(data, 1000).await?, bank.account(data, 50).await?);

    #[act]
    let response = bank.transfer(&data.unique("rent"), ada, bob, 300).await?;

    #[assert]
    let transfer: Transfer = response.assert_status(201).json()?;
    assert_eq!((transfer.from, transfer.to, transfer.amount), (ada, bob, 300));
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (700, 350));
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
#[case::all_of_it(0, 100, 201, 0)]
#[case::one_more(0, 101, 409, 100)]
#[case::all_of_the_credit(50, 150, 201, -50)]
#[case::one_more_than_the_credit(50, 151, 409, 100)]
#[case::far_too_much(50, i64::MAX, 409, 100)]
async fn transfer_is_limited_by_balance_and_credit(
    bank: &Bank,
    data: &Data,
    #[case] credit_limit: i64,
    #[case] amount: i64,
    #[case] status: u16,
    #[case] left: i64,
) -> Result<()> {
    #[arrange]
    let ada = bank.open(&Opening { credit_limit, ..data.make() }).await?.id;
    bank.deposit(data, ada, 100).await?;
    let bob = bank.account(data, 0).await?;

    #[act]
    let response = bank.transfer(&data.unique("rent"), ada, bob, amount).await?;

    #[assert]
    response.assert_status(status);
    if status == 409 {
        assert_eq!(problem(&response), "insufficient-funds");
    }
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (left, 100 - left));
    Ok(())
}

#[integration_test(covers("POST /transfers"))]
async fn balance_overflow_is_refused(bank: &Bank, data: &Data) -> Result<()> {
    #[arrange]
    let (ada, bob) = (bank.account(data, i64::MAX).await?, bank.open(&data.make()).await?);
    let rich = bank.open(&Opening { credit_limit: 1, ..data.make() }).await?;

    #[act("one more for an account at its limit")]
    let response = bank.transfer(&data.unique("tip"), rich.id, ada, 1).await?;

    #[assert]
    response.assert_status(409);
    assert_eq!(problem(&response), "too-much");
    assert_eq!(bank.balance(ada).await?, i64::MAX);
    assert_eq!((bank.balance(rich.id).await?, bank.balance(bob.id).await?), (0, 0));
    Ok(())
}

const UNKNOWN_ACCOUNT: AccountId = AccountId(1_000_000);

#[integration_test(covers("POST /transfers"))]
#[case::nothing(json!({"from": VAULT, "to": 3, "amount": 0}), "invalid")]
#[case::less_than_nothing(json!({"from": VAULT, "to": 3, "amount": -1}), "invalid")]
#[case::the_least_of_all(json!({"from": VAULT, "to": 3, "amount": i64::MIN}), "invalid")]
#[case::more_than_a_number_holds(json!({"from": VAULT, "to": 3, "amount": 9_223_372_036_854_775_808_u64}), "invalid")]
#[case::half_a_cent(json!({"from": VAULT, "to": 3, "amount": 0.5}), "invalid")]
#[case::no_amount(json!({"from": VAULT, "to": 3}), "invalid")]
#[case::to_oneself(json!({"from": VAULT, "to": VAULT, "amount": 1}), "invalid")]
#[case::from_an_unknown_account(json!({"from": UNKNOWN_ACCOUNT, "to": VAULT, "amount": 1}), "unknown-account")]
#[case::to_an_unknown_account(json!({"from": VAULT, "to": UNKNOWN_ACCOUNT, "amount": 1}), "unknown-account")]
#[case::in_another_currency(json!({"from": VAULT, "to": DOLLAR_VAULT, "amount": 1}), "other-currency")]
async fn invalid_transfer_is_refused(
    bank: &Bank,
    db: &BankDb,
    data: &Data,
    #[case] transfer: Value,
    #[case] expected: &str,
) -> Result<()> {
    #[arrange]
    let ada = bank.account(data, 0).await?;
    assert_eq!(ada, AccountId(3), "the cases use this id");

    #[act]
    let response = bank.client.post("/transfers").header("idempotency-key", "k").json(&transfer).await?;

    #[assert]
    response.assert_status(422).assert_header("content-type", "application/problem+json").assert_json("/status", 422);
    assert_eq!(problem(&response), expected);
    let transfers: i64 = sqlx::query_scalar("SELECT count(*) FROM transfer").fetch_one(&db.pool()).await?;
    assert_eq!(transfers, 0);
    Ok(())
}

const JSON: &str = "application/json";

#[integration_test(covers("POST /transfers"))]
#[case::half_an_object(JSON, r#"{"from": "#, 400, "bad-request")]
#[case::a_form("application/x-www-form-urlencoded", "from=1", 415, "unsupported-media-type")]
#[case::a_list(JSON, "[]", 422, "invalid")]
#[case::three_megabytes(JSON, &format!("\"{}\"", "a".repeat(3_000_000)), 413, "body-too-large")]
async fn invalid_body_is_refused(
    bank: &Bank,
    #[values("/accounts", "/transfers")] path: &str,
    #[case] content_type: &str,
    #[case] body: &str,
    #[case] status: u16,
    #[case] expected: &str,
) -> Result<()> {
    #[act]
    let response = bank.client.post(path).header("idempotency-key", "k").body(content_type, body).await?;

    #[assert]
    response.assert_status(status);
    assert_eq!(problem(&response), expected);
    Ok(())
}

#[integration_test]
#[case::no_page("GET", "/loans", 404, "not-found")]
#[case::no_method("DELETE", "/accounts/1", 405, "method-not-allowed")]
#[case::no_number("GET", "/accounts/one", 400, "bad-request")]
async fn unknown_path_or_method_gets_a_problem_response(
    bank: &Bank,
    #[case] method: &str,
    #[case] path: &str,
    #[case] status: u16,
    #[case] expected: &str,
) -> Result<()> {
    #[act]
    let response = bank.client.request(method.parse()?, path).await?;

    #[assert]
    response.assert_status(status).assert_header("content-type", "application/problem+json");
    assert_eq!(problem(&response), expected);
    Ok(())
}
