//! Supervises a worker's connection to a server: if the server is restarted, the worker connects again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use itest_runtime::Error;

/// How long a server may be unreachable, for example during a restart. The time begins when the loss of the connection is noticed.
pub(crate) const RETURN_TIMEOUT: Duration = Duration::from_secs(20);

/// The pause between two attempts to connect again.
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// A connection whose loss is noticed and repaired.
pub(crate) trait Supervised: Send {
    /// The server at its other end.
    type Server: Sync;

    /// Whether the server still answers.
    fn is_alive(&mut self) -> impl Future<Output = bool> + Send;

    /// Replaces the connection by a new one with the same identity.
    fn reconnect(&mut self, server: &Self::Server) -> impl Future<Output = Result<(), Error>> + Send;

    /// Whether the server has ended, although its sessions may still answer for some milliseconds.
    fn has_ended(server: &Self::Server) -> bool;

    /// Whether the server has ended and is not started again.
    fn is_lost(server: &Self::Server) -> bool;
}

/// Counts how often the server was lost and was reachable again: the number is odd while the server is unreachable. If the number has changed,
/// sessions were lost, and possibly recent writes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Losses(Arc<AtomicU32>);

impl Losses {
    pub(crate) fn count(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    fn server_was_lost(&self) {
        if self.count().is_multiple_of(2) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn server_is_back(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Keeps a connection alive: it replaces a connection that the server has lost.
#[derive(Debug)]
pub(crate) struct Supervisor<C> {
    connection: C,
    losses: Losses,
    lost_since: Option<Instant>,
}

impl<C: Supervised> Supervisor<C> {
    pub(crate) fn new(connection: C, losses: Losses) -> Self {
        Self { connection, losses, lost_since: None }
    }

    /// Returns the connection, or a new one if the server has lost it. Callers wait for the server until the timeout, which begins with the
    /// first caller; after the timeout, a caller gets the error at once.
    ///
    /// # Errors
    ///
    /// When the server does not answer again before the timeout.
    pub(crate) async fn connection(&mut self, server: &C::Server) -> Result<&mut C, Error> {
        if self.is_alive(server).await {
            return Ok(&mut self.connection);
        }
        self.losses.server_was_lost();
        let since = *self.lost_since.get_or_insert_with(Instant::now);
        while let Err(error) = self.connection.reconnect(server).await {
            if C::is_lost(server) || since.elapsed() > RETURN_TIMEOUT {
                return Err(error);
            }
            tokio::time::sleep(POLL_INTERVAL).await;
        }
        self.losses.server_is_back();
        self.lost_since = None;
        Ok(&mut self.connection)
    }

    async fn is_alive(&mut self, server: &C::Server) -> bool {
        self.connection.is_alive().await && !C::has_ended(server)
    }

    /// The connection, without a check whether the server still answers.
    pub(crate) fn connected(&mut self) -> &mut C {
        &mut self.connection
    }

    /// The connection, to be closed.
    pub(crate) fn into_connection(self) -> C {
        self.connection
    }
}

/// The reason of a test's failure if its server was lost during the test: its sessions are lost, and possibly rows that were not on the
/// disk yet. `losses` is the count from before the test.
pub(crate) async fn loss_since<C: Supervised>(
    losses: u32,
    supervisor: &Mutex<Option<Supervisor<C>>>,
    server: &C::Server,
    counted: &Losses,
    name: &str,
) -> Option<String> {
    // The count is compared first, because a task that waits for the server holds the lock of the supervisor.
    let is_lost = counted.count() != losses || !supervisor.lock().await.as_mut()?.is_alive(server).await;
    is_lost.then(|| {
        format!("{name} ended or was restarted while the test used it, so the result of the test means nothing")
    })
}

/// Whether the server answers, now or within the timeout.
pub(crate) async fn is_reachable<C: Supervised>(supervisor: &Mutex<Option<Supervisor<C>>>, server: &C::Server) -> bool {
    match supervisor.lock().await.as_mut() {
        Some(supervisor) => supervisor.connection(server).await.is_ok(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A connection whose first `failing_attempts` reconnections fail.
    struct Connection {
        is_alive: bool,
        failing_attempts: u32,
    }

    #[derive(Clone, Copy, PartialEq, Eq)]
    enum State {
        Runs,
        Ended,
        Lost,
    }

    impl Supervised for Connection {
        type Server = State;

        async fn is_alive(&mut self) -> bool {
            self.is_alive
        }

        async fn reconnect(&mut self, _: &State) -> Result<(), Error> {
            if self.failing_attempts > 0 {
                self.failing_attempts -= 1;
                return Err(Error::new("the server is away"));
            }
            self.is_alive = true;
            Ok(())
        }

        fn has_ended(state: &State) -> bool {
            *state != State::Runs
        }

        fn is_lost(state: &State) -> bool {
            *state == State::Lost
        }
    }

    #[tokio::test]
    async fn supervisor_waits_for_a_restarted_server_and_counts_the_loss() {
        let losses = Losses::default();
        let mut supervisor = Supervisor::new(Connection { is_alive: true, failing_attempts: 1 }, losses.clone());
        assert!(supervisor.connection(&State::Runs).await.is_ok());
        assert_eq!(losses.count(), 0);
        supervisor.connection.is_alive = false;
        assert!(supervisor.connection(&State::Runs).await.is_ok());
        assert!(supervisor.connection.is_alive);
        assert_eq!(losses.count(), 2);
    }

    #[tokio::test]
    async fn supervisor_does_not_wait_for_a_server_that_is_not_started_again() {
        let losses = Losses::default();
        let mut supervisor =
            Supervisor::new(Connection { is_alive: false, failing_attempts: u32::MAX }, losses.clone());
        let began = Instant::now();
        assert!(supervisor.connection(&State::Lost).await.is_err());
        assert!(supervisor.connection(&State::Lost).await.is_err());
        assert!(began.elapsed() < POLL_INTERVAL);
        assert_eq!(losses.count(), 1);
    }

    #[tokio::test]
    async fn sessions_of_a_server_that_has_ended_do_not_count() {
        let losses = Losses::default();
        let answers = Supervisor::new(Connection { is_alive: true, failing_attempts: 0 }, losses.clone());
        let supervisor = Mutex::new(Some(answers));
        assert_eq!(loss_since(0, &supervisor, &State::Runs, &losses, "PostgreSQL").await, None);
        assert!(loss_since(0, &supervisor, &State::Ended, &losses, "PostgreSQL").await.is_some());
        assert!(is_reachable(&supervisor, &State::Ended).await);
        assert_eq!(losses.count(), 2);
    }
}
