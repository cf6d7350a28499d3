//! Answers: status, headers and body.

use super::{Sent, payments};

fn charge() -> Sent {
    Sent::new("POST", "/charge")
}

fn created() -> Sent {
    Sent::new("", "").header("location", "/charges/7").json(r#"{"id": "7", "amount": 1, "currency": "EUR"}"#)
}

#[test]
fn answer_that_keeps_the_contract_has_no_violation() {
    let contract = payments();
    let none = Vec::<String>::new();
    assert_eq!(charge().answered(&contract, 201, &created()), none);
    let problem = Sent::new("", "").json(r#"{"type": "/declined", "title": "Declined"}"#);
    let problem = problem.header("content-type", "application/problem+json");
    assert_eq!(charge().answered(&contract, 422, &problem), none);
    assert_eq!(Sent::new("POST", "/charges/7:refund").answered(&contract, 204, &Sent::new("", "")), none);
    assert_eq!(Sent::new("GET", "/charges/7").answered(&contract, 503, &Sent::new("", "")), none);
    // The body of an answer that is compressed is not judged.
    let compressed = created().header("content-encoding", "gzip").json("");
    assert_eq!(charge().answered(&contract, 201, &Sent { body: vec![0x1f], ..compressed }), none);
}

#[test]
fn answer_that_breaks_the_contract_is_explained() {
    let contract = payments();
    let answered = |status: u16, answer: &Sent| charge().answered(&contract, status, answer);
    assert_eq!(answered(200, &created()), ["status of the answer  | 201 or 4XX | 200 | responses:"]);
    assert_eq!(
        answered(201, &created().without("location")),
        [
            "header \"Location\" of the answer  | a value, because it is required | nothing | Location: { required: true, schema: { type: string } }"
        ]
    );
    let secret = created().json(r#"{"id": "7", "amount": 1, "currency": "EUR", "card": {"token": "tok"}}"#);
    let judged = answered(201, &secret);
    assert!(judged[0].contains("/card | nothing, because it is only in requests (writeOnly)"), "{judged:?}");
    assert!(!judged[0].contains("tok\""), "{judged:?}");
    let without_id = created().json(r#"{"amount": 1, "currency": "EUR"}"#);
    assert_eq!(
        answered(201, &without_id),
        ["body of the answer /id | a value, because it is required | nothing | required: [id, amount, currency, card]"]
    );
    let problem = Sent::new("", "").json(r#"{"type": "/declined"}"#).header("content-type", "application/problem+json");
    assert_eq!(
        answered(404, &problem),
        ["body of the answer /title | a value, because it is required | nothing | - title"]
    );
    let text = Sent::new("", "").json("x").header("content-type", "text/html");
    assert_eq!(
        answered(404, &text),
        ["body of the answer  | the content type application/problem+json | text/html | content:"]
    );
    let refund = Sent::new("GET", "/charges/7").answered(&contract, 500, &Sent::new("", "").json("{}"));
    assert_eq!(refund, ["body of the answer  | no body | a body of 2 bytes | default:"]);
}
