//! Wrappers of axum's extractors that reject a request with the bank's own errors.

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::Error;

/// A JSON body, of a request or of a response.
pub(crate) struct Json<Body>(pub(crate) Body);

impl<Body: DeserializeOwned, State: Send + Sync> FromRequest<State> for Json<Body> {
    type Rejection = Error;

    async fn from_request(request: Request, state: &State) -> Result<Self, Error> {
        let body = axum::Json::from_request(request, state).await.map_err(|rejection| match rejection {
            JsonRejection::JsonDataError(error) => Error::Invalid(error.body_text()),
            JsonRejection::MissingJsonContentType(_) => Error::UnsupportedMediaType,
            rejection if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Error::BodyTooLarge,
            rejection => Error::BadRequest(rejection.body_text()),
        })?;
        Ok(Self(body.0))
    }
}

impl<Body: Serialize> IntoResponse for Json<Body> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// The query string of a request.
pub(crate) struct Query<Parameters>(pub(crate) Parameters);

impl<Parameters: DeserializeOwned, State: Send + Sync> FromRequestParts<State> for Query<Parameters> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Error> {
        let query = axum::extract::Query::from_request_parts(parts, state).await;
        let query = query.map_err(|rejection: QueryRejection| Error::BadRequest(rejection.body_text()))?;
        Ok(Self(query.0))
    }
}

/// The parameters in the path of a request.
pub(crate) struct Path<Parameters>(pub(crate) Parameters);

impl<Parameters: DeserializeOwned + Send, State: Send + Sync> FromRequestParts<State> for Path<Parameters> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Error> {
        let path = axum::extract::Path::from_request_parts(parts, state).await;
        let path = path.map_err(|rejection: PathRejection| Error::BadRequest(rejection.body_text()))?;
        Ok(Self(path.0))
    }
}
