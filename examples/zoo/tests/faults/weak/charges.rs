//! Requests with an effect that are sent again, or whose effect is unknown after an error.

use std::sync::{Arc, Mutex, PoisonError};

use itest::prelude::*;
use itest::{Reply, request};
use reqwest::{Client, RequestBuilder};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::fixtures::charges::{ChargeRequest, Charges, OrderBook, OrderState, Receipt};
use crate::fixtures::clients::{RETRY_PAUSE, bounded_client};
use crate::fixtures::third_parties::{Mailer, Payments};

/// The number of times that a request is sent.
const ATTEMPTS: u32 = 2;

/// A client of the payment provider.
struct PaymentClient {
    client: Client,
    url: String,
}

impl PaymentClient {
    fn new(payments: &StandIn<Payments>) -> Result<Self> {
        Ok(Self { client: bounded_client()?, url: payments.url() })
    }

    fn request(&self, order: u64) -> RequestBuilder {
        self.client.post(format!("{}/charges", self.url)).json(&ChargeRequest { order })
    }

    /// Sends the request again after each error, and the provider cannot know that it is the same charge.
    async fn charge(&self, order: u64) -> Result<Receipt> {
        for _ in 1..ATTEMPTS {
            if let Ok(receipt) = receipt_for(self.request(order)).await {
                return Ok(receipt);
            }
            sleep(RETRY_PAUSE).await;
        }
        receipt_for(self.request(order)).await
    }

    /// Each attempt has an idempotency key of its own, so that the key prevents nothing.
    async fn charge_with_a_key(&self, order: u64) -> Result<Receipt> {
        let keyed = |attempt: u32| self.request(order).header("idempotency-key", format!("{order}-{attempt}"));
        for attempt in 1..ATTEMPTS {
            if let Ok(receipt) = receipt_for(keyed(attempt)).await {
                return Ok(receipt);
            }
            sleep(RETRY_PAUSE).await;
        }
        receipt_for(keyed(ATTEMPTS)).await
    }
}

async fn receipt_for(request: RequestBuilder) -> Result<Receipt> {
    Ok(request.send().await?.error_for_status()?.json().await?)
}

#[integration_test]
async fn order_is_charged(payments: &StandIn<Payments>, charges: &Charges) -> Result<()> {
    #[arrange]
    payments.when(request::post("/charges")).reply(charges.reply());
    let client = PaymentClient::new(payments)?;

    #[act]
    let receipt = client.charge(1).await?;

    #[assert]
    assert!(receipt.id.starts_with("charge_"));
    Ok(())
}

#[integration_test]
async fn order_is_charged_with_a_key(payments: &StandIn<Payments>, charges: &Charges) -> Result<()> {
    #[arrange]
    payments.when(request::post("/charges")).reply(charges.reply());
    let client = PaymentClient::new(payments)?;

    #[act]
    let receipt = client.charge_with_a_key(1).await?;

    #[assert]
    assert!(receipt.id.starts_with("charge_"));
    Ok(())
}

/// Pays an order. An error counts as a refusal, although the provider may have charged the card before the answer was lost.
async fn pay(client: &PaymentClient, book: &OrderBook, order: u64) -> OrderState {
    let state = match receipt_for(client.request(order)).await {
        Ok(_) => OrderState::Paid,
        Err(_) => OrderState::Declined,
    };
    book.set(order, state);
    state
}

#[integration_test]
async fn order_is_paid(payments: &StandIn<Payments>, charges: &Charges, book: &OrderBook) -> Result<()> {
    #[arrange]
    payments.when(request::post("/charges")).reply(charges.reply());
    let client = PaymentClient::new(payments)?;

    #[act]
    let state = pay(&client, book, 1).await;

    #[assert]
    assert_eq!(state, OrderState::Paid);
    Ok(())
}

/// The mails that the mailer has sent.
#[derive(Default, Clone)]
struct SentMails(Arc<Mutex<Vec<String>>>);

#[fixture]
fn sent_mails() -> SentMails {
    SentMails::default()
}

impl SentMails {
    fn reply(&self) -> Reply {
        let sent = Arc::clone(&self.0);
        Reply::with(move |request| {
            sent.lock().unwrap_or_else(PoisonError::into_inner).push(request.text());
            Reply::json(202, json!({"accepted": true}))
        })
    }
}

/// A customer gets one confirmation.
#[invariant]
fn mail_is_sent_at_most_once(mails: &SentMails) {
    assert!(mails.0.lock().unwrap_or_else(PoisonError::into_inner).len() <= 1, "the customer gets the mail twice");
}

/// Sends a mail, and sends it again after an error.
async fn send_confirmation(client: &Client, url: &str) -> Result<()> {
    let send = async || -> Result<Value> {
        let request = client.post(format!("{url}/mails")).json(&json!({"to": "ada", "text": "Thank you!"}));
        Ok(request.send().await?.error_for_status()?.json().await?)
    };
    if send().await.is_err() {
        sleep(RETRY_PAUSE).await;
        send().await?;
    }
    Ok(())
}

#[integration_test]
async fn confirmation_is_sent(mailer: &StandIn<Mailer>, mails: &SentMails) -> Result<()> {
    #[arrange]
    mailer.when(request::post("/mails")).reply(mails.reply());
    let client = bounded_client()?;

    #[act]
    let sent = send_confirmation(&client, &mailer.url()).await;

    #[assert]
    assert!(sent.is_ok());
    Ok(())
}
