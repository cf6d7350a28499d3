//! The conditions of a pattern.

use itest::prelude::*;
use itest::{Client, Reply, StandIn, request};
use serde_json::json;

use crate::Payments;

/// Mounts a stub for each pattern that the requests of a test must match, and one that must not match.
macro_rules! assert_matches {
    ($payments:expr, $request:expr, $matching:expr, $other:expr) => {{
        let (payments, matching, other) = ($payments, $matching, $other);
        payments.lenient();
        payments.when(other).reply(Reply::status(418));
        let stub = payments.when(matching).reply(Reply::status(204));
        let client = Client::new(payments.url());
        let send: fn(&Client) -> itest::Request = $request;
        send(&client).await?.assert_status(204);
        assert_eq!(stub.count(), 1);
    }};
}

#[integration_test]
async fn query_parameter_is_decoded(payments: &StandIn<Payments>) -> Result<()> {
    assert_matches!(
        payments,
        |client| client.get("/charges?page=2&name=a%20b+c"),
        request::get("/charges").query("page", 2).query("name", "a b c"),
        request::get("/charges").query("page", 1).query("name", "a b c")
    );
    Ok(())
}

#[integration_test]
async fn header_has_a_case_insensitive_name(payments: &StandIn<Payments>) -> Result<()> {
    assert_matches!(
        payments,
        |client| client.get("/").header("X-Tenant", "blue").bearer("t0ken"),
        request::get("/").header("x-TENANT", "blue").bearer("t0ken"),
        request::get("/").header("x-tenant", "blue").bearer("other")
    );
    Ok(())
}

#[integration_test]
async fn json_at_a_pointer_has_the_value(payments: &StandIn<Payments>) -> Result<()> {
    assert_matches!(
        payments,
        |client| client.post("/charge").json(&json!({"items": [{"price": 12.0}], "note": null})),
        request::post("/charge").json("/items/0/price", 12).json("/note", json!(null)),
        request::post("/charge").json("/items/0/price", 13).json("/note", json!(null))
    );
    Ok(())
}

#[integration_test]
async fn json_subset_allows_more_members(payments: &StandIn<Payments>) -> Result<()> {
    assert_matches!(
        payments,
        |client| client.post("/charge").json(&json!({"card": {"number": 1, "owner": "Ann"}, "tags": ["a", "b"]})),
        request::post("/charge").json_subset(json!({"card": {"owner": "Ann"}, "tags": ["a", "b"]})),
        request::post("/charge").json_subset(json!({"card": {"owner": "Ann"}, "tags": ["a"]}))
    );
    Ok(())
}

#[integration_test]
async fn json_body_allows_no_other_members(payments: &StandIn<Payments>) -> Result<()> {
    assert_matches!(
        payments,
        |client| client.post("/charge").json(&json!({"amount": 1, "card": "x"})),
        request::post("/charge").json_body(json!({"card": "x", "amount": 1})),
        request::post("/charge").json_body(json!({"amount": 1}))
    );
    Ok(())
}

#[integration_test]
async fn form_field_is_decoded(payments: &StandIn<Payments>) -> Result<()> {
    assert_matches!(
        payments,
        |client| client.post("/token").body("application/x-www-form-urlencoded", "grant_type=a%26b&scope=x+y"),
        request::post("/token").form("grant_type", "a&b").form("scope", "x y"),
        request::post("/token").form("grant_type", "a").form("scope", "x y")
    );
    Ok(())
}

#[integration_test]
async fn text_is_the_whole_body_or_a_part(payments: &StandIn<Payments>) -> Result<()> {
    assert_matches!(
        payments,
        |client| client.put("/note").body("text/plain", "hello world"),
        request::put("/note").text("hello world").text_contains("lo wo"),
        request::put("/note").text("hello").text_contains("hello")
    );
    Ok(())
}

#[integration_test]
async fn graphql_operation_and_variables_match(payments: &StandIn<Payments>) -> Result<()> {
    assert_matches!(
        payments,
        |client| client.post("/graphql").json(&json!({
            "operationName": "PlaceOrder", "query": "mutation PlaceOrder { … }", "variables": {"order": {"id": 7}}
        })),
        request::post("/graphql").graphql("PlaceOrder").graphql_variable("/order/id", 7),
        request::post("/graphql").graphql("CancelOrder").graphql_variable("/order/id", 7)
    );
    Ok(())
}

#[integration_test]
async fn closure_decides(payments: &StandIn<Payments>) -> Result<()> {
    assert_matches!(
        payments,
        |client| client.request("REPORT".parse().expect("a valid method"), "/orders/7").header("x-even", "8"),
        request::method("REPORT", "/orders/{id}")
            .matching("x-even is even", |request| is_even(request.header("x-even"))),
        request::method("REPORT", "/orders/{id}")
            .matching("x-even is odd", |request| !is_even(request.header("x-even")))
    );
    Ok(())
}

fn is_even(header: Option<&str>) -> bool {
    header.and_then(|header| header.parse::<u32>().ok()).is_some_and(|number| number % 2 == 0)
}
