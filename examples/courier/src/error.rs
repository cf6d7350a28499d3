//! The errors of requests, and their JSON in responses.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::program::log;

/// The reason why a request failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("there is no such {0}")]
    NotFound(&'static str),
    #[error("{0}")]
    Invalid(&'static str),
    #[error("the {0} is {1}")]
    Conflict(&'static str, String),
    #[error("the name is taken")]
    NameTaken,
    #[error("the card was declined")]
    Declined,
    #[error("the payment provider does not work, try again later")]
    PaymentsFailed(String),
    #[error("the payment provider does not answer, try again later")]
    PaymentsTimeout,
    #[error("the cache does not work")]
    CacheFailed,
    #[error("the service does not work, try again later")]
    Database(#[from] sqlx::Error),
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = match &self {
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not-found"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::Conflict(..) => (StatusCode::CONFLICT, "conflict"),
            Self::NameTaken => (StatusCode::CONFLICT, "name-taken"),
            Self::Declined => (StatusCode::PAYMENT_REQUIRED, "declined"),
            Self::PaymentsFailed(_) => (StatusCode::BAD_GATEWAY, "payments-failed"),
            Self::PaymentsTimeout => (StatusCode::GATEWAY_TIMEOUT, "payments-timeout"),
            Self::CacheFailed => (StatusCode::INTERNAL_SERVER_ERROR, "cache-failed"),
            Self::Database(_) => (StatusCode::SERVICE_UNAVAILABLE, "database-failed"),
        };
        match &self {
            Self::PaymentsFailed(cause) => log(format_args!("{self}: {cause}")),
            Self::Database(cause) => log(format_args!("{self}: {cause}")),
            _ => {}
        }
        (status, Json(json!({ "error": code, "message": self.to_string() }))).into_response()
    }
}
