//! A stand-in for the payment gateway, which is an external service. Tests choose its replies.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use itest::prelude::*;
use itest::{Api, NewStub, Received, Reply, request};
use serde_json::json;
use shop::payment::{Charge, ChargeRequest};

/// The payment gateway, as this suite knows it.
struct PaymentGateway;

impl Api for PaymentGateway {
    const NAME: &'static str = "gateway";
}

/// A stand-in for the payment gateway. By default it approves every card.
pub(crate) struct Gateway {
    stand_in: StandIn<PaymentGateway>,
    charges: Charges,
}

#[fixture]
fn gateway(stand_in: StandIn<PaymentGateway>) -> Gateway {
    let gateway = Gateway { stand_in, charges: Charges::default() };
    gateway.on_charge().optional().reply(gateway.charges.approval());
    gateway
}

impl Gateway {
    pub(crate) fn url(&self) -> String {
        self.stand_in.url()
    }

    /// From now on the gateway approves every card.
    pub(crate) fn approves(&self) {
        self.on_charge().reply(self.charges.approval());
    }

    pub(crate) fn declines(&self) {
        self.answers(402);
    }

    pub(crate) fn is_down(&self) {
        self.answers(503);
    }

    /// Makes no charge and answers with a status.
    pub(crate) fn answers(&self, status: u16) {
        self.on_charge().reply(Reply::status(status));
    }

    /// Makes the charge, but answers after the client's timeout.
    pub(crate) fn answers_late(&self) {
        self.on_charge().reply(self.charges.approval().delay(Duration::from_secs(20)));
    }

    /// Answers with success and an invalid body.
    pub(crate) fn answers_nonsense(&self) {
        self.on_charge().reply(Reply::json(200, json!({"ok": true})));
    }

    /// Answers with a redirect to another gateway.
    pub(crate) fn redirects_to(&self, other: &Self) {
        self.on_charge().reply(Reply::status(307).header("location", &format!("{}/charges", other.url())));
    }

    /// All requests that the gateway received, also those without a charge.
    pub(crate) fn requests(&self) -> Result<Vec<ChargeRequest>> {
        self.stand_in.received().iter().map(Received::json).collect()
    }

    /// The charges that the gateway has made.
    pub(crate) fn charges(&self) -> Vec<ChargeRequest> {
        self.charges.with(|charges| charges.clone())
    }

    /// A stub for charges. It replaces the earlier ones, and must be used unless it is optional.
    fn on_charge(&self) -> NewStub<'_> {
        self.stand_in.when(request::post("/charges"))
    }
}

/// The charges of a gateway. A request with a known idempotency key gets the earlier charge.
#[derive(Clone, Default)]
struct Charges(Arc<Mutex<Vec<ChargeRequest>>>);

impl Charges {
    fn with<T>(&self, change: impl FnOnce(&mut Vec<ChargeRequest>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A reply that makes the charge.
    fn approval(&self) -> Reply {
        let charges = self.clone();
        Reply::with(move |request| match request.json() {
            Ok(request) => Reply::json(201, charges.charge(request)),
            Err(error) => Reply::text(400, error.to_string()),
        })
    }

    fn charge(&self, request: ChargeRequest) -> Charge {
        self.with(|charges| {
            let known = charges.iter().position(|charge| charge.idempotency_key == request.idempotency_key);
            let number = known.unwrap_or_else(|| {
                charges.push(request);
                charges.len() - 1
            });
            Charge { charge_id: format!("ch_{number}") }
        })
    }
}
