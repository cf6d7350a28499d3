//! Tests whose stand-ins answer from recordings. Variables say where the real service is, and how a test differs from its recording.

use std::env;

use itest::prelude::*;
use itest::{Api, Fault, request};
use serde_json::json;

itest::main!();

struct Payments;

impl Api for Payments {
    const NAME: &'static str = "payments";

    fn real_url() -> Option<String> {
        env::var("REAL_PAYMENTS_URL").ok()
    }
}

fn client(payments: &StandIn<Payments>) -> Client {
    Client::new(payments.url()).with_bearer("s3cret")
}

/// Charges a card and reads the charge. `AMOUNT` changes a request, and `EXTRA` adds one.
#[integration_test]
async fn charges_a_card(payments: &StandIn<Payments>) -> Result<()> {
    #[arrange]
    payments.use_recording()?;
    let amount: u32 = env::var("AMOUNT").unwrap_or("7".to_owned()).parse()?;
    let client = client(payments);

    #[act]
    let charge = json!({"amount": amount, "password": "s3cret"});
    let charge = client.post("/charge?api_key=s3cret&expand=card").json(&charge).await?;
    let receipt = client.get(format!("/charges/{}", charge.at("/id").as_str().unwrap_or("none"))).await?;
    if env::var_os("EXTRA").is_some() {
        client.get("/refunds").await?.assert_status(200);
    }

    #[assert]
    charge.assert_status(201);
    receipt.assert_status(200);
    Ok(())
}

#[integration_test]
async fn fails_after_an_answer(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()?;
    client(payments).get("/status").await?;
    Err("the order is not paid".into())
}

#[integration_test(retries = 1)]
async fn passes_at_the_second_attempt(payments: &StandIn<Payments>, info: &TestInfo) -> Result<()> {
    payments.use_recording()?;
    client(payments).get(format!("/attempts/{}", info.attempt())).await?.assert_status(200);
    assert_eq!(info.attempt(), 2);
    Ok(())
}

/// Sends a request to `/answer`, and compares status, `location` and body with `EXPECTED`.
#[integration_test]
async fn passes_an_answer_on(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()?;
    let answer = client(payments).get("/answer").header("accept-encoding", "gzip").await?;
    let location = answer.header("location").unwrap_or("nowhere");
    let actual = format!("{} {location} {}", answer.status(), answer.text());
    assert_eq!(actual, env::var("EXPECTED").unwrap_or_default());
    Ok(())
}

#[integration_test]
async fn accepts_any_answer(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()?;
    payments.lenient();
    client(payments).get("/answer").await?;
    Ok(())
}

#[integration_test]
async fn ends_before_the_answer(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()?;
    let answer = tokio::spawn(client(payments).get("/late").send());
    while payments.received().is_empty() {
        tokio::task::yield_now().await;
    }
    answer.abort();
    Ok(())
}

#[integration_test]
async fn sends_an_order(payments: &StandIn<Payments>, #[values(1, 2, 3, 4)] number: u32) -> Result<()> {
    payments.use_recording()?;
    client(payments).get(format!("/orders/{number}")).await?.assert_status(200);
    Ok(())
}

/// The fault comes before the service, so the recording has one answer.
#[integration_test]
async fn tries_again_after_a_fault(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()?;
    payments.inject(Fault::Status(503)).on(request::get("/status")).first(1);
    client(payments).get("/status").await?.assert_status(503);
    client(payments).get("/status").await?.assert_status(200);
    Ok(())
}

#[integration_test]
fn sends_nothing(payments: &StandIn<Payments>) -> Result<()> {
    payments.use_recording()
}
