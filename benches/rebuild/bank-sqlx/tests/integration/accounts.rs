//! Accounts: opening them, and reading their statements page by page.

use bank::accounts::Account;
use serde_json::json;
use sqlx::PgPool;

use crate::fixtures::{Bank, Opening, Result, VAULT, send, unique};

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn new_account_has_a_zero_balance(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let opening = Opening { credit_limit: 500, household: Some("Lovelace".to_owned()), ..Opening::default() };

    let account = bank.open(&opening).await?;

    assert_eq!((&account.owner, account.currency.as_str()), (&opening.owner, "EUR"));
    assert_eq!((account.balance, account.credit_limit), (0, 500));
    assert_eq!(account.household, opening.household);
    let shown: Account = bank.client.get(&format!("/accounts/{}", account.id)).await?.assert_status(200).json()?;
    assert_eq!(shown, account);
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn invalid_account_is_refused(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    let openings = [
        json!({"owner": " ", "currency": "EUR"}),
        json!({"owner": "Ada", "currency": "eur"}),
        json!({"owner": "Ada", "currency": "EURO"}),
        json!({"owner": "Ada", "currency": "ÄÖ"}),
        json!({"owner": "Ada", "currency": "EUR", "credit_limit": -1}),
        json!({"owner": "Ada", "currency": "EUR", "household": ""}),
        json!({"owner": "Ada"}),
    ];
    for opening in openings {
        let response = send(bank.client.post("/accounts").json(&opening)).await?;

        assert_eq!(response.status, 422, "{opening}: {response:?}");
        assert_eq!(response.problem(), "invalid", "{opening}");
    }
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn unknown_account_gets_404(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    for page in ["", "/entries"] {
        let response = bank.client.get(&format!("/accounts/1000000{page}")).await?;

        assert_eq!(response.status, 404, "{page}: {response:?}");
        assert_eq!(response.body["detail"], "there is no such account", "{page}");
    }
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn statement_pages_list_each_entry_once_newest_first(pool: PgPool) -> Result {
    // Five entries, and an entry of another account.
    let bank = Bank::start(&pool).await?;
    let (ada, bob) = (bank.account(1000).await?, bank.account(1).await?);
    for amount in [100, 200, 300] {
        bank.client.transfer(&unique("rent"), ada, bob, amount).await?.assert_status(201);
    }
    bank.client.transfer(&unique("tip"), bob, ada, 5).await?.assert_status(201);

    // Pages of two.
    let first = bank.statement(ada, "?limit=2").await?;
    let second = bank.statement(ada, &format!("?limit=2&before={}", first.next_before.unwrap_or(0))).await?;
    let third = bank.statement(ada, &format!("?limit=2&before={}", second.next_before.unwrap_or(0))).await?;

    assert_eq!((first.entries.len(), second.entries.len(), third.entries.len()), (2, 2, 1));
    assert_eq!(third.next_before, None);
    let pages = [first.entries, second.entries, third.entries].concat();
    let lines: Vec<_> = pages.iter().map(|entry| (entry.amount, entry.balance)).collect();
    assert_eq!(lines, [(5, 405), (-300, 400), (-200, 700), (-100, 900), (1000, 1000)]);
    assert_eq!(bank.statement(ada, "").await?.entries, pages);
    bank.stop().await;
    Ok(())
}

#[sqlx::test(migrator = "bank::MIGRATIONS", fixtures("vaults"))]
async fn invalid_page_is_refused(pool: PgPool) -> Result {
    let bank = Bank::start(&pool).await?;
    for query in ["limit=0", "limit=101", "limit=-1", "limit=many", "before=yesterday"] {
        let response = bank.client.get(&format!("/accounts/{VAULT}/entries?{query}")).await?;

        assert_eq!(response.status, 400, "{query}: {response:?}");
        assert_eq!(response.problem(), "bad-request", "{query}");
    }
    bank.stop().await;
    Ok(())
}
