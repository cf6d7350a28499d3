//! The same call several times at once.

use std::future::Future;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::Barrier;
use tokio::task::JoinSet;

/// Makes the same call several times at once, and waits until all of them have ended.
///
/// Each call is a task of its own, and gets its number, counted from 0. The calls begin together, when all tasks have started. If one of them
/// panics, this function panics with the same message, and the others are cancelled.
///
/// # Examples
///
/// ```
/// use itest::prelude::*;
/// use itest::{Client, concurrently};
/// # struct Shop { client: Client }
/// # #[fixture] fn shop() -> Shop { Shop { client: Client::new("http://127.0.0.1:1") } }
///
/// #[integration_test]
/// async fn burst_is_limited(shop: &Shop) -> Result<()> {
///     #[act]
///     let calls = concurrently(50, |_| shop.client.get("/products").send()).await;
///
///     #[assert]
///     let limited = calls.outcomes().filter(|response| response.as_ref().is_ok_and(|response| response.status() == 429));
///     assert_eq!(limited.count(), 40);
///     assert!(calls.percentile(95) < std::time::Duration::from_millis(500), "{calls:?}");
///     Ok(())
/// }
/// # fn main() {}
/// ```
///
/// # Panics
///
/// If a call panics, or outside of tests and fixtures, because no tokio runtime is running there.
pub async fn concurrently<F>(number: usize, call: impl Fn(usize) -> F) -> ConcurrentCalls<F::Output>
where
    F: Future<Output: Send> + Send + 'static,
{
    let together = Arc::new(Barrier::new(number.max(1)));
    let mut tasks = JoinSet::new();
    for position in 0..number {
        let (future, together) = (call(position), Arc::clone(&together));
        tasks.spawn(async move {
            together.wait().await;
            let began = Instant::now();
            let outcome = future.await;
            (position, ConcurrentCall { outcome, elapsed: began.elapsed() })
        });
    }
    let mut calls = Vec::with_capacity(number);
    while let Some(ended) = tasks.join_next().await {
        match ended {
            Ok(call) => calls.push(call),
            Err(error) => {
                if let Ok(panic) = error.try_into_panic() {
                    resume_unwind(panic);
                }
            }
        }
    }
    calls.sort_unstable_by_key(|(position, _)| *position);
    ConcurrentCalls(calls.into_iter().map(|(_, call)| call).collect())
}

/// A call that [`concurrently`] made.
#[derive(Debug, Clone)]
pub struct ConcurrentCall<T> {
    /// What the call returned.
    pub outcome: T,
    /// How long the call took.
    pub elapsed: Duration,
}

/// The calls that [`concurrently`] made, in the order of their numbers.
#[derive(Debug, Clone)]
pub struct ConcurrentCalls<T>(Vec<ConcurrentCall<T>>);

impl<T> ConcurrentCalls<T> {
    /// The number of calls.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no call.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The calls.
    pub fn iter(&self) -> impl Iterator<Item = &ConcurrentCall<T>> {
        self.0.iter()
    }

    /// What the calls returned.
    pub fn outcomes(&self) -> impl Iterator<Item = &T> {
        self.0.iter().map(|call| &call.outcome)
    }

    /// What the calls returned, by value.
    pub fn into_outcomes(self) -> impl Iterator<Item = T> {
        self.0.into_iter().map(|call| call.outcome)
    }

    /// The time within which this percentage of the calls has ended, by the nearest-rank method: 50 is the median, 100 the slowest call.
    /// Without a call, the time is zero.
    ///
    /// # Panics
    ///
    /// If the percentage is 0 or more than 100.
    #[must_use]
    #[track_caller]
    pub fn percentile(&self, percentage: u8) -> Duration {
        assert!((1..=100).contains(&percentage), "a percentage is a number from 1 to 100, not {percentage}");
        let mut times: Vec<Duration> = self.0.iter().map(|call| call.elapsed).collect();
        times.sort_unstable();
        let rank = (times.len() * usize::from(percentage)).div_ceil(100);
        times.get(rank.saturating_sub(1)).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn run<T>(future: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_time().build().unwrap().block_on(future)
    }

    #[test]
    fn all_calls_are_underway_at_once() {
        let underway = Arc::new(AtomicUsize::new(0));
        let calls = run(concurrently(20, |number| {
            let underway = Arc::clone(&underway);
            async move {
                underway.fetch_add(1, Ordering::SeqCst);
                while underway.load(Ordering::SeqCst) < 20 {
                    tokio::task::yield_now().await;
                }
                number
            }
        }));
        assert_eq!(calls.into_outcomes().collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    }

    #[test]
    fn percentile_is_the_time_of_the_nearest_rank() {
        let call = |millis| ConcurrentCall { outcome: (), elapsed: Duration::from_millis(millis) };
        let calls = ConcurrentCalls([30, 10, 20, 50, 40].map(call).to_vec());
        let times = [1, 20, 21, 50, 95, 100].map(|percentage| calls.percentile(percentage).as_millis());
        assert_eq!(times, [10, 10, 20, 30, 50, 50]);
        assert_eq!(ConcurrentCalls::<()>(Vec::new()).percentile(95), Duration::ZERO);
    }

    #[test]
    fn panic_of_a_call_is_the_panic_of_the_caller() {
        let panicked = std::panic::catch_unwind(|| {
            run(concurrently(3, |number| async move { assert_ne!(number, 1, "the second call fails") }))
        });
        let message = panicked.unwrap_err();
        assert!(message.downcast_ref::<String>().is_some_and(|message| message.contains("the second call fails")));
    }
}
