//! Requests: paths, parameters, bodies and credentials.

use super::{Sent, payments};

fn charge() -> Sent {
    Sent::new("POST", "/charge")
        .header("idempotency-key", "key-12345")
        .json(r#"{"amount": 2598, "currency": "EUR", "card": {"token": "tok_visa"}, "note": null}"#)
}

#[test]
fn request_that_keeps_the_contract_has_no_violation() {
    for sent in [
        charge(),
        Sent { path: "/v1/charge".to_owned(), ..charge() },
        Sent::new("GET", "/charges?page=2&tag=new&tag=paid&ids=1,2&filter[amount]=3"),
        Sent::new("GET", "/charges?filter%5Bamount%5D=3&unknown=x"),
        Sent::new("GET", "/charges/7").without("authorization"),
        Sent { body: b"reason=late&amount=3".to_vec(), ..Sent::new("POST", "/charges/7:refund") }
            .header("content-type", "application/x-www-form-urlencoded"),
        Sent::new("POST", "/payouts").header("x-api-key", "k").json(r#"{"kind": "bank", "iban": "DE1"}"#),
        Sent::new("POST", "/payouts?csrf=1").header("cookie", "a=b; sid=2").json(r#"{"kind": "card", "number": "1"}"#),
    ] {
        assert_eq!(sent.judged(&payments()), Vec::<String>::new(), "{sent:?}");
    }
}

#[test]
fn body_that_breaks_the_contract_is_explained_with_pointer_and_line() {
    for (body, expected) in [
        (
            r#"{"amount": "25", "currency": "EUR", "card": {"token": "t"}}"#,
            r#"/amount | integer | "25" | type: integer"#,
        ),
        (r#"{"amount": 0, "currency": "EUR", "card": {"token": "t"}}"#, "/amount | at least 1 | 0 | minimum: 1"),
        (
            r#"{"amount": 9300000000000000000, "currency": "EUR", "card": {"token": "t"}}"#,
            "/amount | a whole number of 64 bits (format int64) | 9300000000000000000 | format: int64",
        ),
        (
            r#"{"amount": 1, "currency": "euro", "card": {"token": "t"}}"#,
            r#"/currency | a match of the pattern ^[A-Z]{3}$ | "euro" | currency: { type: string, pattern: "^[A-Z]{3}$" }"#,
        ),
        (
            r#"{"amount": 1, "currency": "EUR"}"#,
            "/card | a value, because it is required | nothing | required: [id, amount, currency, card]",
        ),
        (
            r#"{"amount": 1, "currency": "EUR", "card": {"token": "t"}, "colour": "red"}"#,
            r#"/colour | no property of this name | "red" | additionalProperties: false"#,
        ),
        (
            r#"{"id": "7", "amount": 1, "currency": "EUR", "card": {"token": "t"}}"#,
            r#"/id | nothing, because it is only in responses (readOnly) | "7" | id: { type: string, readOnly: true }"#,
        ),
        (
            r#"{"amount": 1, "currency": "EUR", "card": {"token": "a token that is much too long"}}"#,
            r#"/card/token | at most 20 characters | "***" | token: { type: string, maxLength: 20 }"#,
        ),
        (
            r#"{"amount": 1, "currency": "EUR", "card": {"token": "t"}, "at": "yesterday"}"#,
            r#"/at | the format date-time | "yesterday" | at: { type: string, format: date-time }"#,
        ),
        (
            r#"{"amount": 1, "currency": "EUR", "card": {"token": "t"},
                "parts": [{"amount": 1, "currency": "EUR", "card": {"token": []}}]}"#,
            "/parts/0/card/token | string | [] | token: { type: string, maxLength: 20 }",
        ),
    ] {
        assert_eq!(charge().json(body).judged(&payments()), [format!("body of the request {expected}")], "{body}");
    }
}

#[test]
fn body_that_is_not_what_its_content_type_states_is_refused() {
    for (body, reason) in [
        (&b"{\"amount\": 1"[..], "EOF"),
        (b"{\"amount\": 1e400}", "number out of range"),
        (b"{\"amount\": 1, \"amount\": 2}", "the name \"amount\" twice"),
        (b"\"\\ud800\"", "unexpected end of hex escape"),
        (b"\"\\ude00\"", "lone leading surrogate"),
        (b"\xff\xfe", "expected value"),
    ] {
        let judged = charge().json(body).judged(&payments());
        assert_eq!(judged.len(), 1, "{judged:?}");
        let begin = "body of the request  | JSON, as the content type application/json states | ";
        let is_explained = judged[0].contains(reason) && judged[0].ends_with(" | application/json:");
        assert!(judged[0].starts_with(begin) && is_explained, "{judged:?}");
    }
    let content = "body of the request  | the content type application/json";
    let text = charge().header("content-type", "text/plain");
    assert_eq!(text.judged(&payments()), [format!("{content} | text/plain | content:")]);
    let without = charge().without("content-type");
    assert_eq!(without.judged(&payments()), [format!("{content} | no content type | content:")]);
    let empty = Sent { body: Vec::new(), ..charge() };
    assert_eq!(
        empty.judged(&payments()),
        ["body of the request  | a body of application/json, because it is required | no body | content:"]
    );
    let unexpected = Sent::new("GET", "/charges").json("{}");
    assert_eq!(unexpected.judged(&payments()), ["body of the request  | no body | a body of 2 bytes | get:"]);
}

#[test]
fn parameters_are_read_by_their_style_and_judged_by_their_schema() {
    let page = "- { name: page, in: query, schema: { type: integer, minimum: 1 } }";
    let ids = "- { name: ids, in: query, explode: false, schema: { type: array, items: { type: integer } } }";
    let tag = "- { name: tag, in: query, schema: { type: array, items: { type: string, enum: [new, paid] } } }";
    for (target, expected) in [
        ("/charges?page=0", format!("query parameter \"page\" of the request  | at least 1 | 0 | {page}")),
        ("/charges?page=x", format!("query parameter \"page\" of the request  | integer | \"x\" | {page}")),
        ("/charges?page", format!("query parameter \"page\" of the request  | integer | \"\" | {page}")),
        ("/charges?ids=1,b", format!("query parameter \"ids\" of the request /1 | integer | \"b\" | {ids}")),
        (
            "/charges?tag=new&tag=old",
            format!("query parameter \"tag\" of the request /1 | one of [\"new\",\"paid\"] | \"old\" | {tag}"),
        ),
        (
            "/charges?filter[amount]=1&filter[size]=2",
            "query parameter \"filter\" of the request /size | no property of this name | \"2\" | \
             schema: { type: object, properties: { amount: { type: integer } }, additionalProperties: false }"
                .to_owned(),
        ),
        (
            "/charges/9999999999",
            "path parameter \"id\" of the request  | a whole number of 32 bits (format int32) | 9999999999 | \
             - { name: id, in: path, required: true, schema: { type: integer, format: int32 } }"
                .to_owned(),
        ),
    ] {
        assert_eq!(Sent::new("GET", target).judged(&payments()), [expected], "{target}");
    }
    let keyless = charge().without("idempotency-key").judged(&payments());
    let expected = "header \"Idempotency-Key\" of the request  | a value, because it is required | nothing | - name: Idempotency-Key";
    assert_eq!(keyless, [expected]);
}

#[test]
fn request_without_the_credentials_of_its_operation_is_refused() {
    let without = charge().without("authorization");
    let expected = "the header authorization with bearer (bearer)";
    assert_eq!(
        without.judged(&payments()),
        [format!("credentials of the request  | {expected} | no credential | security:")]
    );
    let basic = charge().header("authorization", "Basic czNjcmV0");
    assert_eq!(
        basic.judged(&payments()),
        [format!("credentials of the request  | {expected} | the header authorization with Basic | security:")]
    );
    let payout = Sent::new("POST", "/payouts").header("cookie", "sid=2").json(r#"{"kind": "card", "number": "1"}"#);
    let judged = payout.judged(&payments());
    let expected = "the header X-Api-Key (key), or the query parameter csrf (csrf) and the cookie sid (session)";
    assert!(judged.len() == 1 && judged[0].contains(expected), "{judged:?}");
}

#[test]
fn discriminator_selects_the_alternative_that_is_explained() {
    let payout = |body: &str| Sent::new("POST", "/payouts").header("x-api-key", "k").json(body).judged(&payments());
    assert_eq!(
        payout(r#"{"kind": "card", "amount": 1}"#),
        ["body of the request /number | a value, because it is required | nothing | required: [kind, number]"]
    );
    let unknown = payout(r#"{"kind": "cash"}"#);
    assert!(unknown.len() == 1 && unknown[0].contains("one of the 2 schemas of oneOf"), "{unknown:?}");
}

#[test]
fn request_without_an_operation_shows_those_that_are_close() {
    let judged = Sent::new("POST", "/chargess").judged(&payments());
    assert_eq!(judged, ["path of the request  | one of the 5 operations of the contract | POST /chargess | paths:"]);
    let judged = Sent::new("DELETE", "/charges/7").judged(&payments());
    assert_eq!(judged, ["method of the request  | GET /charges/{id} (readCharge) | DELETE /charges/7 | get:"]);
    let judged = Sent::new("GET", "/charge/7").judged(&payments());
    assert!(judged[0].contains("such as POST /charge (createCharge)"), "{judged:?}");
}
