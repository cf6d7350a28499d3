//! The client of the payment gateway, which is an external HTTP service.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::redirect::Policy;
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// The body of `POST /charges` to the gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeRequest {
    /// The amount to charge.
    pub amount_cents: i64,
    /// The token for the card, which the gateway's form in the customer's browser has issued.
    pub card_token: String,
    /// The idempotency key: the gateway makes at most one charge for each key.
    pub idempotency_key: String,
}

/// The response of the gateway to a successful charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The gateway's id of the charge.
    pub charge_id: String,
}

/// The client of the gateway.
#[derive(Clone)]
pub(crate) struct Gateway {
    client: reqwest::Client,
    url: String,
    timeout: Duration,
}

impl Gateway {
    pub(crate) fn new(url: String, timeout: Duration) -> Self {
        // Only the configured gateway may get a card token, so a redirect counts as a failure.
        let client = reqwest::Client::builder()
            .redirect(Policy::none())
            .build()
            // Building can only fail in a TLS backend, and this client has none. With one, the
            // default would panic, too, so the fallback never follows a redirect either.
            .unwrap_or_default();
        Self { client, url, timeout }
    }

    /// Charges a card. After a timeout or a broken connection the result is unknown; the same
    /// request with the same key finds out, and does not charge twice.
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
