//! A small web shop: people register, buy products and pay for them through a payment gateway.
//!
//! [`app`] builds the whole service from a database and a [`Config`], so that a test can serve it
//! exactly as `main` does. The types of requests and responses are public and both `Serialize` and
//! `Deserialize`, so that a test can use them too.

use axum::Router;
use sqlx::SqlitePool;
use sqlx::migrate::Migrator;

pub use crate::config::Config;
pub use crate::error::Error;
pub use crate::secret::Secret;

use crate::state::AppState;

pub mod auth;
mod config;
pub mod error;
mod extract;
pub mod orders;
pub mod password;
pub mod payment;
pub mod products;
mod secret;
mod state;
pub mod users;

/// The database schema; run it before serving [`app`].
pub static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// The shop, ready to be served. The pool's database must be migrated with [`MIGRATIONS`].
pub fn app(pool: SqlitePool, config: Config) -> Router {
    Router::new()
        .merge(users::routes())
        .merge(products::routes())
        .merge(orders::routes())
        .fallback(|| async { Error::NotFound("page") })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .with_state(AppState::new(pool, config))
}
