//! A small bank: accounts, a ledger with two entries for each transfer, and idempotent transfers.
//!
//! [`app`] builds the whole service from a pool and a [`Config`], so that a test can serve it exactly as `main` does, also twice
//! over one database. The types of requests and responses are public and both `Serialize` and `Deserialize`, so that a test can
//! use them too.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use sqlx::PgPool;
use sqlx::migrate::Migrator;

pub use crate::config::{Config, Isolation};
pub use crate::error::Error;
pub use crate::pool::connect;

use crate::extract::Json;
use crate::retry::{Retries, RetryPolicy};

pub mod accounts;
mod config;
pub mod error;
mod extract;
mod ledger;
mod pool;
pub mod retry;
pub mod transfers;

/// The database schema; run it before serving [`app`].
pub static MIGRATIONS: Migrator = sqlx::migrate!();

/// The handlers' shared state, cheap to clone.
#[derive(Clone)]
struct AppState {
    pool: PgPool,
    isolation: Isolation,
    retry_policy: Arc<RetryPolicy>,
}

/// The bank, ready to be served. The pool's database must be migrated with [`MIGRATIONS`].
pub fn app(pool: PgPool, config: &Config) -> Router {
    let state = AppState { pool, isolation: config.isolation, retry_policy: Arc::new(RetryPolicy::new(config)) };
    Router::new()
        .merge(accounts::routes())
        .merge(transfers::routes())
        .route("/retries", get(retries))
        .fallback(|| async { Error::NotFound("page") })
        .method_not_allowed_fallback(|| async { Error::MethodNotAllowed })
        .with_state(state)
}

async fn retries(State(state): State<AppState>) -> Json<Retries> {
    Json(state.retry_policy.counts())
}
