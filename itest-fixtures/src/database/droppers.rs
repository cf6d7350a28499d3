//! Connections that drop databases, kept between two of them: to connect costs PostgreSQL as much as to drop.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Semaphore;

use itest_runtime::Error;

/// So many connections at a time, and those of them that have nothing to do now.
#[derive(Debug)]
pub(crate) struct Droppers<C> {
    turns: Semaphore,
    idle: Mutex<Vec<C>>,
}

impl<C> Droppers<C> {
    pub(crate) fn new(at_once: usize) -> Self {
        Self { turns: Semaphore::new(at_once), idle: Mutex::default() }
    }

    /// Does what may be done twice, on a connection that was kept, or else on a new one: a server that was restarted has lost the first.
    /// Whoever succeeds gives the connection back.
    pub(crate) async fn run<D>(
        &self,
        connect: impl Future<Output = Result<C, Error>>,
        drop: impl Fn(C) -> D,
    ) -> Result<(), Error>
    where
        D: Future<Output = Result<C, Error>>,
    {
        let _turn = self.turns.acquire().await?;
        let kept = self.idle().pop();
        let done = match kept {
            Some(kept) => drop(kept).await.ok(),
            None => None,
        };
        let connection = match done {
            Some(connection) => connection,
            None => drop(connect.await?).await?,
        };
        self.idle().push(connection);
        Ok(())
    }

    /// All that have nothing to do, to be closed.
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
    async fn a_connection_is_kept_and_one_that_is_lost_is_replaced() {
        let droppers = Droppers::new(1);
        let lives = async |connection| if connection == 1 { Err(Error::new("it is lost")) } else { Ok(connection) };
        droppers.run(async { Ok(0) }, lives).await.unwrap();
        droppers.run(async { Err(Error::new("one is there")) }, lives).await.unwrap();
        droppers.idle()[0] = 1;
        droppers.run(async { Ok(2) }, lives).await.unwrap();
        assert_eq!(droppers.take(), [2]);
        assert!(droppers.run(async { Ok(1) }, lives).await.is_err());
        assert!(droppers.take().is_empty());
    }
}
