//! Users: registering, signing in, and becoming an admin.

use std::fmt;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::post;
use serde::{Deserialize, Serialize};
use sqlx::FromRow;

use crate::auth::{Role, Token};
use crate::database::{Database, on};
use crate::error::Error;
use crate::extract::Json;
use crate::password::{self, PasswordCost};
use crate::secret::Secret;
use crate::state::AppState;

/// The least number of characters in a password.
const MIN_PASSWORD_CHARS: usize = 8;

/// The length of the longest address that a mail server must accept.
const MAX_EMAIL_BYTES: usize = 254;

/// The number of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, sqlx::Type)]
#[serde(transparent)]
#[sqlx(transparent)]
pub struct UserId(pub i64);

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

/// A user who can sign in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, FromRow)]
pub struct User {
    /// The user's number.
    pub id: UserId,
    /// The address the user signs in with.
    pub email: String,
    /// The role of the user.
    pub role: Role,
}

/// The body of `POST /users` and of `POST /tokens`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credentials {
    /// An e-mail address; not case-sensitive.
    pub email: String,
    /// A password of at least eight characters.
    pub password: Secret,
}

pub(crate) fn routes() -> Router<AppState> {
    Router::new().route("/users", post(create_user)).route("/tokens", post(create_token))
}

async fn create_user(
    State(state): State<AppState>,
    Json(credentials): Json<Credentials>,
) -> Result<(StatusCode, Json<User>), Error> {
    let user = register(&state.database, credentials, state.password_cost).await?;
    Ok((StatusCode::CREATED, Json(user)))
}

async fn create_token(
    State(state): State<AppState>,
    Json(credentials): Json<Credentials>,
) -> Result<(StatusCode, Json<Token>), Error> {
    let Some((id, role, hash)) = find(&state.database, &credentials.email).await? else {
        // Hashing takes as long as checking a wrong password, so that the response time does not show whether the address is registered.
        password::hash(credentials.password, state.password_cost).await?;
        return Err(Error::WrongCredentials);
    };
    if !password::verify(credentials.password, hash).await? {
        return Err(Error::WrongCredentials);
    }
    let token = state.keys.issue(id, role)?;
    Ok((StatusCode::CREATED, Json(token)))
}

/// Registers a customer.
///
/// # Errors
///
/// [`Error::Invalid`] when the address or the password is not acceptable, [`Error::EmailTaken`]
/// when the address is registered already, [`Error::Internal`] when the database fails.
pub async fn register(database: &Database, credentials: Credentials, cost: PasswordCost) -> Result<User, Error> {
    let Credentials { email, password } = credentials;
    if !is_email(&email) {
        return Err(Error::Invalid("the e-mail address is not valid".to_owned()));
    }
    if password.reveal().chars().count() < MIN_PASSWORD_CHARS {
        return Err(Error::Invalid(format!("the password must have at least {MIN_PASSWORD_CHARS} characters")));
    }
    let hash = password::hash(password, cost).await?;
    let registered: Option<User> = on!(database, |pool| {
        sqlx::query_as(
            "INSERT INTO users (email, password_hash) VALUES ($1, $2)
             ON CONFLICT (email) DO NOTHING
             RETURNING id, email, role",
        )
        .bind(in_lower_case(&email))
        .bind(hash)
        .fetch_optional(pool)
        .await?
    });
    registered.ok_or(Error::EmailTaken)
}

/// Makes a user an admin. There is no endpoint for this, because only operators with access to the
/// database may do it. Tokens that were issued before keep the old role.
///
/// # Errors
///
/// [`Error::NotFound`] when there is no such user, [`Error::Internal`] when the database fails.
pub async fn promote(database: &Database, id: UserId) -> Result<User, Error> {
    let promoted: Option<User> = on!(database, |pool| {
        sqlx::query_as("UPDATE users SET role = $1 WHERE id = $2 RETURNING id, email, role")
            .bind(Role::Admin)
            .bind(id)
            .fetch_optional(pool)
            .await?
    });
    promoted.ok_or(Error::NotFound("user"))
}

/// The id, the role and the password hash of the user with an address.
async fn find(database: &Database, email: &str) -> Result<Option<(UserId, Role, String)>, Error> {
    // An invalid address is never registered, and PostgreSQL does not accept every text.
    if !is_email(email) {
        return Ok(None);
    }
    let user = on!(database, |pool| {
        sqlx::query_as("SELECT id, role, password_hash FROM users WHERE email = $1")
            .bind(in_lower_case(email))
            .fetch_optional(pool)
            .await?
    });
    Ok(user)
}

/// The stored form of an address, which makes it case-insensitive.
fn in_lower_case(email: &str) -> String {
    email.to_ascii_lowercase()
}

/// A simple check against typing errors. It cannot know whether the address exists.
fn is_email(text: &str) -> bool {
    let Some((name, domain)) = text.split_once('@') else {
        return false;
    };
    text.len() <= MAX_EMAIL_BYTES
        && !text.chars().any(|character| character.is_whitespace() || character.is_control())
        && !name.is_empty()
        && !domain.contains('@')
        && domain.contains('.')
        && domain.split('.').all(|label| !label.is_empty())
}

#[cfg(test)]
mod tests {
    use super::is_email;

    #[test]
    fn an_email_has_a_name_and_a_domain() {
        for valid in ["ada@example.com", "a.b+c@mail.example.com"] {
            assert!(is_email(valid), "{valid}");
        }
        for invalid in [
            "",
            "ada",
            "@example.com",
            "ada@",
            "ada@example",
            "ada@.com",
            "ada@example.",
            "a@b@example.com",
            "a da@example.com",
            "a\0da@example.com",
        ] {
            assert!(!is_email(invalid), "{invalid}");
        }
    }
}
