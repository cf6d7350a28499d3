//! The payment provider, played by a stand-in that charges as the real one does: once for each idempotency key.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use itest::prelude::*;
use itest::{Api, Reply, RequestPattern, request};
use serde_json::json;

/// The payment provider, as this suite knows it.
pub(crate) struct Payments;

impl Api for Payments {
    const NAME: &'static str = "payments";
}

/// The charges of the provider.
#[derive(Clone)]
pub(crate) struct Provider {
    pub(crate) url: String,
    charges: Arc<Mutex<BTreeMap<String, i64>>>,
}

#[fixture]
fn provider(payments: &StandIn<Payments>) -> Provider {
    let provider = Provider { url: payments.url(), charges: Arc::default() };
    let charging = provider.clone();
    payments.when(charge()).optional().reply(Reply::with(move |request| {
        let key = request.header("idempotency-key").unwrap_or_default().to_owned();
        let amount = request.json::<serde_json::Value>().ok().and_then(|body| body["amount_cents"].as_i64());
        charging.charges.lock().unwrap_or_else(PoisonError::into_inner).insert(key.clone(), amount.unwrap_or_default());
        Reply::json(201, json!({ "id": format!("charge-{key}") }))
    }));
    provider
}

impl Provider {
    /// The amount of each charge, by its idempotency key.
    pub(crate) fn charges(&self) -> BTreeMap<String, i64> {
        self.charges.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The request that charges a card.
pub(crate) fn charge() -> RequestPattern {
    request::post("/charges")
}
