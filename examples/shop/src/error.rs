//! The errors of requests, and their JSON format in responses.

use axum::http::header::WWW_AUTHENTICATE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::extract::Json;
use crate::orders::OrderStatus;
use crate::products::ProductId;

/// The cause of an error that is logged but never sent to a client.
type Source = Box<dyn std::error::Error + Send + Sync>;

/// The reason why a request failed. The client gets the `Display` text.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The body is not JSON at all.
    #[error("{0}")]
    MalformedJson(String),
    /// The query string or the path makes no sense.
    #[error("{0}")]
    BadRequest(String),
    /// There is no valid token.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// No user has this e-mail address and password. The message does not say which of the two is wrong,
    /// so that a client cannot find out which addresses are registered.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// The gateway refused the card.
    #[error("the card was declined")]
    CardDeclined,
    /// The token is valid, but its owner may not do this.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The requested object does not exist.
    #[error("there is no such {0}")]
    NotFound(&'static str),
    /// The path exists, but not with this method.
    #[error("the method is not allowed here")]
    MethodNotAllowed,
    /// The e-mail address is registered already.
    #[error("the e-mail address is registered already")]
    EmailTaken,
    /// Another product has this SKU.
    #[error("another product has this SKU")]
    SkuTaken,
    /// The stock is lower than the ordered quantity.
    #[error("product {product} is out of stock: {requested} ordered, {available} left")]
    OutOfStock {
        /// The ordered product.
        product: ProductId,
        /// The ordered quantity.
        requested: u32,
        /// The stock that was left for this line.
        available: u32,
    },
    /// The order's life cycle does not allow this.
    #[error("the order is {from} and cannot become {to}")]
    IllegalTransition {
        /// The current status of the order.
        from: OrderStatus,
        /// The requested status.
        to: OrderStatus,
    },
    /// The body is larger than the service reads.
    #[error("the body is too large")]
    BodyTooLarge,
    /// The body does not claim to be JSON.
    #[error("the body must be sent as `Content-Type: application/json`")]
    UnsupportedMediaType,
    /// The body is JSON, but not what this endpoint takes.
    #[error("{0}")]
    Invalid(String),
    /// An order names a product that does not exist.
    #[error("there is no product {0}")]
    UnknownProduct(ProductId),
    /// The gateway answered, but neither with a charge nor with a declined card.
    #[error("the payment gateway failed; the order is not paid, try again later")]
    GatewayFailed(#[source] Source),
    /// The connection to the gateway failed.
    #[error("the payment gateway cannot be reached; the order is not paid, try again later")]
    GatewayUnreachable(#[source] Source),
    /// The gateway did not answer in time.
    #[error("the payment gateway took too long; the order is not paid, try again later")]
    GatewayTimeout(#[source] Source),
    /// The service or its database failed.
    #[error("something went wrong on our side")]
    Internal(#[source] Source),
}

impl Error {
    /// An error whose cause is logged and not sent to the client.
    pub(crate) fn internal(source: impl Into<Source>) -> Self {
        Self::Internal(source.into())
    }

    /// The status of the response, and the error code for programs.
    fn status_and_code(&self) -> (StatusCode, &'static str) {
        match self {
            Self::MalformedJson(_) => (StatusCode::BAD_REQUEST, "malformed_json"),
            Self::BadRequest(_) => (StatusCode::BAD_REQUEST, "bad_request"),
            Self::Unauthenticated(_) => (StatusCode::UNAUTHORIZED, "unauthenticated"),
            Self::WrongCredentials => (StatusCode::UNAUTHORIZED, "wrong_credentials"),
            Self::CardDeclined => (StatusCode::PAYMENT_REQUIRED, "card_declined"),
            Self::Forbidden(_) => (StatusCode::FORBIDDEN, "forbidden"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed"),
            Self::EmailTaken => (StatusCode::CONFLICT, "email_taken"),
            Self::SkuTaken => (StatusCode::CONFLICT, "sku_taken"),
            Self::OutOfStock { .. } => (StatusCode::CONFLICT, "out_of_stock"),
            Self::IllegalTransition { .. } => (StatusCode::CONFLICT, "illegal_transition"),
            Self::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "body_too_large"),
            Self::UnsupportedMediaType => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "unsupported_media_type"),
            Self::Invalid(_) => (StatusCode::UNPROCESSABLE_ENTITY, "invalid"),
            Self::UnknownProduct(_) => (StatusCode::UNPROCESSABLE_ENTITY, "unknown_product"),
            Self::GatewayFailed(_) => (StatusCode::BAD_GATEWAY, "gateway_failed"),
            Self::GatewayUnreachable(_) => (StatusCode::BAD_GATEWAY, "gateway_unreachable"),
            Self::GatewayTimeout(_) => (StatusCode::GATEWAY_TIMEOUT, "gateway_timeout"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }

    /// Writes the error and its causes to stderr, in one line.
    #[expect(
        clippy::print_stderr,
        reason = "stderr is this service's log, and the only place the cause of an error goes"
    )]
    fn log(&self) {
        let mut line = format!("shop: {self}");
        let mut cause = std::error::Error::source(self);
        while let Some(source) = cause {
            line.push_str(": ");
            line.push_str(&source.to_string());
            cause = source.source();
        }
        eprintln!("{line}");
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        Self::internal(error)
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = self.status_and_code();
        if status.is_server_error() {
            self.log();
        }
        let body = ErrorBody { error: ErrorDetail { code: code.to_owned(), message: self.to_string() } };
        let mut response = (status, Json(body)).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// The body of every response that is not a success.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// What went wrong.
    pub error: ErrorDetail,
}

/// What went wrong, for a program and for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// For programs, for example `out_of_stock`. Does not change.
    pub code: String,
    /// For people. May change.
    pub message: String,
}
