//! The connection that an owner of databases lives by, and what becomes of it when the server loses it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use itest_runtime::Error;

/// So long a server that has answered before may be away, counted from when that is noticed: as long as a restart takes.
const RETURN: Duration = Duration::from_secs(20);

/// How often it is asked for meanwhile.
const LOOK: Duration = Duration::from_millis(50);

/// A connection with an owner's lock.
pub(crate) trait Lifeline: Send {
    /// The server that it leads to.
    type Server: Sync;

    /// Whether the server still answers on it.
    fn is_alive(&mut self) -> impl Future<Output = bool> + Send;

    /// Makes it the same owner's on another connection.
    fn renew(&mut self, server: &Self::Server) -> impl Future<Output = Result<(), Error>> + Send;

    /// Whether the server will not come back.
    fn is_over(server: &Self::Server) -> bool;
}

/// How often a server has gone and come back: an odd number while it is away. A number that changes means that sessions were lost, and
/// may be what they wrote, too.
#[derive(Debug, Clone, Default)]
pub(crate) struct Losses(Arc<AtomicU32>);

impl Losses {
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn gone(&self) {
        if self.count().is_multiple_of(2) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn back(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Why a test failed that had a database while its server was away, counted from `losses`: its sessions are lost then, and what was
/// written without waiting for the disk may be.
pub(crate) async fn loss_since<L: Lifeline>(
    losses: u32,
    life: &Mutex<Option<Life<L>>>,
    counted: &Losses,
    server: &str,
) -> Option<String> {
    // Who is looking for the server has the lock meanwhile.
    let is_lost = counted.count() != losses || !life.lock().await.as_mut()?.is_alive().await;
    is_lost.then(|| {
        format!("{server} ended or was restarted while the test had its database: what the test saw means nothing")
    })
}

/// Whether a server that may have been away is there again; it is waited for.
pub(crate) async fn is_there<L: Lifeline>(life: &Mutex<Option<Life<L>>>, server: &L::Server) -> bool {
    match life.lock().await.as_mut() {
        Some(life) => life.line(server).await.is_ok(),
        None => false,
    }
}

/// An owner's life: one connection after the other.
#[derive(Debug)]
pub(crate) struct Life<L> {
    line: L,
    losses: Losses,
    lost: Option<Instant>,
}

impl<L: Lifeline> Life<L> {
    pub(crate) fn new(line: L, losses: Losses) -> Self {
        Self { line, losses, lost: None }
    }

    /// The connection, or another one if the server has lost it. Who comes back after it was waited for in vain is told at once.
    pub(crate) async fn line(&mut self, server: &L::Server) -> Result<&mut L, Error> {
        if self.line.is_alive().await {
            return Ok(&mut self.line);
        }
        self.losses.gone();
        let since = *self.lost.get_or_insert_with(Instant::now);
        while let Err(error) = self.line.renew(server).await {
            if L::is_over(server) || since.elapsed() > RETURN {
                return Err(error);
            }
            tokio::time::sleep(LOOK).await;
        }
        self.losses.back();
        self.lost = None;
        Ok(&mut self.line)
    }

    /// Whether the server still answers. Nobody waits for it here.
    pub(crate) async fn is_alive(&mut self) -> bool {
        self.line.is_alive().await
    }

    pub(crate) fn into_line(self) -> L {
        self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers when it is asked for the nth time.
    struct Faint {
        lives: bool,
        until: u32,
    }

    impl Lifeline for Faint {
        type Server = bool;

        async fn is_alive(&mut self) -> bool {
            self.lives
        }

        async fn renew(&mut self, _: &bool) -> Result<(), Error> {
            if self.until > 0 {
                self.until -= 1;
                return Err(Error::new("it is away"));
            }
            self.lives = true;
            Ok(())
        }

        fn is_over(is_over: &bool) -> bool {
            *is_over
        }
    }

    #[tokio::test]
    async fn a_server_that_comes_back_is_waited_for_and_its_loss_is_noted() {
        let losses = Losses::default();
        let mut life = Life::new(Faint { lives: true, until: 1 }, losses.clone());
        assert!(life.line(&false).await.is_ok());
        assert_eq!(losses.count(), 0);
        life.line.lives = false;
        assert!(!life.is_alive().await);
        assert!(life.line(&false).await.is_ok());
        assert!(life.is_alive().await);
        assert_eq!(losses.count(), 2);
    }

    #[tokio::test]
    async fn a_server_that_does_not_come_back_is_waited_for_once() {
        let losses = Losses::default();
        let mut life = Life::new(Faint { lives: false, until: u32::MAX }, losses.clone());
        let since = Instant::now();
        assert!(life.line(&true).await.is_err());
        assert!(life.line(&true).await.is_err());
        assert!(since.elapsed() < LOOK);
        assert_eq!(losses.count(), 1);
    }
}
