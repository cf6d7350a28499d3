//! Connections that drop databases. They are kept open, because for PostgreSQL connecting takes as long as dropping a database.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use itest_runtime::Error;

/// A limited number of connections that drop databases.
#[derive(Debug)]
pub(crate) struct DropConnections<C> {
    permits: Semaphore,
    idle: Mutex<Vec<C>>,
}

impl<C> DropConnections<C> {
    pub(crate) fn new(max_drops: usize) -> Self {
        Self { permits: Semaphore::new(max_drops), idle: Mutex::default() }
    }

    /// Drops a database on an idle connection. If that fails, it drops again on a new connection, because a restarted server has lost the
    /// idle one.
    ///
    /// # Errors
    ///
    /// When the drop on the new connection fails too.
    pub(crate) async fn run<D>(
        &self,
        connect: impl Future<Output = Result<C, Error>>,
        drop: impl Fn(C) -> D,
    ) -> Result<(), Error>
    where
        D: Future<Output = Result<C, Error>>,
    {
        let _permit = self.permits.acquire().await?;
        let idle = self.idle().pop();
        let reused = match idle {
            Some(idle) => drop(idle).await.ok(),
            None => None,
        };
        let connection = match reused {
            Some(connection) => connection,
            None => drop(connect.await?).await?,
        };
        self.idle().push(connection);
        Ok(())
    }

    /// The idle connections, to be closed.
    pub(crate) fn take(&self) -> Vec<C> {
        std::mem::take(&mut self.idle())
    }

    fn idle(&self) -> MutexGuard<'_, Vec<C>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connection_is_reused_and_a_lost_one_is_replaced() {
        let connections = DropConnections::new(1);
        let drop = async |connection| if connection == 1 { Err(Error::new("it is lost")) } else { Ok(connection) };
        connections.run(async { Ok(0) }, drop).await.unwrap();
        connections.run(async { Err(Error::new("one is there")) }, drop).await.unwrap();
        connections.idle()[0] = 1;
        connections.run(async { Ok(2) }, drop).await.unwrap();
        assert_eq!(connections.take(), [2]);
        assert!(connections.run(async { Ok(1) }, drop).await.is_err());
        assert!(connections.take().is_empty());
    }
}
