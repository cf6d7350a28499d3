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

/// Any of several values may be the wanted one, and numbers are compared exactly.
#[integration_test]
async fn repeated_values_and_large_numbers_match(payments: &StandIn<Payments>) -> Result<()> {
    let body = json!({"id": 9_007_199_254_740_993_u64, "items": [1], "sum": 1e2});
    assert_matches!(
        payments,
        |client| client
            .post("/charge?tag=a&tag=b")
            .header("x-city", "Z\u{fc}rich")
            .json(&json!({"id": 9_007_199_254_740_993_u64, "items": [1], "sum": 1e2})),
        request::post("/charge").query("tag", "b").query("tag", "a").header("x-city", "Z\u{fc}rich").json("", body),
        request::post("/charge").json("/id", 9_007_199_254_740_992_u64).json("/items", json!([1.0])).json("/sum", 100)
    );
    Ok(())
}

/// A closure is called once, if everything else holds, and may use the stand-in.
#[integration_test]
async fn closure_is_called_only_for_requests_that_match_otherwise(payments: StandIn<Payments>) -> Result<()> {
    let payments = std::sync::Arc::new(payments);
    let (used, calls) = (std::sync::Arc::clone(&payments), std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0)));
    let counted = std::sync::Arc::clone(&calls);
    let signed = request::post("/signed").matching("it is signed", move |_| {
        used.when(request::get("/other")).optional().reply(Reply::status(200));
        counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0
    });
    payments.when(signed).reply(Reply::status(204));
    payments.when(request::get("/health")).reply(Reply::status(200));
    let client = Client::new(payments.url());
    client.get("/health").await?.assert_status(200);
    client.post("/signed").await?.assert_status(204);
    assert_eq!(calls.load(std::sync::atomic::Ordering::Relaxed), 1);
    Ok(())
}

#[integration_test]
fn impossible_pattern_is_refused_where_it_is_written() {
    let refused = |make: fn() -> itest::RequestPattern| {
        let panic = std::panic::catch_unwind(move || drop(make())).unwrap_err();
        panic.downcast_ref::<String>().cloned().unwrap_or_default()
    };
    assert_eq!(refused(|| request::method("get", "/")), "\"get\" is no HTTP method: write \"GET\"");
    assert_eq!(refused(|| request::get("/").header("x tenant", 1)), "\"x tenant\" is no name of a header");
    assert_eq!(refused(|| request::get("/").json("amount", 1)), "\"amount\" is no JSON pointer: write \"/amount\"");
}

fn is_even(header: Option<&str>) -> bool {
    header.and_then(|header| header.parse::<u32>().ok()).is_some_and(|number| number % 2 == 0)
}
