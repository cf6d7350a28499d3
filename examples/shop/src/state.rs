//! The state that all request handlers share.

use std::sync::Arc;

use crate::auth::Keys;
use crate::config::Config;
use crate::database::Database;
use crate::password::PasswordCost;
use crate::payment::Gateway;

/// The handlers' shared state. Every field is cheap to clone, as axum clones it per request.
#[derive(Clone)]
pub(crate) struct AppState {
    pub(crate) database: Database,
    pub(crate) keys: Arc<Keys>,
    pub(crate) gateway: Gateway,
    pub(crate) password_cost: PasswordCost,
}

impl AppState {
    pub(crate) fn new(database: Database, config: Config) -> Self {
        Self {
            database,
            keys: Arc::new(config.keys()),
            password_cost: config.password_cost,
            gateway: Gateway::new(config.gateway_url, config.gateway_timeout),
        }
    }
}
