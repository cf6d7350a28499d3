//! A small web shop: people register, buy products and pay for them through a payment gateway.
//!
//! [`app`] builds the whole service from a database and a [`Config`], so that a test can serve it
//! exactly as `main` does. The types of requests and responses are public and both `Serialize` and
//! `Deserialize`, so that a test can use them too.

use axum::Router;

pub use crate::config::Config;
pub use crate::database::Database;
pub use crate::error::Error;
pub use crate::secret::Secret;

use crate::state::AppState;

pub mod auth;
mod config;
pub mod database;
pub mod error;
mod extract;
pub mod orders;
pub mod password;
pub mod payment;
pub mod products;
mod secret;
mod state;
pub mod users;

/// The shop, ready to be served from a pool of SQLite or of PostgreSQL, whose database is [migrated](Database::migrate).
pub fn app(database: impl Into<Database>, config: Config) -> Router {
    Router::new()
        .merge(users::routes())
        .merge(products::routes())
        .merge(orders::routes())
        .fallback(|| async { Error::NotFound("page") })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .with_state(AppState::new(database.into(), config))
}
