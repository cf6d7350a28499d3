//! Tests of services that panic.

use itest::prelude::*;
use itest::{Reply, request};
use serde_json::json;
use zoo::rates::{RateClient, send_measurement};

use crate::fixtures::clients::bounded_client;
use crate::fixtures::third_parties::{Metrics, Prices};

#[integration_test]
async fn rate_is_decoded(prices: &StandIn<Prices>) -> Result<()> {
    #[arrange]
    prices.when(request::get("/rates/eur")).reply(Reply::json(200, json!({"rate": 1.08})));
    let rates = RateClient { client: bounded_client()?, url: prices.url() };

    #[act]
    let rate = rates.rate("eur").await?;

    #[assert]
    assert!(rate > 1.0);
    Ok(())
}

#[integration_test]
async fn remaining_requests_are_in_a_header(prices: &StandIn<Prices>) -> Result<()> {
    #[arrange]
    let limits = Reply::json(200, json!({"plan": "free"})).header("x-remaining", "41");
    prices.when(request::get("/limits")).reply(limits);
    let rates = RateClient { client: bounded_client()?, url: prices.url() };

    #[act]
    let remaining = rates.remaining_requests().await?;

    #[assert]
    assert_eq!(remaining, "41");
    Ok(())
}

#[integration_test]
async fn measurement_is_sent_in_the_background(metrics: &StandIn<Metrics>) -> Result<()> {
    #[arrange]
    metrics.when(request::post("/points")).reply(Reply::json(202, json!({"accepted": true})));
    let client = bounded_client()?;

    #[act]
    let sending = send_measurement(&client, &metrics.url());
    let ended = sending.await;

    #[assert]
    assert!(ended.is_ok() || metrics.received().len() == 1);
    Ok(())
}
