//! The cache of what customers see of their deliveries. The service works without it.

use std::time::Duration;

use redis::{AsyncCommands, Client, RedisError};
use tokio::time::timeout;

use super::api::Delivery;
use crate::defect::Defect;
use crate::program::log;

/// The cache.
#[derive(Clone)]
pub(crate) struct Tracking {
    client: Client,
    timeout: Duration,
    expiry: Duration,
    defect: Option<Defect>,
}

/// The reason why the cache has no answer.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CacheError {
    #[error(transparent)]
    Redis(#[from] RedisError),
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("no answer in time")]
    Timeout(#[from] tokio::time::error::Elapsed),
}

impl Tracking {
    pub(crate) fn new(
        url: &str,
        timeout: Duration,
        expiry: Duration,
        defect: Option<Defect>,
    ) -> Result<Self, RedisError> {
        Ok(Self { client: Client::open(url)?, timeout, expiry, defect })
    }

    pub(crate) async fn read(&self, order: i64) -> Result<Option<Delivery>, CacheError> {
        let cached: Option<String> = timeout(self.timeout, async {
            self.client.get_multiplexed_async_connection().await?.get(key(order)).await
        })
        .await??;
        Ok(cached.map(|cached| serde_json::from_str(&cached)).transpose()?)
    }

    /// Stores the state of a delivery. If that fails, the next reader asks the database.
    pub(crate) async fn store(&self, delivery: &Delivery) {
        let (key, expiry) = (key(delivery.order), self.expiry.as_secs());
        let stored = timeout(self.timeout, async {
            let body = serde_json::to_string(delivery)?;
            let mut connection = self.client.get_multiplexed_async_connection().await?;
            if self.defect == Some(Defect::CacheNeverExpires) {
                return Ok(connection.set::<_, _, ()>(key, body).await?);
            }
            Ok::<(), CacheError>(connection.set_ex(key, body, expiry).await?)
        });
        if let Err(error) = stored.await.map_err(CacheError::from).and_then(|result| result) {
            log(format_args!("dispatch: the cache does not work: {error}"));
        }
    }

    /// Removes a delivery that has changed. If that fails, the entry is wrong until it expires.
    pub(crate) async fn forget(&self, order: i64) {
        if self.defect == Some(Defect::StaleCache) {
            return;
        }
        let removed = timeout(self.timeout, async {
            self.client.get_multiplexed_async_connection().await?.del::<_, ()>(key(order)).await
        });
        if let Err(error) = removed.await.map_err(CacheError::from).and_then(|result| Ok(result?)) {
            log(format_args!("dispatch: the cache does not work: {error}"));
        }
    }
}

fn key(order: i64) -> String {
    format!("delivery:{order}")
}
