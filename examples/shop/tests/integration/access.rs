//! Access control: tokens and roles.

use std::time::{Duration, SystemTime};

use itest::prelude::*;
use serde_json::json;
use shop::Config;
use shop::auth::{Role, Token};
use shop::orders::{Order, OrderStatus};

use crate::databases::{Database, Postgres, Sqlite};
use crate::fixtures::{Admin, Customer, PASSWORD, Shop};

#[integration_test(tags("auth"))]
#[over(Db = [Sqlite, Postgres])]
#[case::add_a_product("POST", "/products")]
#[case::restock("PUT", "/products/1/stock")]
#[case::place_an_order("POST", "/orders")]
#[case::see_an_order("GET", "/orders/1")]
#[case::pay("POST", "/orders/1/pay")]
#[case::ship("POST", "/orders/1/ship")]
#[case::deliver("POST", "/orders/1/deliver")]
#[case::cancel("POST", "/orders/1/cancel")]
async fn request_without_a_token_is_refused<Db: Database>(
    shop: &Shop<Db>,
    #[case] method: &str,
    #[case] path: &str,
) -> Result<()> {
    #[act]
    let response = shop.client.request(method.parse()?, path).json(&json!({})).await?;

    #[assert]
    response
        .assert_status(401)
        .assert_json("/error/code", "unauthenticated")
        .assert_header("www-authenticate", "Bearer");
    Ok(())
}

#[integration_test(tags("auth"))]
#[over(Db = [Sqlite, Postgres])]
async fn expired_token_is_refused<Db: Database>(shop: &Shop<Db>, customer: Customer<Db>) -> Result<()> {
    #[arrange]
    let a_second_ago = SystemTime::now() - Duration::from_secs(1);
    let token = shop.config.keys().issue_until(customer.id, Role::Customer, a_second_ago)?;

    #[act]
    let response = shop.client.get("/orders/1").bearer(&token.access_token).await?;

    #[assert]
    response.assert_status(401).assert_json("/error/message", "the token has expired");
    Ok(())
}

#[integration_test(tags("auth"), covers("POST /tokens"))]
#[over(Db = [Sqlite, Postgres])]
async fn token_expires_after_the_configured_lifetime<Db: Database>(shop: &Shop<Db>) -> Result<()> {
    #[arrange]
    shop.register("ada@example.com", PASSWORD).await?.assert_status(201);

    #[act]
    let signed_in = SystemTime::now();
    let response = shop.sign_in("ada@example.com", PASSWORD).await?;

    #[assert]
    let token: Token = response.assert_status(201).json()?;
    let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(token.expires_at);
    let lifetime = expires.duration_since(signed_in)?.as_secs_f64();
    let expected = shop.config.token_lifetime.as_secs_f64();
    // A token counts whole seconds, and a busy machine may take some.
    assert!((expected - 1.0..expected + 30.0).contains(&lifetime), "{lifetime} s");
    Ok(())
}

#[integration_test(tags("auth"))]
#[over(Db = [Sqlite, Postgres])]
async fn token_signed_with_another_key_is_refused<Db: Database>(shop: &Shop<Db>, customer: Customer<Db>) -> Result<()> {
    #[arrange]
    let forger = Config { token_key: "a key that the shop does not know of".into(), ..shop.config.clone() };
    let token = forger.keys().issue(customer.id, Role::Admin)?;

    #[act]
    let response = shop.client.get("/orders/1").bearer(&token.access_token).await?;

    #[assert]
    response.assert_status(401).assert_json("/error/message", "the token is not valid");
    Ok(())
}

#[integration_test(tags("auth"))]
#[over(Db = [Sqlite, Postgres])]
async fn token_with_claims_of_an_admin_is_refused<Db: Database>(
    shop: &Shop<Db>,
    customer: Customer<Db>,
    admin: Admin<Db>,
) -> Result<()> {
    #[arrange("a token is header.claims.signature")]
    let (claims, _) = admin.token.access_token.rsplit_once('.').ok_or("the token has no signature")?;
    let (_, signature) = customer.token.access_token.rsplit_once('.').ok_or("the token has no signature")?;

    #[act]
    let response = shop.client.get("/orders/1").bearer(&format!("{claims}.{signature}")).await?;

    #[assert]
    response.assert_status(401).assert_json("/error/message", "the token is not valid");
    Ok(())
}

/// The claims of user 1 as an admin until the year 2100, "signed" with the algorithm `none`.
const UNSIGNED: &str = "Bearer eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.\
                        eyJzdWIiOiIxIiwicm9sZSI6ImFkbWluIiwiZXhwIjo0MTAyNDQ0ODAwfQ.";

