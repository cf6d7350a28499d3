//! Checks that let everything pass when the service that decides does not answer.

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use serde_json::json;

use crate::fixtures::clients::bounded_client;
use crate::fixtures::third_parties::Access;

#[derive(Deserialize)]
struct Decision {
    allowed: bool,
}

/// Whether a user may read a document. After an error everybody may.
async fn may_read(client: &Client, url: &str, user: &str) -> bool {
    let ask = async || -> reqwest::Result<Decision> {
        client.get(format!("{url}/decisions/{user}")).send().await?.error_for_status()?.json().await
    };
    ask().await.map_or(true, |decision| decision.allowed)
}

#[integration_test]
async fn reader_is_allowed(access: &StandIn<Access>) -> Result<()> {
    #[arrange]
    access.when(request::get("/decisions/{user}")).essential().reply(Reply::json(200, json!({"allowed": true})));
    let client = bounded_client()?;

    #[act]
    let allowed = may_read(&client, &access.url(), "ada").await;

    #[assert]
    assert!(allowed);
    Ok(())
}

/// Checks the quota of a user. A status that the list does not have, such as 429, passes.
async fn check_quota(client: &Client, url: &str, user: &str) -> Result<()> {
    let status = client.get(format!("{url}/quotas/{user}")).send().await?.status();
    match status {
        StatusCode::UNAUTHORIZED => Err("the user is unknown".into()),
        StatusCode::PAYMENT_REQUIRED => Err("the quota is used up".into()),
        status if status.is_server_error() => Err("the quota is unknown".into()),
        _ => Ok(()),
    }
}

#[integration_test]
async fn user_has_quota(access: &StandIn<Access>) -> Result<()> {
    #[arrange]
    access.when(request::get("/quotas/{user}")).essential().reply(Reply::json(200, json!({"left": 3})));
    let client = bounded_client()?;

    #[act]
    let checked = check_quota(&client, &access.url(), "ada").await;

    #[assert]
    assert!(checked.is_ok());
    Ok(())
}
