//! Which of several matching stubs answers.

use itest::prelude::*;
use itest::{Client, Reply, StandIn, request};

use crate::Payments;

/// The statuses of the responses to equal requests.
async fn statuses(payments: &StandIn<Payments>, requests: usize) -> Result<Vec<u16>> {
    let client = Client::new(payments.url());
    let mut statuses = Vec::new();
    for _ in 0..requests {
        statuses.push(client.post("/charge").header("x-kind", "card").await?.status());
    }
    Ok(statuses)
}

#[integration_test]
async fn limited_stubs_answer_in_the_order_in_which_they_were_written(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).reply(Reply::status(200));
    payments.when(request::post("/charge")).once().reply(Reply::status(503));
    payments.when(request::post("/charge")).times(2).reply(Reply::status(429));
    assert_eq!(statuses(payments, 5).await?, [503, 429, 429, 200, 200]);
    Ok(())
}

#[integration_test]
async fn test_replaces_the_stub_of_a_fixture(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).optional().reply(Reply::status(200));
    payments.when(request::post("/charge")).reply(Reply::status(402));
    assert_eq!(statuses(payments, 2).await?, [402, 402]);
    Ok(())
}

#[integration_test]
async fn stub_with_more_conditions_answers_first(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge").header("x-kind", "card")).reply(Reply::status(201));
    payments.when(request::post("/charge")).optional().reply(Reply::status(500));
    assert_eq!(statuses(payments, 1).await?, [201]);
    Ok(())
}

#[integration_test]
async fn stub_of_higher_priority_answers_first(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge").header("x-kind", "card")).optional().reply(Reply::status(201));
    payments.when(request::any("/charge")).priority(1).reply(Reply::status(500));
    assert_eq!(statuses(payments, 1).await?, [500]);
    Ok(())
}

#[integration_test]
async fn state_selects_the_stub(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).in_state("").then_state("charged").reply(Reply::status(201));
    payments.when(request::post("/charge")).in_state("charged").reply(Reply::status(409));
    assert_eq!(statuses(payments, 3).await?, [201, 409, 409]);
    Ok(())
}

#[integration_test]
async fn handle_returns_the_answered_requests(payments: &StandIn<Payments>) -> Result<()> {
    let stub = payments.when(request::post("/orders/{id}/pay").json("/amount", 1)).reply(Reply::status(200));
    let client = Client::new(payments.url());
    client.post("/orders/7/pay").json(&serde_json::json!({"amount": 1})).await?.assert_status(200);
    let [received] = &stub.received()[..] else { return Err("the stub has answered one request".into()) };
    assert_eq!((received.method(), received.path(), received.parameter("id")), ("POST", "/orders/7/pay", Some("7")));
    assert_eq!(received.json::<serde_json::Value>()?["amount"], 1);
    assert_eq!(payments.received().len(), 1);
    Ok(())
}

#[integration_test]
fn each_test_and_each_owner_has_its_own_stand_in(
    one: &StandIn<Payments>,
    same: &StandIn<Payments>,
    own: StandIn<Payments>,
) {
    assert_eq!(one.address(), same.address());
    assert_ne!(one.address(), own.address());
}
