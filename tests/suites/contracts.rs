//! Tests whose exchanges break a contract.

use itest::prelude::*;
use itest::{Api, Client, Contract, Reply, StandIn, contract, request};
use serde_json::json;

itest::main!();

struct Payments;

impl Api for Payments {
    const NAME: &'static str = "payments";

    fn contract() -> Option<Contract> {
        Some(contract!("suites/contracts/payments.yaml"))
    }
}

struct Broken;

impl Api for Broken {
    const NAME: &'static str = "broken";

    fn contract() -> Option<Contract> {
        Some(contract!("suites/contracts/broken.yaml"))
    }
}

fn charge(payments: &StandIn<Payments>) {
    payments.when(request::post("/charge")).reply(Reply::json(201, json!({"id": "pay_1"})));
}

#[integration_test]
async fn request_keeps_the_contract(payments: &StandIn<Payments>) -> Result<()> {
    charge(payments);
    let body = json!({"amount": 25, "card": "tok_visa"});
    Client::new(payments.url()).post("/charge").json(&body).await?.assert_status(201);
    Ok(())
}

#[integration_test]
async fn request_breaks_the_contract(payments: &StandIn<Payments>) -> Result<()> {
    #[arrange]
    charge(payments);
    #[act]
    let body = json!({"amount": "25", "card": "tok_visa", "password": "s3cret"});
    for _ in 0..3 {
        Client::new(payments.url()).post("/charge").json(&body).await?;
    }
    #[assert]
    assert_eq!(payments.received().len(), 3);
    Ok(())
}

#[integration_test]
async fn request_has_no_operation(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).optional().reply(Reply::json(201, json!({"id": "pay_1"})));
    Client::new(payments.url()).delete("/charge").await?;
    Ok(())
}

#[integration_test]
fn stub_replies_what_the_contract_forbids(payments: &StandIn<Payments>) {
    payments.when(request::post("/charge")).reply(Reply::json(201, json!({"number": 1})));
}

#[integration_test]
fn stub_has_no_operation(payments: &StandIn<Payments>) {
    payments.when(request::post("/chrge")).reply(Reply::json(201, json!({"id": "pay_1"})));
}

#[integration_test]
async fn computed_reply_breaks_the_contract(payments: &StandIn<Payments>) -> Result<()> {
    payments.when(request::post("/charge")).reply(Reply::with(|_| Reply::json(201, json!({"id": 7}))));
    Client::new(payments.url()).post("/charge").json(&json!({"amount": 1, "card": "x"})).await?;
    Ok(())
}

#[integration_test]
async fn ignored_contract(payments: &StandIn<Payments>) -> Result<()> {
    payments.ignore_contract();
    payments.when(request::post("/charge")).reply(Reply::text(500, "out of order"));
    Client::new(payments.url()).post("/charge").await?.assert_status(500);
    Ok(())
}

#[integration_test]
fn broken_contract(_broken: &StandIn<Broken>) {}

/// The service under test, which answers as a stand-in without a contract does.
struct Shop;

impl Api for Shop {
    const NAME: &'static str = "shop";
}

fn client(shop: &StandIn<Shop>) -> Result<Client> {
    Client::new(shop.url()).with_contract(&contract!("suites/contracts/payments.yaml"))
}

#[integration_test]
async fn answer_of_the_service_keeps_the_contract(shop: &StandIn<Shop>) -> Result<()> {
    shop.when(request::get("/orders")).once().reply(Reply::status(401));
    shop.when(request::get("/orders")).once().reply(Reply::json(200, json!([1])));
    let client = client(shop)?;
    client.get("/orders").await?.assert_status(401);
    client.get("/orders").bearer("s3cret").await?.assert_status(200);
    Ok(())
}

#[integration_test]
async fn answer_of_the_service_breaks_the_contract(shop: &StandIn<Shop>) -> Result<()> {
    shop.when(request::get("/orders")).reply(Reply::json(200, json!([1, "2"])));
    client(shop)?.get("/orders").bearer("s3cret").await?.assert_status(200);
    Ok(())
}

#[integration_test]
async fn service_answers_without_credentials(shop: &StandIn<Shop>) -> Result<()> {
    shop.when(request::get("/orders")).reply(Reply::json(200, json!([1])));
    client(shop)?.get("/orders").await?.assert_status(200);
    Ok(())
}