#[integration_test(tags("auth"))]
#[over(Db = [Sqlite, Postgres])]
#[case::nothing("")]
#[case::no_token("Bearer ")]
#[case::nonsense("Bearer abc")]
#[case::a_password("Basic YWRhQGV4YW1wbGUuY29tOmNvcnJlY3QgaG9yc2U=")]
#[case::an_unsigned_token(UNSIGNED)]
async fn invalid_authorization_header_is_refused<Db: Database>(
    shop: &Shop<Db>,
    #[case] authorization: &str,
) -> Result<()> {
    #[act]
    let response = shop.client.get("/orders/1").header("authorization", authorization).await?;

    #[assert]
    response.assert_status(401).assert_json("/error/code", "unauthenticated");
    Ok(())
}

#[integration_test(tags("auth"))]
#[over(Db = [Sqlite, Postgres])]
async fn token_of_a_deleted_user_is_refused<Db: Database>(
    shop: &Shop<Db>,
    db: &Db,
    customer: Customer<Db>,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    db.execute("DELETE FROM users").await?;

    #[act]
    let response = customer.places(&[(book.id, 1)]).await?;

    #[assert]
    response.assert_status(401);
    assert_eq!(shop.stock(&book).await?, 10);
    Ok(())
}

#[integration_test(tags("auth"))]
#[over(Db = [Sqlite, Postgres])]
async fn promoted_customer_needs_a_new_token<Db: Database>(shop: &Shop<Db>, db: &Db) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let customer = shop.customer("ada@example.com").await?;
    let stock = format!("/products/{}/stock", book.id);

    #[act]
    shop::users::promote(&db.pool(), customer.id).await?;

    #[assert]
    customer.client.put(&stock).json(&json!({"stock": 1})).await?.assert_status(403);
    let again = shop.sign_in("ada@example.com", PASSWORD).await?.at("/access_token");
    let token = again.as_str().ok_or("there is no token")?;
    shop.client.put(&stock).bearer(token).json(&json!({"stock": 1})).await?.assert_status(200);
    shop.expect_supply(&book, 1);
    Ok(())
}

#[integration_test(tags("auth"))]
#[over(Db = [Sqlite, Postgres])]
#[case::add_products("POST", "/products")]
#[case::restock("PUT", "/products/1/stock")]
#[case::ship("POST", "/orders/1/ship")]
#[case::deliver("POST", "/orders/1/deliver")]
async fn customer_may_not_do_admin_work<Db: Database>(
    customer: Customer<Db>,
    #[case] method: &str,
    #[case] path: &str,
) -> Result<()> {
    #[act]
    let response = customer.client.request(method.parse()?, path).json(&json!({})).await?;

    #[assert]
    response.assert_status(403).assert_json("/error/code", "forbidden");
    Ok(())
}

#[integration_test(tags("auth"))]
#[over(Db = [Sqlite, Postgres])]
#[case::seen("GET", "")]
#[case::paid("POST", "/pay")]
#[case::cancelled("POST", "/cancel")]
async fn order_of_another_customer_is_forbidden<Db: Database>(
    shop: &Shop<Db>,
    owner: Customer<Db>,
    other_customer: Customer<Db>,
    #[case] method: &str,
    #[case] step: &str,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = owner.order(&book, 1).await?;

    #[act]
    let path = format!("/orders/{}{step}", order.id);
    let response =
        other_customer.client.request(method.parse()?, path).json(&json!({"card_token": "tok_visa"})).await?;

    #[assert]
    response.assert_status(403).assert_json("/error/code", "forbidden");
    assert_eq!(owner.sees(order.id).await?, order);
    Ok(())
}

#[integration_test(tags("auth"), covers("GET /orders/{id}"))]
#[over(Db = [Sqlite, Postgres])]
async fn admin_sees_every_order<Db: Database>(shop: &Shop<Db>, customer: Customer<Db>, admin: Admin<Db>) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;

    #[act]
    let response = admin.client.get(format!("/orders/{}", order.id)).await?;

    #[assert]
    assert_eq!(response.assert_status(200).json::<Order>()?, order);
    Ok(())
}

#[integration_test(tags("auth"))]
#[over(Db = [Sqlite, Postgres])]
async fn admin_may_not_pay_or_cancel_for_a_customer<Db: Database>(
    shop: &Shop<Db>,
    customer: Customer<Db>,
    admin: Admin<Db>,
    #[values("pay", "cancel")] step: &str,
) -> Result<()> {
    #[arrange]
    let book = shop.product("book", 1299, 10).await?;
    let order = customer.order(&book, 1).await?;

    #[act]
    let path = format!("/orders/{}/{step}", order.id);
    let response = admin.client.post(path).json(&json!({"card_token": "tok_visa"})).await?;

    #[assert]
    response.assert_status(403);
    assert_eq!(customer.status_of(order.id).await?, OrderStatus::Placed);
    Ok(())
}
