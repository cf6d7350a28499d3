//! Wrappers of axum's extractors that reject a request with the shop's own errors.

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

impl<Body, State> FromRequest<State> for Json<Body>
where
    Body: DeserializeOwned,
    State: Send + Sync,
{
    type Rejection = Error;

    async fn from_request(request: Request, state: &State) -> Result<Self, Error> {
        let axum::Json(body) = axum::Json::from_request(request, state).await?;
        Ok(Self(body))
    }
}

impl<Body: Serialize> IntoResponse for Json<Body> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

impl From<JsonRejection> for Error {
    fn from(rejection: JsonRejection) -> Self {
        match rejection {
            JsonRejection::JsonDataError(error) => Self::Invalid(error.body_text()),
            JsonRejection::MissingJsonContentType(_) => Self::UnsupportedMediaType,
            rejection if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Self::BodyTooLarge,
            rejection => Self::MalformedJson(rejection.body_text()),
        }
    }
}

/// The query string of a request.
pub(crate) struct Query<Parameters>(pub(crate) Parameters);

impl<Parameters, State> FromRequestParts<State> for Query<Parameters>
where
    Parameters: DeserializeOwned,
    State: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Error> {
        let query = axum::extract::Query::from_request_parts(parts, state)
            .await
            .map_err(|rejection: QueryRejection| Error::BadRequest(rejection.body_text()))?;
        Ok(Self(query.0))
    }
}

/// The parameters in the path of a request.
pub(crate) struct Path<Parameters>(pub(crate) Parameters);

impl<Parameters, State> FromRequestParts<State> for Path<Parameters>
where
    Parameters: DeserializeOwned + Send,
    State: Send + Sync,
{
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, Error> {
        let path = axum::extract::Path::from_request_parts(parts, state)
            .await
            .map_err(|rejection: PathRejection| Error::BadRequest(rejection.body_text()))?;
        Ok(Self(path.0))
    }
}
