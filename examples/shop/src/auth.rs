//! Authentication: signed tokens, roles, and the extractors that check them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::secret::Secret;
use crate::state::AppState;
use crate::users::UserId;

/// The role of a user, which decides about permissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "snake_case")]
#[sqlx(type_name = "user_role", rename_all = "snake_case")]
pub enum Role {
    /// May buy products.
    Customer,
    /// May manage products and orders.
    Admin,
}

/// A signed token, as the response to `POST /tokens`. Send it back as
/// `Authorization: Bearer <access_token>`.
#[derive(Clone, Serialize, Deserialize)]
pub struct Token {
    /// The signed token itself.
    pub access_token: String,
    /// The role of the token's owner.
    pub role: Role,
    /// When it stops being valid, in seconds since 1970.
    pub expires_at: u64,
}

impl fmt::Debug for Token {
    /// Leaves the token itself out, because a reader of the log could use it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Token")
            .field("role", &self.role)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

/// The signed content of a token.
#[derive(Serialize, Deserialize)]
struct Claims {
    /// The user's id; the standard wants a string.
    sub: String,
    role: Role,
    exp: u64,
}

/// Signs tokens and checks them.
#[derive(Debug)]
pub struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    lifetime: Duration,
}

impl Keys {
    /// Keys made from a secret, for tokens that are valid for `lifetime`.
    #[must_use]
    pub fn new(secret: &Secret, lifetime: Duration) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // Tokens are issued and checked by the same clock, so an expired one is simply expired.
        validation.leeway = 0;
        Self {
            encoding: EncodingKey::from_secret(secret.reveal().as_bytes()),
            decoding: DecodingKey::from_secret(secret.reveal().as_bytes()),
            validation,
            lifetime,
        }
    }

    /// Issues a token that is valid from now on for the configured lifetime.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] when signing fails.
    pub fn issue(&self, user: UserId, role: Role) -> Result<Token, Error> {
        let now = jsonwebtoken::get_current_timestamp();
        self.sign(user, role, now.saturating_add(self.lifetime.as_secs()))
    }

    /// Issues a token that is valid until a given time, which may be in the past.
    ///
    /// # Errors
    ///
    /// [`Error::Internal`] when signing fails.
    pub fn issue_until(&self, user: UserId, role: Role, expires_at: SystemTime) -> Result<Token, Error> {
        let seconds = expires_at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        self.sign(user, role, seconds)
    }

    fn sign(&self, user: UserId, role: Role, expires_at: u64) -> Result<Token, Error> {
        let claims = Claims { sub: user.to_string(), role, exp: expires_at };
        let header = Header::new(Algorithm::HS256);
        let access_token = jsonwebtoken::encode(&header, &claims, &self.encoding).map_err(Error::internal)?;
        Ok(Token { access_token, role, expires_at })
    }

    fn verify(&self, token: &str) -> Result<Caller, Error> {
        const INVALID: Error = Error::Unauthenticated("the token is not valid");

        let claims = jsonwebtoken::decode::<Claims>(token, &self.decoding, &self.validation)
            .map_err(|error| match error.kind() {
                ErrorKind::ExpiredSignature => Error::Unauthenticated("the token has expired"),
                _ => INVALID,
            })?
            .claims;
        let id = claims.sub.parse().map_err(|_| INVALID)?;
        Ok(Caller { id: UserId(id), role: claims.role })
    }
}

/// The owner of the request's token. As a handler's argument, it answers 401 without a valid one.
#[derive(Clone, Copy)]
pub(crate) struct Caller {
    pub(crate) id: UserId,
    pub(crate) role: Role,
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        let token = parts
            .headers
            .get(AUTHORIZATION)
            .and_then(|value| value.to_str().ok())
            .and_then(|value| value.strip_prefix("Bearer "))
            .ok_or(Error::Unauthenticated("send a token as `Authorization: Bearer <token>`"))?;
        state.keys.verify(token)
    }
}

/// As a handler's argument, this answers 401 without a valid token, and 403 to everyone but admins.
pub(crate) struct Admin;

impl FromRequestParts<AppState> for Admin {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Self, Error> {
        match Caller::from_request_parts(parts, state).await?.role {
            Role::Admin => Ok(Self),
            Role::Customer => Err(Error::Forbidden("only an admin may do this")),
        }
    }
}
