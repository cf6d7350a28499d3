//! Polling until a condition holds, instead of sleeping for a fixed time.

use std::fmt::Debug;
use std::future::IntoFuture;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::sync::LocalFuture;

/// Polls `probe` until a condition holds. If the condition does not hold in time, the error has the last value.
///
/// By default, the limit is 5 seconds. The interval between polls is 10 milliseconds at first and grows to 200 milliseconds.
///
/// # Examples
///
/// ```
/// # use std::cell::Cell;
/// # use itest_runtime::eventually;
/// # let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
/// # runtime.block_on(async {
/// let polls = Cell::new(0);
/// let probe = || async { polls.set(polls.get() + 1); polls.get() };
/// let seen = eventually(probe).until(|count| *count >= 3).await?;
/// assert_eq!(seen, 3);
/// # Ok::<(), itest_runtime::NotYet>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn eventually<P, F>(probe: P) -> Eventually<P>
where
    P: FnMut() -> F,
    F: Future,
{
    Eventually { probe, within: Duration::from_secs(5), every: None }
}

/// The polling of a condition; see [`eventually`].
#[derive(Debug, Clone)]
#[must_use = "nothing is polled until it is awaited"]
pub struct Eventually<P> {
    probe: P,
    within: Duration,
    every: Option<Duration>,
}

/// The error of a condition that did not become true in time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not within {within:?} ({polls} polls); the last value was {last}")]
pub struct NotYet {
    within: Duration,
    polls: u64,
    last: String,
}

impl<P> Eventually<P> {
    /// Sets the time limit (default: 5 seconds).
    pub fn within(mut self, limit: Duration) -> Self {
        self.within = limit;
        self
    }

    /// Polls at a fixed interval instead of a growing one.
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = Some(interval);
        self
    }

    /// Polls until a value satisfies the condition, and returns that value.
    ///
    /// # Errors
    ///
    /// When no value satisfies the condition in time. The error has the last value. A probe that hangs is also ended at the limit.
    ///
    /// # Cancel safety
    ///
    /// Dropping it stops the polling and drops the probe's own future.
    pub async fn until<F, T>(mut self, condition: impl Fn(&T) -> bool) -> Result<T, NotYet>
    where
        P: FnMut() -> F,
        F: Future<Output = T>,
        T: Debug,
    {
        let began = Instant::now();
        let mut pause = self.every.unwrap_or(Duration::from_millis(10));
        let mut last = None;
        let mut polls = 0;
        loop {
            let remaining = self.within.saturating_sub(began.elapsed());
            let Ok(value) = tokio::time::timeout(remaining.max(Duration::from_millis(1)), (self.probe)()).await else {
                break;
            };
            polls += 1;
            if condition(&value) {
                return Ok(value);
            }
            last = Some(value);
            let remaining = self.within.saturating_sub(began.elapsed());
            if remaining.is_zero() {
                break;
            }
            tokio::time::sleep(pause.min(remaining)).await;
            if self.every.is_none() {
                pause = (pause * 3 / 2).min(Duration::from_millis(200));
            }
        }
        let last =
            last.map_or_else(|| "never seen: the first probe did not end".to_owned(), |value| format!("{value:?}"));
        Err(NotYet { within: self.within, polls, last })
    }

    /// Waits until the value equals the expected one.
    ///
    /// # Errors
    ///
    /// When no value was equal in time. The error has the last value.
    pub async fn equals<F, T>(self, expected: T) -> Result<T, NotYet>
    where
        P: FnMut() -> F,
        F: Future<Output = T>,
        T: Debug + PartialEq,
    {
        self.until(|value| *value == expected).await
    }

    /// Waits until the probe returns `Ok`, and returns the value in it.
    ///
    /// # Errors
    ///
    /// When the probe did not succeed in time. The error has the probe's last error.
    pub async fn succeeds<F, T, E>(self) -> Result<T, NotYet>
    where
        P: FnMut() -> F,
        F: Future<Output = Result<T, E>>,
        T: Debug,
        E: Debug,
    {
        let limit = self.within;
        match self.until(Result::is_ok).await? {
            Ok(value) => Ok(value),
            Err(error) => Err(NotYet { within: limit, polls: 0, last: format!("{error:?}") }),
        }
    }
}

impl<P, F> IntoFuture for Eventually<P>
where
    P: FnMut() -> F + 'static,
    F: Future<Output = bool> + 'static,
{
    type Output = Result<(), NotYet>;
    type IntoFuture = LocalFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.until(|holds| *holds).await.map(|_| ()) })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(future)
    }

    #[test]
    fn error_names_the_last_value() {
        let limit = Duration::from_millis(20);
        let failed = run(eventually(|| async { "placed" }).within(limit).equals("paid")).unwrap_err();
        let text = failed.to_string();
        assert!(text.starts_with("not within 20ms") && text.ends_with("the last value was \"placed\""), "{text}");
    }

    #[test]
    fn hanging_probe_ends_at_the_limit() {
        let limit = Duration::from_millis(20);
        let failed = run(eventually(std::future::pending::<bool>).within(limit).into_future()).unwrap_err();
        assert!(failed.to_string().ends_with("the first probe did not end"));
    }

    #[test]
    fn succeeds_polls_until_errors_stop() {
        let polls = Cell::new(0);
        let probe = || async {
            polls.set(polls.get() + 1);
            if polls.get() < 3 { Err("refused") } else { Ok(polls.get()) }
        };
        assert_eq!(run(eventually(probe).every(Duration::from_millis(1)).succeeds()), Ok(3));
    }
}
