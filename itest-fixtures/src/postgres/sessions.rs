//! The pool of connections to one database, which one test after the other uses.

use sqlx::postgres::{PgConnectOptions, PgPool};

use super::generation::Generation;
use super::isolation::Isolation;
use super::pool::{close, pool_of};
use super::transaction::{HoldTimer, pool_in_transaction};

/// The sessions of tests in one database. One test after the other uses the same pool.
#[derive(Debug)]
pub(crate) struct Sessions {
    pub(super) pool: PgPool,
    /// The generation of tasks that may use the pool.
    pub(super) generation: Generation,
    hold_timer: HoldTimer,
}

impl Sessions {
    pub(super) fn new(options: PgConnectOptions, isolation: Isolation, max_connections: u32) -> Self {
        let (generation, hold_timer) = (Generation::default(), HoldTimer::default());
        Self { pool: pool(options, isolation, max_connections, &generation, &hold_timer), generation, hold_timer }
    }

    /// Replaces the pool by a new one.
    pub(super) fn replace_pool(&mut self, options: PgConnectOptions, isolation: Isolation, max_connections: u32) {
        self.pool = pool(options, isolation, max_connections, &self.generation, &self.hold_timer);
    }

    /// A possible reason why a test failed: it used its only connection for too long at a time.
    pub(super) fn suspicion(&self) -> Option<String> {
        self.hold_timer.suspicion()
    }

    pub(super) async fn close(&self) {
        close(&self.pool).await;
    }
}

fn pool(
    options: PgConnectOptions,
    isolation: Isolation,
    max_connections: u32,
    generation: &Generation,
    hold_timer: &HoldTimer,
) -> PgPool {
    match isolation {
        Isolation::Transaction => pool_in_transaction(options, generation, hold_timer),
        _ => pool_of(options, max_connections, generation),
    }
}
