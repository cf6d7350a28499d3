//! The sessions of tests in one database.

use sqlx::postgres::{PgConnectOptions, PgPool};

use super::era::Era;
use super::isolation::Isolation;
use super::pool::{close, pool_of};
use super::transaction::{Hold, pool_in_transaction};

/// The sessions of tests in one database. One test after the other uses the same pool.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub(super) pool: PgPool,
    /// Which tasks may use the pool.
    pub(super) era: Era,
    hold: Hold,
}

impl Sessions {
    pub(super) fn new(options: PgConnectOptions, isolation: Isolation, max_connections: u32) -> Self {
        let (era, hold) = (Era::default(), Hold::default());
        Self { pool: pool(options, isolation, max_connections, &era, &hold), era, hold }
    }

    /// Replaces the pool.
    pub(super) fn renew(&mut self, options: PgConnectOptions, isolation: Isolation, max_connections: u32) {
        self.pool = pool(options, isolation, max_connections, &self.era, &self.hold);
    }

    /// What may have made a test fail, if it held its only connection for too long.
    pub(super) fn suspicion(&self) -> Option<String> {
        self.hold.suspicion()
    }

    pub(super) async fn close(&self) {
        close(&self.pool).await;
    }
}

fn pool(options: PgConnectOptions, isolation: Isolation, max_connections: u32, era: &Era, hold: &Hold) -> PgPool {
    match isolation {
        Isolation::Transaction => pool_in_transaction(options, era, hold),
        _ => pool_of(options, max_connections, era),
    }
}
