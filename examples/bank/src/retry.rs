//! Retries of transactions that conflicted with other transactions.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::error::Error;

/// The reason why the database aborted a transaction that may succeed when it is repeated as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conflict {
    /// Concurrent transactions could not be serialized (SQLSTATE 40001).
    Serialization,
    /// Transactions waited for each other (SQLSTATE 40P01).
    Deadlock,
}

impl Conflict {
    /// The conflict for a SQLSTATE, if the code stands for one.
    pub(crate) fn of(code: &str) -> Option<Self> {
        match code {
            "40001" => Some(Self::Serialization),
            "40P01" => Some(Self::Deadlock),
            _ => None,
        }
    }
}

/// The response to `GET /retries`: the numbers of conflicts since this instance of the bank was started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retries {
    /// Attempts that ended in a [`Conflict::Serialization`].
    pub serialization_failures: u64,
    /// Attempts that ended in a [`Conflict::Deadlock`].
    pub deadlocks: u64,
    /// Requests whose last attempt ended in a conflict.
    pub given_up: u64,
}

/// The retry policy, with counters of conflicts.
#[derive(Debug)]
pub(crate) struct RetryPolicy {
    attempts: u32,
    first_pause: Duration,
    longest_pause: Duration,
    serialization_failures: AtomicU64,
    deadlocks: AtomicU64,
    given_up: AtomicU64,
}

impl RetryPolicy {
    pub(crate) fn new(config: &Config) -> Self {
        Self {
            attempts: config.attempts,
            first_pause: config.first_pause,
            longest_pause: config.longest_pause,
            serialization_failures: AtomicU64::new(0),
            deadlocks: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
        }
    }

    pub(crate) fn counts(&self) -> Retries {
        Retries {
            serialization_failures: self.serialization_failures.load(Ordering::Relaxed),
            deadlocks: self.deadlocks.load(Ordering::Relaxed),
            given_up: self.given_up.load(Ordering::Relaxed),
        }
    }

    /// Repeats an attempt until it ends without a conflict or the number of attempts is used up. Each attempt is a transaction of its own.
    pub(crate) async fn run<T, F>(&self, mut attempt: impl FnMut() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut number = 1;
        loop {
            let outcome = attempt().await;
            let Err(Error::Conflict(conflict, _)) = &outcome else { return outcome };
            match conflict {
                Conflict::Serialization => &self.serialization_failures,
                Conflict::Deadlock => &self.deadlocks,
            }
            .fetch_add(1, Ordering::Relaxed);
            if number >= self.attempts {
                self.given_up.fetch_add(1, Ordering::Relaxed);
                return outcome;
            }
            let jitter = fastrand::f64();
            tokio::time::sleep(self.max_pause_after(number).mul_f64(jitter)).await;
            number += 1;
        }
    }

    /// The limit of the pause after an attempt. The actual pause is random, so that conflicting transactions do not collide again.
    fn max_pause_after(&self, attempt: u32) -> Duration {
        let doubled = 2_u32.saturating_pow(attempt.saturating_sub(1));
        self.first_pause.saturating_mul(doubled).min(self.longest_pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let config = Config {
            first_pause: Duration::from_millis(5),
            longest_pause: Duration::from_millis(30),
            ..Config::default()
        };
        let policy = RetryPolicy::new(&config);
        let pauses: Vec<_> = (1..=5).map(|attempt| policy.max_pause_after(attempt).as_millis()).collect();
        assert_eq!(pauses, [5, 10, 20, 30, 30]);
        assert_eq!(policy.max_pause_after(u32::MAX), Duration::from_millis(30));
    }
}
