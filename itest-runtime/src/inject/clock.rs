//! The harness's own clock. Its time limits work even if the code under test blocks or pauses its runtime.
//!
//! A timer of tokio fires only when a thread of its runtime is idle, and never while a test has paused tokio's time. This clock has a
//! thread of its own. Most sleeps are time limits that are never reached, so a new sleep wakes the thread only if its deadline is earlier
//! than all others.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::own_threads::spawn_own_thread;

/// The registered sleeps, and the time at which the clock's thread wakes next.
struct State {
    sleepers: Vec<Sleeper>,
    wakes_at: Option<Instant>,
}

struct Sleeper {
    id: u64,
    deadline: Instant,
    waker: Waker,
}

static STATE: Mutex<State> = Mutex::new(State { sleepers: Vec::new(), wakes_at: None });

static CHANGED: Condvar = Condvar::new();

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the clock's thread if it does not run yet. A suite that registers no sleep never starts it.
///
/// If the system has no thread left, the next sleep tries again. Until then the supervisor ends a worker that exceeds its limit.
fn start_thread() {
    static IS_RUNNING: Mutex<bool> = Mutex::new(false);
    let mut is_running = IS_RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
    *is_running = *is_running || spawn_own_thread("itest-clock", run).is_ok();
}

fn run() {
    let mut state = state();
    loop {
        let now = Instant::now();
        let due: Vec<Sleeper> = state.sleepers.extract_if(.., |sleeper| sleeper.deadline <= now).collect();
        if !due.is_empty() {
            // The lock is released first, because a waker may call `sleep`.
            drop(state);
            for sleeper in due {
                sleeper.waker.wake();
            }
            state = self::state();
            continue;
        }
        state.wakes_at = state.sleepers.iter().map(|sleeper| sleeper.deadline).min();
        state = match state.wakes_at {
            None => CHANGED.wait(state).unwrap_or_else(PoisonError::into_inner),
            Some(deadline) => {
                let waited = CHANGED.wait_timeout(state, deadline.saturating_duration_since(now));
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
    }
}

/// Waits for a duration on the harness's own clock.
///
/// If the system's clock cannot represent the deadline, the sleep never ends.
#[must_use]
pub(crate) fn sleep(duration: Duration) -> Sleep {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let id = LAST.fetch_add(1, Ordering::Relaxed);
    Sleep { id, deadline: Instant::now().checked_add(duration), registered: None }
}

/// The future that [`sleep`] returns.
#[derive(Debug)]
pub(crate) struct Sleep {
    id: u64,
    deadline: Option<Instant>,
    registered: Option<Waker>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(deadline) = self.deadline else { return Poll::Pending };
        if deadline <= Instant::now() {
            return Poll::Ready(());
        }
        if !self.registered.as_ref().is_some_and(|waker| waker.will_wake(context.waker())) {
            register(Sleeper { id: self.id, deadline, waker: context.waker().clone() });
            self.registered = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if self.registered.is_some() {
            let id = self.id;
            state().sleepers.retain(|sleeper| sleeper.id != id);
        }
    }
}

fn register(sleeper: Sleeper) {
    let mut state = state();
    let is_earlier = state.wakes_at.is_none_or(|wakes_at| sleeper.deadline < wakes_at);
    state.sleepers.retain(|earlier| earlier.id != sleeper.id);
    state.sleepers.push(sleeper);
    drop(state);
    if is_earlier {
        start_thread();
        CHANGED.notify_one();
    }
}

/// The error of a future that did not end within its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Elapsed;

/// Awaits a future for at most the given duration on the harness's own clock.
///
/// # Errors
///
/// When the limit is reached before the future ends.
///
/// # Cancel safety
///
/// The same as that of the future.
pub async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
    let (mut future, mut over) = (pin!(future), pin!(sleep(limit)));
    std::future::poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(output) => Poll::Ready(Ok(output)),
        Poll::Pending => over.as_mut().poll(context).map(|()| Err(Elapsed)),
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block_on<F: Future>(future: F) -> F::Output {
        // The runtime has no timers, because the clock must work without them.
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
    }

    #[test]
    fn sleeps_end_in_the_order_of_their_deadlines() {
        let order = Mutex::new(Vec::new());
        let note = |ms| {
            let order = &order;
            async move {
                sleep(Duration::from_millis(ms)).await;
                order.lock().unwrap().push(ms);
            }
        };
        block_on(async { tokio::join!(note(60), note(5), note(30)) });
        assert_eq!(*order.lock().unwrap(), [5, 30, 60]);
    }

    #[test]
    fn timeout_ends_only_futures_that_exceed_their_limit() {
        let never = std::future::pending::<()>();
        assert_eq!(block_on(timeout(Duration::from_millis(5), never)), Err(Elapsed));
        assert_eq!(block_on(timeout(Duration::MAX, async { 7 })), Ok(7));
    }

    #[test]
    fn earlier_deadline_is_not_delayed_by_a_later_one() {
        let began = Instant::now();
        block_on(async {
            tokio::select! {
                () = sleep(Duration::from_mins(10)) => {}
                () = async {
                    sleep(Duration::from_millis(5)).await;
                    sleep(Duration::from_millis(5)).await;
                } => {}
            }
        });
        assert!(began.elapsed() < Duration::from_mins(1));
    }

    #[test]
    fn timeout_fires_while_tokio_runtime_is_blocked() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            tokio::spawn(async move { blocked.recv() });
            assert_eq!(timeout(Duration::from_millis(20), std::future::pending::<()>()).await, Err(Elapsed));
        });
        drop(release);
    }
}
