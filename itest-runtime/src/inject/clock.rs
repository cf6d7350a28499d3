//! The harness's own clock: time limits work also if the code under test blocks or pauses its runtime.
//!
//! A timer of tokio fires only if a thread of its runtime has nothing else to do, and not at all while a test has paused tokio's time.
//! This one has a thread of its own. Most sleeps are limits that are never reached, so that registering one does not wake the thread, as
//! long as it is going to wake early enough by itself.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::own_threads::spawn_own_thread;

/// What waits, and when the thread looks next.
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

/// Starts the clock's thread, unless it runs: a suite whose tests never wait does without.
///
/// Where the system has no thread left, the next sleep tries again. Meanwhile the supervisor ends a worker that overruns its limit.
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
            // A waker is foreign code and may call `sleep`, so that the lock is released first.
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

/// Ends after a time of the harness's own clock.
///
/// A time beyond what the system's clock can hold never ends.
#[must_use]
pub(crate) fn sleep(duration: Duration) -> Sleep {
    static LAST: AtomicU64 = AtomicU64::new(0);
    let id = LAST.fetch_add(1, Ordering::Relaxed);
    Sleep { id, deadline: Instant::now().checked_add(duration), registered: None }
}

/// See [`sleep`].
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

/// A future did not end within its limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Elapsed;

/// Awaits a future for a time of the harness's own clock.
///
/// # Errors
///
/// When the time is over before the future has ended.
///
/// # Cancel safety
///
/// As that of the future.
pub(crate) async fn timeout<F: Future>(limit: Duration, future: F) -> Result<F::Output, Elapsed> {
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
        // A runtime without timers: the clock needs none.
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
    fn timeout_cuts_off_what_takes_longer_and_nothing_else() {
        let never = std::future::pending::<()>();
        assert_eq!(block_on(timeout(Duration::from_millis(5), never)), Err(Elapsed));
        assert_eq!(block_on(timeout(Duration::MAX, async { 7 })), Ok(7));
    }

    #[test]
    fn earlier_deadline_is_not_kept_waiting_by_a_later_one() {
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
    fn clock_ticks_while_the_time_of_tokio_is_blocked() {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap();
        let (release, blocked) = std::sync::mpsc::channel::<()>();
        runtime.block_on(async {
            tokio::spawn(async move { blocked.recv() });
            assert_eq!(timeout(Duration::from_millis(20), std::future::pending::<()>()).await, Err(Elapsed));
        });
        drop(release);
    }
}
