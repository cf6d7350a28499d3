//! The payment gateway, which is somebody else's service: a stand-in that does what it is told.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use itest::prelude::*;
use serde_json::json;
use shop::payment::{Charge, ChargeRequest};
use wiremock::matchers::{method, path};
use wiremock::{Mock, MockServer, Request, Respond, ResponseTemplate};

/// A stand-in for the payment gateway. It approves of every card until it is told otherwise.
pub(crate) struct Gateway {
    server: MockServer,
    till: Till,
}

#[fixture]
async fn gateway() -> Gateway {
    // Not one from the pool: a pooled server and its thread outlive their test.
    let (server, till) = (MockServer::builder().start().await, Till::default());
    Mock::given(method("POST")).and(path("/charges")).respond_with(till.clone()).mount(&server).await;
    Gateway { server, till }
}

impl Gateway {
    pub(crate) fn url(&self) -> String {
        self.server.uri()
    }

    pub(crate) fn approves(&self) {
        self.till.change(|state| state.answer = Answer::Approves);
    }

    pub(crate) fn declines(&self) {
        self.till.change(|state| state.answer = Answer::Status(402));
    }

    pub(crate) fn is_down(&self) {
        self.till.change(|state| state.answer = Answer::Status(503));
    }

    /// Takes no money and answers with a status.
    pub(crate) fn answers(&self, status: u16) {
        self.till.change(|state| state.answer = Answer::Status(status));
    }

    /// Takes the money, but says so when nobody listens any more.
    pub(crate) fn answers_late(&self) {
        self.till.change(|state| state.answer = Answer::ApprovesLate);
    }

    /// Succeeds without saying what it has done.
    pub(crate) fn answers_nonsense(&self) {
        self.till.change(|state| state.answer = Answer::Nonsense);
    }

    /// Asks its clients to go somewhere else.
    pub(crate) fn redirects_to(&self, other: &Self) {
        let address = format!("{}/charges", other.url());
        self.till.change(|state| state.answer = Answer::Redirect(address));
    }

    /// What it was asked for, whether it took the money or not.
    pub(crate) async fn requests(&self) -> Result<Vec<ChargeRequest>> {
        let received = self.server.received_requests().await.unwrap_or_default();
        Ok(received.iter().map(Request::body_json).collect::<Result<_, _>>()?)
    }

    /// The money it has taken.
    pub(crate) fn charges(&self) -> Vec<ChargeRequest> {
        self.till.change(|state| state.charges.clone())
    }
}

/// What the gateway remembers. A key that it has seen gets the charge that was made for it.
#[derive(Clone, Default)]
struct Till(Arc<Mutex<State>>);

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

impl Till {
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

impl Respond for Till {
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
