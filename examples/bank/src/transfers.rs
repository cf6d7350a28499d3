//! Idempotent transfers from one account to another.

use std::fmt;

use axum::Router;
use axum::extract::{FromRequestParts, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::AppState;
use crate::accounts::AccountId;
use crate::error::Error;
use crate::extract::Json;
use crate::ledger::{self, Posted};

const MAX_KEY_BYTES: usize = 64;

/// The number of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct TransferId(pub i64);

impl fmt::Display for TransferId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// The body of `POST /transfers`. The request needs the header `Idempotency-Key`: a text that the client chooses anew for
/// each transfer, and repeats when it sends the transfer again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTransfer {
    /// The account that is debited.
    pub from: AccountId,
    /// The account that is credited.
    pub to: AccountId,
    /// The amount in minor units; more than zero.
    pub amount: i64,
}

/// A posted transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct Transfer {
    /// The transfer's number.
    pub id: TransferId,
    /// The account that was debited.
    #[sqlx(rename = "from_account")]
    pub from: AccountId,
    /// The account that was credited.
    #[sqlx(rename = "to_account")]
    pub to: AccountId,
    /// The amount in minor units.
    pub amount: i64,
}

/// The key that distinguishes a new transfer from a repeated one.
pub(crate) struct IdempotencyKey(pub(crate) String);

impl FromRequestParts<AppState> for IdempotencyKey {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &AppState) -> Result<Self, Error> {
        parts
            .headers
            .get("idempotency-key")
            .and_then(|value| value.to_str().ok())
            .filter(|key| (1..=MAX_KEY_BYTES).contains(&key.len()))
            .map(|key| Self(key.to_owned()))
            .ok_or_else(|| {
                Error::BadRequest(format!("send an `Idempotency-Key` of 1 to {MAX_KEY_BYTES} visible characters"))
            })
    }
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/transfers", post(create))
}

async fn create(
    State(state): State<AppState>,
    IdempotencyKey(key): IdempotencyKey,
    Json(transfer): Json<NewTransfer>,
) -> Result<(StatusCode, Json<Transfer>), Error> {
    if transfer.amount <= 0 {
        return Err(Error::Invalid("the amount must be more than zero".to_owned()));
    }
    if transfer.from == transfer.to {
        return Err(Error::Invalid("the two accounts must be different".to_owned()));
    }
    let posted = state.retry_policy.run(|| ledger::post(&state.pool, state.isolation, &key, transfer)).await?;
    Ok(match posted {
        Posted::Now(transfer) => (StatusCode::CREATED, Json(transfer)),
        Posted::Before(transfer) => (StatusCode::OK, Json(transfer)),
    })
}
