//! The service that takes orders and charges for them.

mod api;
mod deliveries;
mod order;
mod payments;

use std::time::Duration;

use axum::Router;
use sqlx::PgPool;
use sqlx::migrate::Migrator;

pub use self::order::{Order, Status};

use self::deliveries::Deliveries;
use self::payments::Payments;
use crate::background::BackgroundTasks;
use crate::broker::{self, DELIVERIES, Subscription};
use crate::defect::Defect;
use crate::outbox::Relay;

/// The database schema; run it before starting [`Orders`].
pub static MIGRATIONS: Migrator = sqlx::migrate!("migrations/orders");

/// The name of the service, with which the ids of its events begin.
pub(crate) const SERVICE: &str = "orders";

/// All settings of the service.
#[derive(Clone, Debug)]
pub struct Config {
    /// The URL of the broker.
    pub amqp_url: String,
    /// The URL of the payment provider.
    pub payments_url: String,
    /// How long a call of the payment provider may take.
    pub payment_timeout: Duration,
    /// The pause between two reads of the outbox, and before another attempt to reach the broker.
    pub pause: Duration,
    /// A defect on purpose.
    pub defect: Option<Defect>,
}

/// The running service.
pub struct Orders {
    router: Router,
    tasks: BackgroundTasks,
    defect: Option<Defect>,
}

impl std::fmt::Debug for Orders {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Orders").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct AppState {
    pool: PgPool,
    payments: Payments,
    defect: Option<Defect>,
}

impl Orders {
    /// Starts the service over a migrated database. Its requests are served with [`Orders::router`].
    ///
    /// # Errors
    ///
    /// When the broker cannot be reached, or has other queues.
    pub async fn start(pool: PgPool, config: Config) -> Result<Self, lapin::Error> {
        let Config { amqp_url, payments_url, payment_timeout, pause, defect } = config;
        broker::declare(&amqp_url).await?;
        let mut tasks = BackgroundTasks::new();
        let relay = Relay { pool: pool.clone(), service: SERVICE, url: amqp_url.clone(), pause, defect };
        tasks.spawn(|stop| relay.run(stop));
        let subscription = Subscription { url: amqp_url, queue: DELIVERIES, pause, defect };
        let deliveries = Deliveries { pool: pool.clone(), defect };
        tasks.spawn(|stop| broker::consume(subscription, deliveries, stop));
        let payments = Payments::new(payments_url, payment_timeout, defect);
        Ok(Self { router: api::routes().with_state(AppState { pool, payments, defect }), tasks, defect })
    }

    /// The routes of the service.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Ends the background tasks, and waits for them.
    pub async fn stop(self) {
        if self.defect == Some(Defect::TaskOutlivesService) {
            return self.tasks.abandon();
        }
        self.tasks.stop().await;
    }
}
