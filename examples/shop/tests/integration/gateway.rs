//! A stand-in for the payment gateway, which is an external service. Tests choose its responses.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use itest::prelude::*;
use serde_json::json;
use shop::payment::{Charge, ChargeRequest};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// A stand-in for the payment gateway. By default it approves every card.
pub(crate) struct Gateway {
    server: MockServer,
    responder: Responder,
}

#[fixture]
async fn gateway() -> Gateway {
    // A pooled server is not used, because it and its thread would outlive the test.
    let (server, responder) = (MockServer::builder().start().await, Responder::default());
    Mock::given(method("POST")).and(path("/charges")).respond_with(responder.clone()).mount(&server).await;
    Gateway { server, responder }
}

impl Gateway {
    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    pub(crate) fn approves(&self) {
        self.responder.change(|state| state.answer = Answer::Approves);
    }

    pub(crate) fn declines(&self) {
        self.responder.change(|state| state.answer = Answer::Status(402));
    }

    pub(crate) fn is_down(&self) {
        self.responder.change(|state| state.answer = Answer::Status(503));
    }

    /// Makes no charge and answers with a status.
    pub(crate) fn answers(&self, status: u16) {
        self.responder.change(|state| state.answer = Answer::Status(status));
    }

    /// Makes the charge, but answers after the client's timeout.
    pub(crate) fn answers_late(&self) {
        self.responder.change(|state| state.answer = Answer::ApprovesLate);
    }

    /// Answers with success and an invalid body.
    pub(crate) fn answers_nonsense(&self) {
        self.responder.change(|state| state.answer = Answer::Nonsense);
    }

    /// Answers with a redirect to another gateway.
    pub(crate) fn redirects_to(&self, other: &Self) {
        let address = format!("{}/charges", other.url());
        self.responder.change(|state| state.answer = Answer::Redirect(address));
    }

    /// All requests that the gateway received, also those without a charge.
    pub(crate) async fn requests(&self) -> Result<Vec<ChargeRequest>> {
        let received = self.server.received_requests().await.unwrap_or_default();
        Ok(received.iter().map(Request::body_json).collect::<Result<_, _>>()?)
    }

    /// The charges that the gateway has made.
    pub(crate) fn charges(&self) -> Vec<ChargeRequest> {
        self.responder.change(|state| state.charges.clone())
    }
}

/// The shared state of the stand-in. A request with a known idempotency key gets the earlier charge.
#[derive(Clone, Default)]
struct Responder(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    answer: Answer,
    charges: Vec<ChargeRequest>,
}

#[derive(Clone, Default)]
enum Answer {
    #[default]
    Approves,
    ApprovesLate,
    Status(u16),
    Nonsense,
    Redirect(String),
}

impl Responder {
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn charge(&mut self, request: ChargeRequest) -> Charge {
        let known = self.charges.iter().position(|charge| charge.idempotency_key == request.idempotency_key);
        let number = known.unwrap_or_else(|| {
            self.charges.push(request);
            self.charges.len() - 1
        });
        Charge { charge_id: format!("ch_{number}") }
    }
}

impl Respond for Responder {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let Ok(request) = request.body_json() else { return ResponseTemplate::new(400) };
        self.change(|state| match state.answer.clone() {
            Answer::Approves => ResponseTemplate::new(201).set_body_json(state.charge(request)),
            Answer::ApprovesLate => {
                let late = Duration::from_secs(20);
                ResponseTemplate::new(201).set_body_json(state.charge(request)).set_delay(late)
            }
            Answer::Status(status) => ResponseTemplate::new(status),
            Answer::Nonsense => ResponseTemplate::new(200).set_body_json(json!({"ok": true})),
            Answer::Redirect(address) => ResponseTemplate::new(307).insert_header("location", address),
        })
    }
}
