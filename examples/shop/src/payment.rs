//! Talks to the payment gateway, which is somebody else's HTTP service.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What is sent to the gateway, as the body of `POST /charges`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeRequest {
    /// How much to take from the card.
    pub amount_cents: i64,
    /// The card, as the gateway's own form in the customer's browser named it.
    pub card_token: String,
    /// The gateway makes at most one charge per key, however often it is asked.
    pub idempotency_key: String,
}

/// What the gateway answers when it took the money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The gateway's name for the charge.
    pub charge_id: String,
}

/// The gateway, as a client sees it.
#[derive(Clone)]
pub(crate) struct Gateway {
    client: reqwest::Client,
    url: String,
    timeout: Duration,
}

impl Gateway {
    pub(crate) fn new(url: String, timeout: Duration) -> Self {
        // Only the gateway we were told about may see a card: a redirect counts as its failure.
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .build()
            // Building can only fail in a TLS backend. Were there one, the default would need it
            // just as much and end the program, so the fallback never follows a redirect either.
            .unwrap_or_default();
        Self { client, url, timeout }
    }

    /// Takes money from a card, or says why that did not happen. After a timeout or a broken
    /// connection it may have happened all the same; asking again with the same key finds out.
    pub(crate) async fn charge(&self, request: &ChargeRequest) -> Result<Charge, Error> {
        let response = self
            .client
            .post(format!("{}/charges", self.url.trim_end_matches('/')))
            .timeout(self.timeout)
            .json(request)
            .send()
            .await
            .map_err(transport_error)?;
        match response.status() {
            StatusCode::PAYMENT_REQUIRED => Err(Error::CardDeclined),
            status if status.is_success() => response.json().await.map_err(transport_error),
            status => Err(Error::GatewayFailed(format!("the gateway answered {status}").into())),
        }
    }
}

fn transport_error(error: reqwest::Error) -> Error {
    if error.is_timeout() {
        Error::GatewayTimeout(error.into())
    } else if error.is_decode() {
        Error::GatewayFailed(error.into())
    } else {
        Error::GatewayUnreachable(error.into())
    }
}
