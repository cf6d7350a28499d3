//! Charges that are made once, and whose outcome is found out.

use itest::prelude::*;
use itest::request;
use reqwest::{Client, RequestBuilder, StatusCode};
use tokio::time::sleep;

use crate::fixtures::charges::{ChargeRequest, Charges, OrderBook, OrderState, Receipt};
use crate::fixtures::clients::{RETRY_PAUSE, bounded_client};
use crate::fixtures::third_parties::Payments;

/// A client of the payment provider.
struct PaymentClient {
    client: Client,
    url: String,
}

impl PaymentClient {
    fn new(payments: &StandIn<Payments>, charges: &Charges) -> Result<Self> {
        payments.when(request::post("/charges")).essential().reply(charges.reply());
        Ok(Self { client: bounded_client()?, url: payments.url() })
    }

    fn request(&self, order: u64) -> RequestBuilder {
        self.client.post(format!("{}/charges", self.url)).json(&ChargeRequest { order })
    }

    async fn charge_once(&self, order: u64) -> reqwest::Result<Receipt> {
        self.request(order).send().await?.error_for_status()?.json().await
    }

    /// All attempts have the same key, so that the provider makes one charge of them.
    async fn charge(&self, order: u64) -> Result<Receipt> {
        let attempt = async || -> reqwest::Result<Receipt> {
            let request = self.request(order).header("idempotency-key", format!("order-{order}"));
            request.send().await?.error_for_status()?.json().await
        };
        if let Ok(receipt) = attempt().await {
            return Ok(receipt);
        }
        sleep(RETRY_PAUSE).await;
        Ok(attempt().await?)
    }

    /// Sends the request again only if the provider has refused it.
    async fn charge_unless_unknown(&self, order: u64) -> Result<Receipt> {
        let mut response = self.request(order).send().await?;
        if matches!(response.status(), StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS) {
            sleep(RETRY_PAUSE).await;
            response = self.request(order).send().await?;
        }
        Ok(response.error_for_status()?.json().await?)
    }

    /// Whether the provider has charged the order.
    async fn has_charged(&self, order: u64) -> Result<bool> {
        let response = self.client.get(format!("{}/orders/{order}/charge", self.url)).send().await?;
        if response.status() == StatusCode::NOT_FOUND {
            return Ok(false);
        }
        response.error_for_status()?;
        Ok(true)
    }

    /// Pays an order. After an error, the provider is asked what has happened.
    async fn pay(&self, book: &OrderBook, order: u64) -> OrderState {
        let is_charged = match self.charge_once(order).await {
            Ok(_) => Ok(true),
            Err(_) => self.has_charged(order).await,
        };
        let state = match is_charged {
            Ok(true) => OrderState::Paid,
            Ok(false) => OrderState::Declined,
            Err(_) => OrderState::Unknown,
        };
        book.set(order, state);
        state
    }

    /// Pays an order. After an error, the state is unknown until a clerk has clarified it.
    async fn pay_or_ask_a_clerk(&self, book: &OrderBook, order: u64) -> OrderState {
        let state = if self.charge_once(order).await.is_ok() { OrderState::Paid } else { OrderState::Unknown };
        book.set(order, state);
        state
    }
}

#[integration_test]
async fn attempts_have_one_key(payments: &StandIn<Payments>, charges: &Charges) -> Result<()> {
    #[arrange]
    let client = PaymentClient::new(payments, charges)?;

    #[act]
    let receipt = client.charge(1).await?;

    #[assert]
    assert_eq!(receipt.id, "charge_0");
    Ok(())
}

#[integration_test]
async fn failed_charge_is_an_error(payments: &StandIn<Payments>, charges: &Charges) -> Result<()> {
    #[arrange]
    let client = PaymentClient::new(payments, charges)?;

    #[act]
    let receipt = client.charge_once(1).await?;

    #[assert]
    assert_eq!(receipt.id, "charge_0");
    Ok(())
}

#[integration_test]
async fn refused_charge_is_tried_again(payments: &StandIn<Payments>, charges: &Charges) -> Result<()> {
    #[arrange]
    let client = PaymentClient::new(payments, charges)?;

    #[act]
    let receipt = client.charge_unless_unknown(1).await?;

    #[assert]
    assert_eq!(receipt.id, "charge_0");
    Ok(())
}

#[integration_test]
async fn unknown_outcome_is_looked_up(payments: &StandIn<Payments>, charges: &Charges, book: &OrderBook) -> Result<()> {
    #[arrange]
    let client = PaymentClient::new(payments, charges)?;
    payments.when(request::get("/orders/{order}/charge")).optional().reply(charges.look_up());

    #[act]
    let state = client.pay(book, 1).await;

    #[assert]
    assert!([OrderState::Paid, OrderState::Unknown].contains(&state));
    Ok(())
}

/// Two orders are paid with two keys, and the second does not depend on the first.
#[integration_test]
async fn two_orders_are_charged(payments: &StandIn<Payments>, charges: &Charges) -> Result<()> {
    #[arrange]
    let client = PaymentClient::new(payments, charges)?;

    #[act]
    let receipts = [client.charge(1).await?, client.charge(2).await?];

    #[assert]
    assert_ne!(receipts[0].id, receipts[1].id);
    Ok(())
}

#[integration_test]
async fn unknown_outcome_is_no_refusal(
    payments: &StandIn<Payments>,
    charges: &Charges,
    book: &OrderBook,
) -> Result<()> {
    #[arrange]
    let client = PaymentClient::new(payments, charges)?;

    #[act]
    let state = client.pay_or_ask_a_clerk(book, 1).await;

    #[assert]
    assert_eq!(state, OrderState::Paid);
    Ok(())
}
