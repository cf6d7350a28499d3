//! The errors of requests, and their JSON format in responses.

use axum::Json;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use sqlx::error::DatabaseError;

use crate::accounts::AccountId;
use crate::retry::Conflict;

/// The value of `Retry-After`, in seconds.
const RETRY_AFTER_SECONDS: HeaderValue = HeaderValue::from_static("1");

/// The reason why a request failed. The client gets the `Display` text; the source is only logged.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is no JSON, or the query string, the path or a header makes no sense.
    #[error("{0}")]
    BadRequest(String),
    /// The requested object does not exist.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The path exists, but not with this method.
    #[error("the method is not allowed here")]
    MethodNotAllowed,
    /// The body is larger than the service reads.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The body does not claim to be JSON.
    #[error("the body must be sent as `Content-Type: application/json`")]
    UnsupportedMediaType,
    /// The body is JSON, but not what this endpoint takes.
    #[error("{0}")]
    Invalid(String),
    /// A transfer names an account that does not exist.
    #[error("there is no account {0}")]
    UnknownAccount(AccountId),
    /// The accounts of a transfer are kept in different currencies.
    #[error("one account is in {0}, the other one in {1}")]
    OtherCurrency(String, String),
    /// The key was used for another transfer.
    #[error("the idempotency key was used for another transfer")]
    KeyReused,
    /// The account has less money than the transfer needs.
    #[error("account {0} has not enough money")]
    InsufficientFunds(AccountId),
    /// A balance would not fit into 64 bits.
    #[error("account {0} cannot hold so much")]
    TooMuch(AccountId),
    /// Every attempt conflicted with other transactions.
    #[error("too many others use these accounts; nothing was done, try again later")]
    Conflict(Conflict, #[source] sqlx::Error),
    /// Another transaction held a lock for too long.
    #[error("the accounts are locked; nothing was done, try again later")]
    Locked(#[source] sqlx::Error),
    /// The database, or the way to it, is too busy.
    #[error("the bank is too busy; nothing was done, try again later")]
    TooBusy(#[source] sqlx::Error),
    /// The connection broke. If this happened during the commit, its result is unknown. The client can find out by sending the request
    /// again with the same idempotency key.
    #[error("the database was lost; try again with the same idempotency key")]
    Lost(#[source] sqlx::Error),
    /// The service or the database failed.
    #[error("something went wrong on our side")]
    Internal(#[source] sqlx::Error),
}

impl Error {
    /// The status of the response, and the identifier of the problem for programs.
    fn status_and_slug(&self) -> (StatusCode, &'static str) {
        match self {
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad-request"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not-found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed"),
            Self::InsufficientFunds(_) => (StatusCode::CONFLICT, "insufficient-funds"),
            Self::TooMuch(_) => (StatusCode::CONFLICT, "too-much"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body-too-large"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::UnknownAccount(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unknown-account"),
            Self::OtherCurrency(..) => (StatusCode::UNPROCESSABLE_ENTITY, "other-currency"),
            Self::KeyReused => (StatusCode::UNPROCESSABLE_ENTITY, "key-reused"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
            Self::Conflict(..) => (StatusCode::SERVICE_UNAVAILABLE, "conflict"),
            Self::Locked(_) => (StatusCode::SERVICE_UNAVAILABLE, "locked"),
            Self::TooBusy(_) => (StatusCode::SERVICE_UNAVAILABLE, "too-busy"),
            Self::Lost(_) => (StatusCode::SERVICE_UNAVAILABLE, "lost"),
        }
    }

    /// Writes the error and its cause to stderr, in one line.
    #[expect(
        clippy::print_stderr,
        reason = "stderr is this service's log, and the only place the cause of an error goes"
    )]
    fn log(&self) {
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}")).unwrap_or_default();
        eprintln!("bank: {self}{cause}");
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let code = error.as_database_error().and_then(DatabaseError::code).unwrap_or_default();
        if let Some(conflict) = Conflict::of(&code) {
            return Self::Conflict(conflict, error);
        }
        match (&*code, &error) {
            // lock_not_available
            ("55P03", _) => Self::Locked(error),
            // query_canceled, caused by `statement_timeout`; too_many_connections
            ("57014" | "53300", _) | (_, sqlx::Error::PoolTimedOut) => Self::TooBusy(error),
            // admin_shutdown, crash_shutdown, cannot_connect_now; idle_in_transaction_session_timeout
            ("57P01" | "57P02" | "57P03" | "25P03", _) | (_, sqlx::Error::Io(_)) => Self::Lost(error),
            _ => Self::Internal(error),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, slug) = self.status_and_slug();
        if status.is_server_error() {
            self.log();
        }
        let problem = Problem {
            kind: format!("/problems/{slug}"),
            title: status.canonical_reason().unwrap_or_default().to_owned(),
            status: status.as_u16(),
            detail: self.to_string(),
        };
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS);
        }
        response
    }
}

/// The body of every response that is not a success, as RFC 9457 has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// For programs, for example `/problems/insufficient-funds`. Does not change.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// For people. May change.
    pub detail: String,
}
