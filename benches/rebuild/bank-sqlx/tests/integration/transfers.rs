//! Single transfers: their effect, and the requests that are refused.

use bank::accounts::AccountId;
use bank::transfers::Transfer;
use serde_json::json;
use sqlx::PgPool;

use crate::books::Books;
use crate::fixtures::{Bank, DOLLAR_VAULT, Opening, Result, VAULT, send, unique};

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_moves_money_between_accounts(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let (ada, bob) = (bank.account(1000).await?, bank.account(50).await?);

    let response = bank.client.transfer(&unique("rent"), ada, bob, 300).await?;

    let transfer: Transfer = response.assert_status(201).json()?;
    assert_eq!((transfer.from, transfer.to, transfer.amount), (ada, bob, 300));
    assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (700, 350));
    assert_eq!(Books::read(&pool).await?, Books::BALANCED);
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn transfer_is_limited_by_balance_and_credit(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let cases = [
        ("all of it", 0, 100, 201, 0),
        ("one more", 0, 101, 409, 100),
        ("all of the credit", 50, 150, 201, -50),
        ("one more than the credit", 50, 151, 409, 100),
        ("far too much", 50, i64::MAX, 409, 100),
    ];
    for (case, credit_limit, amount, status, left) in cases {
        let ada = bank.open(&Opening { credit_limit, ..Opening::default() }).await?.id;
        bank.deposit(ada, 100).await?;
        let bob = bank.account(0).await?;

        let response = bank.client.transfer(&unique("rent"), ada, bob, amount).await?;

        assert_eq!(response.status, status, "{case}: {response:?}");
        if status == 409 {
            assert_eq!(response.problem(), "insufficient-funds", "{case}");
        }
        assert_eq!((bank.balance(ada).await?, bank.balance(bob).await?), (left, 100 - left), "{case}");
    }
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn balance_overflow_is_refused(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let (ada, bob) = (bank.account(i64::MAX).await?, bank.open(&Opening::default()).await?);
    let rich = bank.open(&Opening { credit_limit: 1, ..Opening::default() }).await?;

    // One more for an account at its limit.
    let response = bank.client.transfer(&unique("tip"), rich.id, ada, 1).await?;

    response.assert_status(409);
    assert_eq!(response.problem(), "too-much");
    assert_eq!(bank.balance(ada).await?, i64::MAX);
    assert_eq!((bank.balance(rich.id).await?, bank.balance(bob.id).await?), (0, 0));
    bank.stop().await;
    Ok(())
}

const UNKNOWN_ACCOUNT: AccountId = AccountId(1_000_000);

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn invalid_transfer_is_refused(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let ada = bank.account(0).await?;
    let cases = [
        (json!({"from": VAULT, "to": ada, "amount": 0}), "invalid"),
        (json!({"from": VAULT, "to": ada, "amount": -1}), "invalid"),
        (json!({"from": VAULT, "to": ada, "amount": i64::MIN}), "invalid"),
        (json!({"from": VAULT, "to": ada, "amount": 9_223_372_036_854_775_808_u64}), "invalid"),
        (json!({"from": VAULT, "to": ada, "amount": 0.5}), "invalid"),
        (json!({"from": VAULT, "to": ada}), "invalid"),
        (json!({"from": VAULT, "to": VAULT, "amount": 1}), "invalid"),
        (json!({"from": UNKNOWN_ACCOUNT, "to": VAULT, "amount": 1}), "unknown-account"),
        (json!({"from": VAULT, "to": UNKNOWN_ACCOUNT, "amount": 1}), "unknown-account"),
        (json!({"from": VAULT, "to": DOLLAR_VAULT, "amount": 1}), "other-currency"),
    ];
    for (transfer, expected) in cases {
        let request = bank.client.post("/transfers").header("idempotency-key", "k").json(&transfer);
        let response = send(request).await?;

        assert_eq!(response.status, 422, "{transfer}: {response:?}");
        assert_eq!(response.header("content-type"), Some("application/problem+json"), "{transfer}");
        assert_eq!(response.body["status"], 422, "{transfer}");
        assert_eq!(response.problem(), expected, "{transfer}");
        let transfers: i64 = sqlx::query_scalar("SELECT count(*) FROM transfer").fetch_one(&pool).await?;
        assert_eq!(transfers, 0, "{transfer}");
    }
    bank.stop().await;
    Ok(())
}

const JSON: &str = "application/json";

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn invalid_body_is_refused(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let three_megabytes = format!("\"{}\"", "a".repeat(3_000_000));
    let cases = [
        ("half an object", JSON, r#"{"from": "#, 400, "bad-request"),
        ("a form", "application/x-www-form-urlencoded", "from=1", 415, "unsupported-media-type"),
        ("a list", JSON, "[]", 422, "invalid"),
        ("three megabytes", JSON, &three_megabytes, 413, "body-too-large"),
    ];
    for path in ["/accounts", "/transfers"] {
        for (case, content_type, body, status, expected) in cases {
            let request = bank.client.post(path).header("idempotency-key", "k").header("content-type", content_type);
            let response = send(request.body(body.to_owned())).await?;

            assert_eq!(response.status, status, "{case}, {path}: {response:?}");
            assert_eq!(response.problem(), expected, "{case}, {path}");
        }
    }
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn unknown_path_or_method_gets_a_problem_response(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let cases = [
        ("GET", "/loans", 404, "not-found"),
        ("DELETE", "/accounts/1", 405, "method-not-allowed"),
        ("GET", "/accounts/one", 400, "bad-request"),
    ];
    for (method, path, status, expected) in cases {
        let response = send(bank.client.request(method.parse()?, path)).await?;

        assert_eq!(response.status, status, "{method} {path}: {response:?}");
        assert_eq!(response.header("content-type"), Some("application/problem+json"), "{method} {path}");
        assert_eq!(response.problem(), expected, "{method} {path}");
    }
    bank.stop().await;
    Ok(())
}
