//! The service that assigns couriers, follows the deliveries, and notifies the customers.

mod aftercare;
mod api;
mod assignment;
mod mail;
mod receipts;
mod tracking;

use std::time::Duration;

use axum::Router;
use sqlx::PgPool;
use sqlx::migrate::Migrator;

pub use self::api::{Courier, Delivery};
pub use self::receipts::Store;

use self::aftercare::Aftercare;
use self::assignment::PaidOrders;
use self::mail::Mailer;
use self::receipts::Receipts;
use self::tracking::Tracking;
use crate::background::BackgroundTasks;
use crate::broker::{self, PAID_ORDERS, Subscription};
use crate::defect::Defect;
use crate::outbox::Relay;

/// The database schema; run it before starting [`Dispatch`].
pub static MIGRATIONS: Migrator = sqlx::migrate!("migrations/dispatch");

/// The name of the service, with which the ids of its events begin.
pub(crate) const SERVICE: &str = "dispatch";

/// All settings of the service.
#[derive(Clone, Debug)]
pub struct Config {
    /// The URL of the broker.
    pub amqp_url: String,
    /// The URL of the cache.
    pub redis_url: String,
    /// The URL of the mail server.
    pub smtp_url: String,
    /// Where receipts are stored.
    pub store: Store,
    /// How long a call of the cache, the mail server or the store may take.
    pub call_timeout: Duration,
    /// How long the cache may have the state of a delivery.
    pub cache_expiry: Duration,
    /// The pause between two reads of the outbox, between two rounds of receipts and mails, and before another attempt to reach the broker.
    pub pause: Duration,
    /// A defect on purpose.
    pub defect: Option<Defect>,
}

/// The reason why the service cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The broker cannot be reached, or has other queues.
    #[error("cannot declare the queues: {0}")]
    Broker(#[from] lapin::Error),
    /// The cache has no such URL.
    #[error("REDIS_URL is no URL of Redis: {0}")]
    Redis(#[from] redis::RedisError),
    /// The mail server has no such URL.
    #[error("SMTP_URL is no URL of a mail server: {0}")]
    Smtp(#[from] lettre::transport::smtp::Error),
    /// The store has no such URL.
    #[error("the URL of the store is none: {0}")]
    StoreUrl(#[from] url::ParseError),
    /// The store has no such bucket.
    #[error("the bucket of the store is none: {0}")]
    Bucket(#[from] rusty_s3::BucketError),
}

/// The running service.
pub struct Dispatch {
    router: Router,
    tasks: BackgroundTasks,
}

impl std::fmt::Debug for Dispatch {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Dispatch").finish_non_exhaustive()
    }
}

#[derive(Clone)]
struct AppState {
    pool: PgPool,
    tracking: Tracking,
    defect: Option<Defect>,
}

impl Dispatch {
    /// Starts the service over a migrated database. Its requests are served with [`Dispatch::router`].
    ///
    /// # Errors
    ///
    /// When a URL is invalid, or the broker cannot be reached or has other queues.
    pub async fn start(pool: PgPool, config: Config) -> Result<Self, StartError> {
        let Config { amqp_url, redis_url, smtp_url, store, call_timeout, cache_expiry, pause, defect } = config;
        let tracking = Tracking::new(&redis_url, call_timeout, cache_expiry, defect)?;
        let mailer = Mailer::new(&smtp_url, call_timeout)?;
        let receipts = Receipts::new(store, call_timeout, defect)?;
        broker::declare_with(&amqp_url, defect).await?;

        let mut tasks = BackgroundTasks::new();
        let relay = Relay { pool: pool.clone(), service: SERVICE, url: amqp_url.clone(), pause, defect };
        tasks.spawn(|stop| relay.run(stop));
        let subscription = Subscription { url: amqp_url, queue: PAID_ORDERS, pause, defect };
        let paid_orders = PaidOrders { pool: pool.clone(), tracking: tracking.clone(), defect };
        tasks.spawn(|stop| broker::consume(subscription, paid_orders, stop));
        let aftercare = Aftercare { pool: pool.clone(), mailer, receipts, tracking: tracking.clone(), pause, defect };
        tasks.spawn(|stop| aftercare.run(stop));
        Ok(Self { router: api::routes().with_state(AppState { pool, tracking, defect }), tasks })
    }

    /// The routes of the service.
    pub fn router(&self) -> Router {
        self.router.clone()
    }

    /// Ends the background tasks, and waits for them.
    pub async fn stop(self) {
        self.tasks.stop().await;
    }
}
