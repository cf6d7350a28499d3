//! Rules for all endpoints: invalid requests are refused, and internal errors are not shown to clients.

use itest::prelude::*;
use shop::error::ErrorBody;

use crate::databases::{Database, Postgres, Sqlite};
use crate::fixtures::{Customer, Shop};

const JSON: &str = "application/json";

#[integration_test]
#[over(Db = [Sqlite, Postgres])]
#[case::nothing(JSON, "", 400, "malformed_json")]
#[case::half_an_object(JSON, r#"{"email": "#, 400, "malformed_json")]
#[case::a_form("application/x-www-form-urlencoded", "email=ada%40example.com", 415, "unsupported_media_type")]
#[case::json_called_text("text/plain", r#"{"email": "ada@example.com"}"#, 415, "unsupported_media_type")]
#[case::a_list(JSON, "[]", 422, "invalid")]
#[case::a_field_too_few(JSON, r#"{"email": "ada@example.com"}"#, 422, "invalid")]
#[case::a_field_of_another_type(JSON, r#"{"email": 1, "password": "correct horse"}"#, 422, "invalid")]
#[case::three_megabytes(JSON, &format!("\"{}\"", "a".repeat(3_000_000)), 413, "body_too_large")]
async fn invalid_body_is_refused<Db: Database>(
    shop: &Shop<Db>,
    #[values("/users", "/tokens")] path: &str,
    #[case] content_type: &str,
    #[case] body: &str,
    #[case] status: u16,
    #[case] code: &str,
) -> Result<()> {
    #[act]
    let response = shop.client.post(path).body(content_type, body).await?;

    #[assert]
    let error: ErrorBody = response.assert_status(status).json()?;
    assert_eq!(error.error.code, code);
    assert!(!error.error.message.is_empty());
    Ok(())
}

#[integration_test]
#[over(Db = [Sqlite, Postgres])]
#[case::root("GET", "/")]
#[case::unknown("GET", "/baskets")]
#[case::slash_at_the_end("GET", "/products/")]
#[case::unknown_step("POST", "/orders/1/return")]
async fn unknown_path_gets_404<Db: Database>(shop: &Shop<Db>, #[case] method: &str, #[case] path: &str) -> Result<()> {
    #[act]
    let response = shop.client.request(method.parse()?, path).await?;

    #[assert]
    response.assert_status(404).assert_json("/error/code", "not_found");
    Ok(())
}

#[integration_test]
#[over(Db = [Sqlite, Postgres])]
#[case::users("GET", "/users", "POST")]
#[case::a_product("DELETE", "/products/1", "GET,HEAD")]
#[case::stock("POST", "/products/1/stock", "PUT")]
#[case::an_order("PATCH", "/orders/1", "GET,HEAD")]
#[case::paying("GET", "/orders/1/pay", "POST")]
async fn wrong_method_gets_the_allowed_methods<Db: Database>(
    shop: &Shop<Db>,
    #[case] method: &str,
    #[case] path: &str,
    #[case] allowed: &str,
) -> Result<()> {
    #[act]
    let response = shop.client.request(method.parse()?, path).await?;

    #[assert]
    response.assert_status(405).assert_json("/error/code", "method_not_allowed").assert_header("allow", allowed);
    Ok(())
}

#[integration_test]
#[over(Db = [Sqlite, Postgres])]
async fn invalid_id_is_refused<Db: Database>(
    customer: Customer<Db>,
    #[values("products", "orders")] things: &str,
    #[values("one", "1.5", "9223372036854775808")] number: &str,
) -> Result<()> {
    #[act]
    let response = customer.client.get(format!("/{things}/{number}")).await?;

    #[assert]
    response.assert_status(400).assert_json("/error/code", "bad_request");
    Ok(())
}

#[integration_test]
#[over(Db = [Sqlite, Postgres])]
async fn database_error_is_not_shown_to_the_client<Db: Database>(shop: &Shop<Db>, db: &Db) -> Result<()> {
    #[arrange]
    db.execute("ALTER TABLE products RENAME COLUMN price_cents TO price").await?;

    #[act]
    let response = shop.client.get("/products").await?;

    #[assert]
    let body: ErrorBody = response.assert_status(500).json()?;
    assert_eq!(body.error.code, "internal");
    assert_eq!(body.error.message, "something went wrong on our side");
    Ok(())
}
