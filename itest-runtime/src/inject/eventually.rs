//! Waiting for a condition without guessing how long it takes.

use std::fmt::Debug;
use std::future::IntoFuture;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::sync::LocalFuture;

/// Polls `probe` until a condition holds, and says what it saw last when it never does.
///
/// By default for 5 seconds, every 10 milliseconds at first and up to every 200 later.
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

/// A condition that is waited for; see [`eventually`].
#[derive(Debug, Clone)]
#[must_use = "nothing is polled until it is awaited"]
pub struct Eventually<P> {
    probe: P,
    within: Duration,
    every: Option<Duration>,
}

/// A condition that did not come true in time.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not within {within:?} ({polls} polls); the last value was {last}")]
pub struct NotYet {
    within: Duration,
    polls: u64,
    last: String,
}

impl<P> Eventually<P> {
    /// Gives up after this long (default: 5 seconds).
    pub fn within(mut self, limit: Duration) -> Self {
        self.within = limit;
        self
    }

    /// Polls at a fixed interval, instead of at growing ones.
    pub fn every(mut self, interval: Duration) -> Self {
        self.every = Some(interval);
        self
    }

    /// The first value that satisfies the condition.
    ///
    /// # Errors
    ///
    /// The last value, when none did in time. A probe that hangs is cut off at the limit too.
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
            let left = self.within.saturating_sub(began.elapsed());
            let Ok(value) = tokio::time::timeout(left.max(Duration::from_millis(1)), (self.probe)()).await else {
                break;
            };
            polls += 1;
            if condition(&value) {
                return Ok(value);
            }
            last = Some(value);
            let left = self.within.saturating_sub(began.elapsed());
            if left.is_zero() {
                break;
            }
            tokio::time::sleep(pause.min(left)).await;
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
    /// The last value, when none was equal in time.
    pub async fn equals<F, T>(self, expected: T) -> Result<T, NotYet>
    where
        P: FnMut() -> F,
        F: Future<Output = T>,
        T: Debug + PartialEq,
    {
        self.until(|value| *value == expected).await
    }

    /// Waits until the probe returns `Ok`, and gives what is in it.
    ///
    /// # Errors
    ///
    /// The last error, when the probe never succeeded in time.
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
    fn the_last_value_is_told() {
        let limit = Duration::from_millis(20);
        let failed = run(eventually(|| async { "placed" }).within(limit).equals("paid")).unwrap_err();
        let text = failed.to_string();
        assert!(text.starts_with("not within 20ms") && text.ends_with("the last value was \"placed\""), "{text}");
    }

    #[test]
    fn a_probe_that_hangs_is_cut_off() {
        let limit = Duration::from_millis(20);
        let failed = run(eventually(std::future::pending::<bool>).within(limit).into_future()).unwrap_err();
        assert!(failed.to_string().ends_with("the first probe did not end"));
    }

    #[test]
    fn errors_are_waited_out() {
        let polls = Cell::new(0);
        let probe = || async {
            polls.set(polls.get() + 1);
            if polls.get() < 3 { Err("refused") } else { Ok(polls.get()) }
        };
        assert_eq!(run(eventually(probe).every(Duration::from_millis(1)).succeeds()), Ok(3));
    }
}
